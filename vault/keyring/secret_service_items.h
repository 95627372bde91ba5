// SecretServiceItems: the default keyring through libsecret, with its own SecretService.
//
// A daemon cannot use libsecret's default instance: it is lost for good when the bus restarts, and
// it prompts. This class opens a new connection when the old one is closed. If a restarted provider
// has lost the session, it opens a new session and repeats the call once. It never prompts.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "vault/keyring/glib_ptr.h"
#include "vault/keyring/item_store.h"

namespace billbroker {

// Opens the bus of the environment at first use, and again after it was lost.
class SecretServiceItems final : public ItemStore {
 public:
  SecretServiceItems();
  ~SecretServiceItems() override;
  SecretServiceItems(const SecretServiceItems&) = delete;
  SecretServiceItems& operator=(const SecretServiceItems&) = delete;

  [[nodiscard]] VaultState Probe(Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<std::vector<std::string>> Find(const ItemAttributes& attributes,
                                                              Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<ItemAttributes> ReadAttributes(const std::string& path,
                                                              Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<SecretString> ReadSecret(const std::string& path,
                                                        Deadline deadline) override;
  [[nodiscard]] absl::Status Create(const ItemAttributes& attributes, const std::string& label,
                                    const SecretString& secret, Deadline deadline) override;
  [[nodiscard]] absl::Status Overwrite(const std::string& path, const SecretString& secret,
                                       Deadline deadline) override;
  [[nodiscard]] absl::Status Remove(const std::string& path, Deadline deadline) override;
  [[nodiscard]] std::set<std::string> TakeChanged() override;

 private:
  absl::Status Open(Deadline deadline);
  absl::Status OpenBus(Deadline deadline);
  void Listen();
  static void OnItemSignal(GDBusConnection* bus, const char* sender, const char* path,
                           const char* interface, const char* signal, GVariant* parameters,
                           gpointer self);
  void Close();
  // Opens, and runs `call`; repeats it once if the provider has lost the session. Returns the
  // status for its error.
  absl::Status Try(Deadline deadline, absl::FunctionRef<GErrorPtr()> call);
  absl::Status Explain(const GError& error) const;

  // Returns the default collection, unlocked without asking a person.
  absl::StatusOr<std::string> UnlockedCollection(Deadline deadline);
  absl::StatusOr<GVariantPtr> Property(const std::string& path, const char* interface,
                                       const char* name, Deadline deadline);
  GVariantPtr CallItem(const std::string& path, const char* interface, const char* method,
                       GVariant* arguments, Deadline deadline, GErrorPtr& error);

  GObjectPtr<GDBusConnection> bus_;
  GObjectPtr<SecretService> service_;
  guint subscription_ = 0;  // of bus_
  std::set<std::string> changed_;
};

}  // namespace billbroker

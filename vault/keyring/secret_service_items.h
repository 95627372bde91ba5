// SecretServiceItems: the default keyring through libsecret, over a SecretService of its own.
//
// libsecret's default instance is of no use to a daemon: it is lost for good when the bus restarts,
// and it prompts. Here a closed connection is dropped and opened anew, a session that a restarted
// provider has forgotten is opened anew and the call tried once more, and nothing prompts.
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
  // Opens, runs `call`, and once more after a forgotten session; says what its error means.
  absl::Status Try(Deadline deadline, absl::FunctionRef<GErrorPtr()> call);
  absl::Status Explain(const GError& error) const;

  // The default collection, unlocked without asking anybody.
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

// SecretServiceItems: the default keyring, through the Secret Service.
//
// libsecret negotiates the encrypted session and encrypts secrets; SessionBus makes the calls. A
// daemon cannot use more of libsecret 0.20.5: its default instance is lost for good when the bus
// restarts, it prompts, it crashes if a provider restarts at the wrong moment, and it leaks each
// secret that it reads. See docs/adr/0002-own-secret-service-instance.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "vault/keyring/glib_ptr.h"
#include "vault/keyring/item_store.h"
#include "vault/keyring/session_bus.h"

namespace billbroker {

class SecretServiceItems final : public ItemStore {
 public:
  // `allow_plain`: secrets may be transferred without encryption if the provider offers nothing
  // else.
  explicit SecretServiceItems(bool allow_plain);

  [[nodiscard]] absl::Status Probe(Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<std::vector<std::string>> Find(const ItemAttributes& attributes,
                                                              Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<ItemAttributes> ReadAttributes(const std::string& path,
                                                              Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<SecretString> ReadSecret(const std::string& path,
                                                        Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<NewItem> Create(const ItemAttributes& attributes,
                                               const std::string& label, const SecretString& secret,
                                               Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<std::string> Overwrite(const std::string& path,
                                                      const SecretString& secret,
                                                      Deadline deadline) override;
  [[nodiscard]] absl::StatusOr<std::string> Remove(const std::string& path,
                                                   Deadline deadline) override;
  [[nodiscard]] absl::Status ShowPrompt(const std::string& prompt, OnPrompted prompted,
                                        Deadline deadline) override;
  void DismissPrompt(const std::string& prompt) override;
  void RenewSession() override { session_.reset(); }
  [[nodiscard]] KeyringChanges TakeChanges() override;
  [[nodiscard]] VaultProvider provider() const override;

 private:
  using Reply = absl::StatusOr<GVariantPtr>;

  // Returns the path of the default collection, after an attempt to unlock it.
  [[nodiscard]] absl::StatusOr<std::string> UnlockedCollection(Deadline deadline);
  [[nodiscard]] absl::StatusOr<bool> IsLocked(const std::string& path, const char* interface,
                                              Deadline deadline);
  // Calls a method without a session.
  [[nodiscard]] Reply Call(const std::string& path, const char* interface, const char* method,
                           GVariant* arguments, const char* reply_type, Deadline deadline);
  // Calls a method of an item that changes it. Fails with kNotFound if another provider has taken
  // over since Find(): KWallet gives the paths of its items to others after a restart.
  [[nodiscard]] Reply ChangeItem(const std::string& path, const char* method, GVariant* arguments,
                                 const char* reply_type, Deadline deadline);
  // Makes a call that needs a session. A session that the provider has lost has many error names:
  // after any error that may be one, repeats the call once with a new session.
  [[nodiscard]] Reply CallInSession(Deadline deadline, absl::FunctionRef<Reply()> call);
  [[nodiscard]] absl::Status OpenSession(Deadline deadline);
  // Opens the bus, and notes its owner.
  [[nodiscard]] absl::Status Connect(Deadline deadline);
  // Drops the session if another provider took over.
  void NoteOwner();

  const bool allow_plain_;
  GObjectPtr<SecretService> session_;  // used for its keys only; closing the bus drops it
  std::map<std::string, std::string> removed_by_;  // prompt -> the item that it removes
  SessionBus bus_;                                 // its end ends prompts
  std::string encryption_;
  bool provider_changed_ = false;
  std::uint64_t takeovers_ = 0;  // that TakeChanges() returned
  bool paths_valid_ = false;     // found since the last change of the provider
};

}  // namespace billbroker

// SessionBus: the D-Bus session bus of this process, and the calls of the Secret Service on it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vault/keyring/deadline.h"
#include "vault/keyring/glib_ptr.h"
#include "vault/vault.h"

namespace billbroker {

inline constexpr char kSecretServiceName[] = "org.freedesktop.secrets";
inline constexpr char kSecretCollectionInterface[] = "org.freedesktop.Secret.Collection";
inline constexpr char kSecretServicePath[] = "/org/freedesktop/secrets";

// Opens the bus that the environment names at the first use, and again after it was lost. Used on
// the keyring's thread only. It calls the Secret Service itself and reads no cached property of
// libsecret: a provider that restarts must not crash the process, and every error is reported.
class SessionBus final {
 public:
  // Receives the end of a prompt: if the person confirmed it, the path of the object that it made
  // (empty if it made none), VaultError(kNeedsConfirmation) if the person dismissed it, and
  // VaultError() of another state if the provider or the bus ended.
  using OnPrompted = std::function<void(const absl::StatusOr<std::string>& made)>;

  SessionBus();
  ~SessionBus();
  SessionBus(const SessionBus&) = delete;
  SessionBus& operator=(const SessionBus&) = delete;

  // Opens the bus unless it is open. Fails with VaultError(kNoBus), which describes the reason:
  // there is none, it belongs to another user, it does not answer, …. A bus of another user is
  // closed before any call, because it can read and change every call.
  [[nodiscard]] absl::Status Open(Deadline deadline);

  // Calls a method of the object at `path`. Consumes a floating `arguments`. Returns the answer,
  // whose type is `reply_type`, such as "(ao)". Requires: open.
  //
  // Errors: VaultError(), with the text that the provider sent; a kNotFound without a reason if the
  // provider has no such object.
  [[nodiscard]] absl::StatusOr<GVariantPtr> Call(const std::string& path, const char* interface,
                                                 const char* method, GVariant* arguments,
                                                 const char* reply_type, Deadline deadline);

  // Shows a prompt of the provider. `prompted` runs on the keyring's thread once it ends, unless
  // DismissPrompt() is called first. Requires: open.
  [[nodiscard]] absl::Status ShowPrompt(const std::string& path, OnPrompted prompted,
                                        Deadline deadline);
  // Does nothing if the bus is not open.
  void DismissPrompt(const std::string& path);

  // Returns the error of a call of the Secret Service, also of libsecret's.
  [[nodiscard]] absl::Status Explain(const GError& error) const;

  // Returns true if another process owns the Secret Service's name since the last call, or none.
  [[nodiscard]] bool TakeOwnerChanged() { return std::exchange(owner_changed_, false); }
  // Returns the paths of items that the provider reported as created, changed or removed since the
  // last call.
  [[nodiscard]] std::set<std::string> TakeChangedItems() {
    return std::exchange(changed_items_, {});
  }
  // Ignores the signals so far about the item: they were caused by this process.
  void IgnoreChange(const std::string& item) { changed_items_.erase(item); }

  // Queries the owner of the Secret Service's name. Fails with kNoBus if the bus itself does not
  // answer. Requires: open.
  [[nodiscard]] absl::Status FindProvider(Deadline deadline);
  [[nodiscard]] const VaultProvider& provider() const { return provider_; }
  // Returns the error of a bus without a Secret Service; its fix fits the last provider's program.
  [[nodiscard]] absl::Status NoProvider(const std::string& what = "") const;

  // Sets the function that runs before the connection is dropped: it releases every other
  // reference to the connection.
  void SetOnClose(std::function<void()> on_close) { on_close_ = std::move(on_close); }

 private:
  class Prompt;

  void Listen();
  // Ends every prompt that is shown.
  void EndPrompts(const absl::Status& end);
  [[nodiscard]] absl::Status Silent() const;
  void Close();
  static void OnItemSignal(GDBusConnection* bus, const char* sender, const char* path,
                           const char* interface, const char* signal, GVariant* parameters,
                           gpointer self);
  static void OnOwnerChanged(GDBusConnection* bus, const char* sender, const char* path,
                             const char* interface, const char* signal, GVariant* parameters,
                             gpointer self);
  static void OnPromptCompleted(GDBusConnection* bus, const char* sender, const char* path,
                                const char* interface, const char* signal, GVariant* parameters,
                                gpointer self);

  GObjectPtr<GDBusConnection> bus_;
  guint item_subscription_ = 0;
  guint owner_subscription_ = 0;
  bool owner_changed_ = false;
  bool silent_ = false;  // the bus did not answer FindProvider() the last time
  std::set<std::string> changed_items_;
  std::map<std::string, std::unique_ptr<Prompt>> prompts_;  // path -> shown prompt
  VaultProvider provider_;                                  // empty while there is none
  std::string last_program_;  // of the last provider, also of an earlier bus
  std::function<void()> on_close_ = [] {};
};

}  // namespace billbroker

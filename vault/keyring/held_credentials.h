// HeldCredentials: keeps credentials for a moment after they were read, so that a burst of sign-ins
// reads the keyring once.
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "vault/base/mutex.h"
#include "vault/credential.h"

namespace billbroker {

// Thread-safe. `now` is any clock that does not go back.
class HeldCredentials final {
 public:
  explicit HeldCredentials(absl::Duration hold_time) : hold_time_(hold_time) {}

  // Returns the credential, which counts as a use; null if it is not held.
  [[nodiscard]] CredentialPtr Find(absl::string_view name, absl::Duration now);
  void Put(CredentialPtr credential, absl::Duration now);
  void Drop(absl::string_view name);
  void DropAll();
  // Drops the credentials that were last used `hold_time` ago or longer. Returns true if any is
  // left.
  bool Sweep(absl::Duration now);

 private:
  struct Held {
    CredentialPtr credential;
    absl::Duration last_use;
  };

  const absl::Duration hold_time_;
  Mutex mutex_;
  std::map<std::string, Held, std::less<>> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker

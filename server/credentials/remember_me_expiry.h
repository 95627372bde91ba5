// RememberMeExpiry: says in time that a stored rememberMeId is about to lose BILL's trust.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "vault/base/clock.h"
#include "vault/credential_index.h"

namespace billbroker {

class MfaObserver {
 public:
  virtual ~MfaObserver() = default;
  // `left` until BILL takes it no more; zero or less where that is past.
  virtual void RememberMeExpires(absl::string_view credential, absl::Duration left) = 0;
};

// Not thread-safe.
class RememberMeExpiry final {
 public:
  struct Parts {  // borrowed
    const Clock& clock;
    const CredentialIndex& credentials;
    MfaObserver& observer;
  };

  explicit RememberMeExpiry(Parts parts) : parts_(parts) {}

  // Looks at every credential, and tells of each rememberMeId once when a week is left, once when a
  // day is, and once when it is over. Call it every hour or so.
  void Look();

 private:
  const Parts parts_;
  // What was told already: uid and fingerprint -> how much was left then, at the most.
  absl::flat_hash_map<std::string, absl::Duration> told_;
};

}  // namespace billbroker

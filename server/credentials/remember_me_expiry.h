// RememberMeExpiry: warns in time that BILL will stop trusting a stored rememberMeId.
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
  // Receives the time `left` until BILL no longer accepts the rememberMeId; zero or less if it has
  // expired.
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

  // Checks every credential, and reports each rememberMeId once when a week is left, once when a
  // day is left, and once when it has expired. Call it about every hour.
  void Look();

 private:
  const Parts parts_;
  // The reported warnings: uid and fingerprint -> the lowest threshold that was reported.
  absl::flat_hash_map<std::string, absl::Duration> told_;
};

}  // namespace billbroker

// RememberMeRefusals: the rememberMeIds that BILL does not accept.
#pragma once

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "vault/base/mutex.h"
#include "vault/credential_info.h"

namespace billbroker {

// Kept in memory only: the next sign-in after a restart shows it again. Thread-safe.
class RememberMeRefusals final {
 public:
  // Notes whether BILL accepted the rememberMeId of `tried`. Returns true if this is its first
  // recorded refusal.
  bool Note(const CredentialInfo& tried, bool accepted, absl::Time now);
  // Returns when BILL first refused the rememberMeId of `credential`; nullopt if BILL accepted it
  // the last time, or was not asked.
  [[nodiscard]] absl::optional<absl::Time> FindRefusalTime(const CredentialInfo& credential) const;

 private:
  mutable Mutex mutex_;
  // By credential uid and fingerprint.
  absl::flat_hash_map<std::pair<std::string, std::string>, absl::Time> refused_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker

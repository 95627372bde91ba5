// UnknownOutcomes: the recent changes of credentials to which the keyring's answer was lost.
// Internal to server/credentials.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/credential_info.h"

namespace billbroker {

// Such a change may be stored, or be stored later without a notification of the keyring. In memory
// only: a restarted broker reads everything. Thread-safe.
class UnknownOutcomes final {
 public:
  // A change is kept for this time.
  static constexpr absl::Duration kKept = absl::Minutes(10);

  // Borrows `clock`.
  explicit UnknownOutcomes(const Clock& clock) : clock_(clock) {}

  // Adds a change of the credential called `name`.
  void Add(const std::string& name);
  // Adds the creation of `draft`, which `principal` requested.
  void AddCreate(CredentialInfoPtr draft, std::string principal);
  // Removes the change of `name`: a later one was stored.
  void Remove(absl::string_view name);

  [[nodiscard]] bool Contains(absl::string_view name) const;

  // Returns the draft of a creation by `principal` that has the name and the values of `draft`;
  // null if there is none. The uid, the version and the times do not count.
  [[nodiscard]] CredentialInfoPtr FindCreate(const CredentialInfo& draft,
                                             absl::string_view principal) const;

 private:
  struct Change {
    absl::Duration time;      // Clock::SinceBoot()
    CredentialInfoPtr draft;  // of a creation
    std::string principal;    // of a creation
  };

  void Put(const std::string& name, Change change);
  [[nodiscard]] bool IsKept(const Change& change) const;

  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, Change, std::less<>> by_name_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker

// AcceptanceHistory: the secrets and devKeys that BILL accepted before. They decide how much a
// refusal is evidence of, so that its scope is never wider than its evidence.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/ids.h"
#include "server/session/sign_in_outcome.h"
#include "server/session/sign_in_rule.h"

namespace billbroker {

// Not thread-safe: guarded by SessionManager. Times are Clock::SinceBoot().
class AcceptanceHistory final {
 public:
  // Returns the history of `candidate`. Leaves `secret_accepted` and `dev_key_worked_here` false:
  // FailureBound and SessionSlot hold these facts.
  [[nodiscard]] SignInHistory Find(const SignInCandidate& candidate, absl::Duration now) const;

  // Records that BILL accepted the sign-in.
  void NoteAccepted(const SignInCandidate& candidate, absl::Duration now);
  // Adds an acceptance of before a restart, which ended at `ended`.
  void RestoreAccepted(const SignInCandidate& candidate, absl::Duration ended);
  // Records that BILL refused the devKey for the organization (BDC_1102, 1103).
  void NoteDevKeyRefused(const SignInCandidate& candidate);
  // Records that a slot of the store once worked with this devKey.
  void RestoreDevKey(const DevKeyBudgetId& dev_key) { worked_.insert(dev_key); }

 private:
  // The two newest organizations at which a secret was accepted: one of them is another than any
  // given organization.
  struct Acceptances {
    std::pair<std::string, absl::Duration> newest;
    std::pair<std::string, absl::Duration> second;
  };
  using SecretAndDevKey = std::pair<std::string, DevKeyBudgetId>;

  absl::flat_hash_map<std::string, Acceptances> accepted_;  // by secret id
  absl::flat_hash_set<DevKeyBudgetId> worked_;
  // The two newest organizations that were refused without an acceptance since.
  std::map<SecretAndDevKey, std::pair<std::string, std::string>> refused_;
};

}  // namespace billbroker

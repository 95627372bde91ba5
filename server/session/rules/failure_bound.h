// FailureBound: when a sign-in of a BILL user may be sent, so that the broker never locks an
// account.
//
// BILL locks a user after about ten failed sign-ins. The bound allows 3 an hour, for any cause, and
// enforces that *before* they happen: a sign-in under way counts as failed. Of the 3, the
// secret in effect may use 2 and secrets on trial (rotation, roll-back) 2, so that neither callers
// after a password change at BILL nor an operator's typos shut the other out. A secret that BILL
// never accepted goes one at a time: a wrong password of 500 organizations costs one refusal.
//
// BILL may refuse an accepted secret for a reason that is not the secret, for example a user that
// has no access to one organization. Such a refusal does not fail the user. But if the password was
// changed at BILL, each organization may be refused so. Therefore these refusals count as failures
// until BILL accepts a sign-in of the user. One organization may use 2 of the 3, so that another
// organization can show that the secret is right. They leave one for another secret.
//
// If the answer to a sign-in is lost, it may have failed. For a secret that BILL never accepted, at
// most 6 an hour are allowed, taken back once BILL accepts it. Together that makes at most 9 failed
// sign-ins an hour, which BILL tolerates. A secret that BILL accepted is probably still right, and
// an outage must not shut its user out. But the password may have been changed at BILL during the
// outage. Therefore after 4 lost answers in a row the next sign-in waits a minute, and twice as
// long after each further one, up to half an hour: about 9 in the first hour. An outage delays the
// user by about its own length at most. Any answer of BILL's to the user ends the wait. A restart
// forgets it.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/random.h"

namespace billbroker {

// A failed sign-in, or one whose answer was lost, that ended before a restart.
struct PastFailure {
  std::string secret_id;  // CredentialInfo::user_secret_id
  bool on_trial = false;
  UserFailure failure = UserFailure::kFailed;  // a sign-in that a crash cut off is kUnclear
  absl::Duration ended;
  std::string organization_id = {};  // empty: a partner's own sign-in, or unknown
  bool narrow = false;               // refused in SignInOutcome::failed_scope only
};

class FailureBound final : public SignInRule {
 public:
  // `failures_per_hour` is above 0.
  FailureBound(int failures_per_hour, Random& random)
      : bound_(failures_per_hour), random_(random) {}

  // Changes the bound: 1 while nothing stores failures, so that it holds over restarts. With a
  // bound of 1, either the secret in effect or one on trial may use it.
  void SetBound(int failures_per_hour) { bound_ = failures_per_hour; }
  [[nodiscard]] int bound() const { return bound_; }

  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Released(const SignInCandidate& candidate, absl::Duration now) override;
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

  // Returns the fingerprint of the secret that BILL last accepted of the user; empty if none, or if
  // BILL refused it since. Valid until the next change.
  [[nodiscard]] absl::string_view AcceptedSecret(const UserId& user) const;

  // Restores the records of the process before, in any order.
  void Restore(const UserId& user, PastFailure failure);
  // Forgets the failures that Restore() added without a secret: their source, which has no secrets,
  // was replaced by one that has.
  void ForgetUnknownSecrets();
  void RestoreAccepted(const UserId& user, absl::string_view secret_id);
  // Takes back the narrow refusals that ended before `accepted`, when BILL accepted a sign-in.
  void ForgiveNarrow(const UserId& user, absl::Duration accepted);

 private:
  // One sign-in of a user that failed, may have failed, or is under way.
  struct Try {
    std::string secret_id;
    bool on_trial = false;
    absl::Duration ended;
    std::string organization_id = {};
  };
  struct User {
    std::string accepted;  // fingerprint of the secret that BILL last accepted; may be empty
    std::vector<Try> under_way;
    std::deque<Try> failed;   // of the past hour, oldest first
    std::deque<Try> unclear;  // likewise; none of the accepted secret
    std::deque<Try> narrow;   // likewise; refused in a narrower scope since the last acceptance
    int lost_in_row = 0;      // answers to sign-ins with the accepted secret
    absl::Duration last_lost;
  };
  struct Refusal {
    bool lost = false;  // because of lost answers
    int count = 0;      // of the sign-ins that failed, or may have
    absl::Duration until;
  };

  User& UserOf(const UserId& id, absl::Duration now);
  // Returns true if `tried` uses the share of the failures that `candidate` may use.
  [[nodiscard]] static bool SharesWith(const Try& tried, const User& user,
                                       const SignInCandidate& candidate);
  // Returns when the narrow refusals ended that count against `candidate`, in any order.
  [[nodiscard]] std::vector<absl::Duration> FindNarrow(const User& user,
                                                       const SignInCandidate& candidate) const;
  static void Insert(std::deque<Try>& tries, Try added);
  // Counts the lost answers in a row of the accepted secret.
  static void NoteLost(User& user, const SignInCandidate& candidate, const SignInOutcome& outcome,
                       absl::Duration now);
  static void EndOne(User& user, const SignInCandidate& candidate);
  [[nodiscard]] absl::optional<Refusal> FindRefusal(const User& user,
                                                    const SignInCandidate& candidate,
                                                    absl::Duration now) const;
  [[nodiscard]] bool IsBusy(const User& user, const SignInCandidate& candidate) const;
  // Returns how many failures the secret in effect may use, and how many secrets on trial may.
  [[nodiscard]] int Share() const { return bound_ > 1 ? bound_ - 1 : 1; }
  [[nodiscard]] int UnclearBound() const { return 2 * bound_; }

  int bound_;
  Random& random_;
  absl::flat_hash_map<UserId, User> users_;
};

}  // namespace billbroker

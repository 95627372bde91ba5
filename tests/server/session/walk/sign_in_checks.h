// SignInChecks: a model of the sign-ins that BILL received, which checks the limits of sign-ins.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "server/session/session_observer.h"
#include "server/session/session_store.h"
#include "tests/server/session/walk/violation.h"
#include "vault/base/clock.h"

namespace billbroker {

// A sign-in that BILL received.
struct SentSignIn {
  enum class Ending {
    kUnderWay,
    kLost,     // its process ended before the answer
    kFailed,   // BILL judged the secret, or may have
    kNotSent,  // BILL did not receive it after all
    kOther,    // accepted, or failed for a reason that does not count for the user
  };

  std::string credential;
  std::string organization_id;  // empty: a partner's own sign-in
  std::string user;
  std::string secret;
  std::string dev_key_id;
  bool on_trial = false;

  // Set by SignInChecks.
  std::string attempt;  // the id in the ledger
  int process = 0;
  absl::Duration sent;
  absl::Duration ended;
  Ending ending = Ending::kUnderWay;
};

using SentSignInPtr = std::shared_ptr<SentSignIn>;

// Not thread-safe.
class SignInChecks final {
 public:
  // `per_hour`: the sign-ins that BILL allows a devKey.
  SignInChecks(const Clock& clock, int per_hour, Violation& violation)
      : clock_(clock), per_hour_(per_hour), violation_(violation) {}

  // The audit log received the intent.
  void Intended(const SignInFacts& facts);
  // The store received the change.
  void Stored(const StoreChange& change);

  // BILL receives the sign-in. `stored`: the store can be written.
  SentSignInPtr Sent(SentSignIn sign_in, bool stored);
  // The engine receives the answer.
  void Answered(SentSignIn& sign_in, SentSignIn::Ending ending);

  // The process ended. `bound`: the failed sign-ins that the next one allows each user and hour.
  void Restarted(int bound);
  // The process has the contents of the store from now on: the sign-ins of earlier processes that
  // the store lost are not held against it.
  void Restored(const StoreContents& contents);
  void SetBound(int bound) { bound_ = bound; }

  // Return the sign-ins that were sent, and of these the ones that failed.
  [[nodiscard]] int sent() const { return sent_count_; }
  [[nodiscard]] int failed() const { return failed_count_; }

 private:
  using Place = std::tuple<std::string, std::string, std::string>;

  void CheckWritten(SentSignIn& sign_in, bool stored);
  void CheckConcurrency(const SentSignIn& sign_in);
  void CheckBudget(const SentSignIn& sign_in);
  void CheckBound(const SentSignIn& sign_in);
  void CheckFailures(const SentSignIn& failed);
  void ForgetOld();

  const Clock& clock_;
  const int per_hour_;
  Violation& violation_;
  int process_ = 0;
  int bound_ = 3;
  int sent_count_ = 0;
  int failed_count_ = 0;
  std::map<Place, std::string> intents_;  // (credential, organization, devKey) -> attempt
  std::set<std::string> stored_attempts_;
  std::deque<SentSignInPtr> past_hour_;  // in the order in which they were sent
};

}  // namespace billbroker

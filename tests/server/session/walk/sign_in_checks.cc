#include "tests/server/session/walk/sign_in_checks.h"

#include <algorithm>
#include <utility>

namespace billbroker {
namespace {

using Ending = SentSignIn::Ending;

constexpr int kAtOncePerUser = 2;
constexpr int kFailuresPerUser = 3;
constexpr int kFailuresPerShare = 2;
constexpr absl::Duration kHour = absl::Hours(1);

}  // namespace

void SignInChecks::Intended(const SignInFacts& facts) {
  intents_[{facts.credential, facts.organization_id, facts.dev_key_id}] = facts.id;
}

void SignInChecks::Stored(const StoreChange& change) {
  if (const auto* attempt = absl::get_if<StoredAttempt>(&change)) {
    stored_attempts_.insert(attempt->id);
  } else if (const auto* forgotten = absl::get_if<AttemptForgotten>(&change)) {
    stored_attempts_.erase(forgotten->id);
  }
}

SentSignInPtr SignInChecks::Sent(SentSignIn sign_in, bool stored) {
  ForgetOld();
  ++sent_count_;
  sign_in.sent = clock_.SinceBoot();
  sign_in.process = process_;
  CheckWritten(sign_in, stored);
  CheckConcurrency(sign_in);
  CheckBound(sign_in);
  past_hour_.push_back(std::make_shared<SentSignIn>(std::move(sign_in)));
  CheckBudget(*past_hour_.back());
  return past_hour_.back();
}

void SignInChecks::CheckWritten(SentSignIn& sign_in, bool stored) {
  const auto intent =
      intents_.find({sign_in.credential, sign_in.organization_id, sign_in.dev_key_id});
  if (intent == intents_.end()) {
    return violation_.Report("a sign-in of ", sign_in.user, " has no intent on the audit log");
  }
  sign_in.attempt = intent->second;
  intents_.erase(intent);
  if (stored && !stored_attempts_.contains(sign_in.attempt)) {
    violation_.Report("a sign-in of ", sign_in.user, " is not in the store");
  }
}

void SignInChecks::CheckConcurrency(const SentSignIn& sign_in) {
  const auto under_way =
      std::count_if(past_hour_.begin(), past_hour_.end(), [&](const SentSignInPtr& each) {
        return each->ending == Ending::kUnderWay && each->user == sign_in.user;
      });
  if (under_way >= kAtOncePerUser) {
    violation_.Report(under_way + 1, " sign-ins of ", sign_in.user, " are under way");
  }
}

void SignInChecks::CheckBudget(const SentSignIn& sign_in) {
  const absl::Duration now = clock_.SinceBoot();
  const auto used =
      std::count_if(past_hour_.begin(), past_hour_.end(), [&](const SentSignInPtr& each) {
        return each->ending != Ending::kNotSent && each->dev_key_id == sign_in.dev_key_id &&
               each->sent + kHour > now;
      });
  if (used > per_hour_) {
    violation_.Report("a devKey has ", used, " sign-ins in an hour");
  }
}

void SignInChecks::CheckBound(const SentSignIn& sign_in) {
  const absl::Duration now = clock_.SinceBoot();
  const auto failed =
      std::count_if(past_hour_.begin(), past_hour_.end(), [&](const SentSignInPtr& each) {
        return each->ending == Ending::kFailed && each->user == sign_in.user &&
               each->ended + kHour > now;
      });
  if (failed >= bound_) {
    violation_.Report("a sign-in of ", sign_in.user, " is sent after ", failed,
                      " failed in an hour; the bound is ", bound_);
  }
}

void SignInChecks::Answered(SentSignIn& sign_in, Ending ending) {
  sign_in.ending = ending;
  sign_in.ended = clock_.SinceBoot();
  if (ending == Ending::kFailed) CheckFailures(sign_in);
}

void SignInChecks::CheckFailures(const SentSignIn& failed) {
  ForgetOld();
  ++failed_count_;
  int all = 0;
  int share = 0;  // of the secret in effect, or of all on trial
  for (const SentSignInPtr& each : past_hour_) {
    const bool counts = each->ending == Ending::kFailed && each->user == failed.user &&
                        each->ended + kHour > clock_.SinceBoot();
    if (!counts) continue;
    ++all;
    const bool shared =
        each->on_trial == failed.on_trial && (failed.on_trial || each->secret == failed.secret);
    if (shared) ++share;
  }
  if (all > kFailuresPerUser) {
    violation_.Report(all, " sign-ins of ", failed.user, " failed in an hour");
  }
  if (share > kFailuresPerShare) {
    violation_.Report(share, " sign-ins of ", failed.user, " failed in an hour with ",
                      failed.on_trial ? "secrets on trial" : "the secret in effect");
  }
}

void SignInChecks::Restarted(int bound) {
  ++process_;
  bound_ = bound;
  intents_.clear();
  for (const SentSignInPtr& each : past_hour_) {
    if (each->ending == Ending::kUnderWay) Answered(*each, Ending::kLost);
  }
}

void SignInChecks::Restored(const StoreContents& contents) {
  std::map<std::string, SignInEnding> known;
  for (const StoredAttempt& attempt : contents.attempts) known[attempt.id] = attempt.ending;
  std::erase_if(past_hour_, [&](const SentSignInPtr& each) {
    return each->process != process_ && !known.contains(each->attempt);
  });
  for (const SentSignInPtr& each : past_hour_) {
    const bool lost = each->process != process_ && each->ending == Ending::kFailed &&
                      known[each->attempt] != SignInEnding::kFailed;
    if (lost) each->ending = Ending::kLost;
  }
}

void SignInChecks::ForgetOld() {
  const absl::Duration now = clock_.SinceBoot();
  const auto old = [now](const SentSignIn& each) {
    return each.ending != Ending::kUnderWay && each.sent + kHour <= now &&
           each.ended + kHour <= now;
  };
  while (!past_hour_.empty() && old(*past_hour_.front())) past_hour_.pop_front();
}

}  // namespace billbroker

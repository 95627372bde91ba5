#include "server/session/rules/failure_bound.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/rules/rule_errors.h"

namespace billbroker {
namespace {

constexpr absl::Duration kFailuresCountFor = absl::Hours(1);
constexpr int kLostWithoutWait = 4;
constexpr absl::Duration kFirstWaitAfterLost = absl::Minutes(1);
constexpr absl::Duration kLongestWaitAfterLost = absl::Minutes(30);

const std::string& SecretOf(const SignInCandidate& candidate) {
  return candidate.credential->user_secret_id;
}

// Returns the time between the last of `lost_in_row` lost answers and the next sign-in.
absl::Duration WaitAfterLost(int lost_in_row) {
  if (lost_in_row < kLostWithoutWait) return absl::ZeroDuration();
  absl::Duration wait = kFirstWaitAfterLost;
  for (int i = kLostWithoutWait; i < lost_in_row && wait < kLongestWaitAfterLost; ++i) wait *= 2;
  return std::min(wait, kLongestWaitAfterLost);
}

}  // namespace

FailureBound::User& FailureBound::UserOf(const UserId& id, absl::Duration now) {
  User& user = users_[id];
  for (std::deque<Try>* tries : {&user.failed, &user.unclear, &user.narrow}) {
    while (!tries->empty() && tries->front().ended + kFailuresCountFor <= now) tries->pop_front();
  }
  return user;
}

void FailureBound::Insert(std::deque<Try>& tries, Try added) {
  const auto later = std::find_if(tries.begin(), tries.end(),
                                  [&added](const Try& each) { return each.ended > added.ended; });
  tries.insert(later, std::move(added));
}

// Failures of an earlier secret do not count against a secret that BILL accepted: after a rotation,
// callers must not wait for an hour because the secret before was wrong.
bool FailureBound::SharesWith(const Try& tried, const User& user,
                              const SignInCandidate& candidate) {
  if (tried.on_trial != candidate.on_trial) return false;
  return user.accepted != SecretOf(candidate) || tried.secret_id == SecretOf(candidate);
}

// Of another secret, so many count that a changed one may still go.
std::vector<absl::Duration> FailureBound::FindNarrow(const User& user,
                                                     const SignInCandidate& candidate) const {
  std::vector<absl::Duration> ended;
  int others = 0;
  for (auto each = user.narrow.rbegin(); each != user.narrow.rend(); ++each) {
    if (each->secret_id != SecretOf(candidate) && ++others > Share()) continue;
    ended.push_back(each->ended);
  }
  return ended;
}

absl::optional<FailureBound::Refusal> FailureBound::FindRefusal(const User& user,
                                                                const SignInCandidate& candidate,
                                                                absl::Duration now) const {
  absl::optional<Refusal> refusal;
  // Applies one limit to the times of sign-ins, oldest first: the candidate may go once fewer than
  // `limit` are left.
  const auto apply = [&refusal](const std::vector<absl::Duration>& ended, int limit, bool lost) {
    const int count = static_cast<int>(ended.size());
    if (count < limit) return;
    const absl::Duration until = ended[static_cast<std::size_t>(count - limit)] + kFailuresCountFor;
    if (!refusal.has_value() || refusal->until < until) refusal = Refusal{lost, count, until};
  };
  std::vector<absl::Duration> failed = FindNarrow(user, candidate);
  std::vector<absl::Duration> shared;
  for (const Try& each : user.failed) {
    failed.push_back(each.ended);
    if (SharesWith(each, user, candidate)) shared.push_back(each.ended);
  }
  std::sort(failed.begin(), failed.end());
  apply(failed, bound_, false);
  apply(shared, Share(), false);
  std::vector<absl::Duration> same_organization;
  for (const Try& each : user.narrow) {
    if (each.secret_id == SecretOf(candidate) &&
        each.organization_id == candidate.slot.organization_id) {
      same_organization.push_back(each.ended);
    }
  }
  apply(same_organization, Share(), false);
  if (user.accepted == SecretOf(candidate)) {
    const absl::Duration until = user.last_lost + WaitAfterLost(user.lost_in_row);
    const bool later = !refusal.has_value() || refusal->until < until;
    if (until > now && later) refusal = Refusal{true, user.lost_in_row, until};
    return refusal;
  }
  std::vector<absl::Duration> unclear;
  for (const Try& each : user.unclear) unclear.push_back(each.ended);
  apply(unclear, UnclearBound(), true);
  return refusal;
}

bool FailureBound::IsBusy(const User& user, const SignInCandidate& candidate) const {
  const auto shares = [&user, &candidate](const Try& each) {
    return SharesWith(each, user, candidate);
  };
  const auto all = user.failed.size() + FindNarrow(user, candidate).size() + user.under_way.size();
  const auto shared = std::count_if(user.failed.begin(), user.failed.end(), shares) +
                      std::count_if(user.under_way.begin(), user.under_way.end(), shares);
  if (static_cast<int>(all) >= bound_ || static_cast<int>(shared) >= Share()) return true;
  if (user.accepted == SecretOf(candidate)) {
    // Each sign-in under way may be the lost answer that starts or prolongs the wait.
    return !user.under_way.empty() &&
           user.lost_in_row + static_cast<int>(user.under_way.size()) >= kLostWithoutWait;
  }
  const auto unproven =
      std::count_if(user.under_way.begin(), user.under_way.end(),
                    [&user](const Try& each) { return each.secret_id != user.accepted; });
  const bool same_secret =
      std::any_of(user.under_way.begin(), user.under_way.end(),
                  [&candidate](const Try& each) { return each.secret_id == SecretOf(candidate); });
  return same_secret || static_cast<int>(user.unclear.size()) + unproven >= UnclearBound();
}

RuleAnswer FailureBound::Check(const SignInCandidate& candidate, absl::Duration now) {
  const User& user = UserOf(candidate.user, now);
  if (FindRefusal(user, candidate, now).has_value()) return RuleAnswer::Refuse();
  if (!IsBusy(user, candidate)) return RuleAnswer::Go();
  // Proofs are asked first. If one has to wait, the secret in effect may still go.
  const bool proof = candidate.purpose == SignInPurpose::kProof;
  return RuleAnswer::WaitForAnother(proof ? RuleAnswer::Blocks::kThisOne
                                          : RuleAnswer::Blocks::kUser);
}

absl::Status FailureBound::Explain(const SignInCandidate& candidate, absl::Duration now) {
  const absl::optional<Refusal> refusal = FindRefusal(UserOf(candidate.user, now), candidate, now);
  const std::string user =
      absl::StrCat("the user of credential \"", candidate.credential->name, "\"");
  if (!refusal.has_value()) {
    return LoginBudgetSpent(
        candidate, RetryAfter(absl::InfiniteDuration(), now, random_),
        absl::StrCat("other sign-ins of ", user,
                     " are under way, and each may fail; try again after the time to wait"));
  }
  const absl::Duration wait = RetryAfter(refusal->until, now, random_);
  if (refusal->lost) {
    return LoginBudgetSpent(
        candidate, wait,
        absl::StrCat("the answers to the last ", refusal->count, " sign-ins of ", user,
                     " were lost, and BILL may have counted each as failed; try again after the "
                     "time to wait"));
  }
  return LoginBudgetSpent(
      candidate, wait,
      absl::StrCat(refusal->count, " sign-ins of ", user,
                   " failed within an hour, and more could lock it at BILL; fix the credential and "
                   "try again after the time to wait"));
}

void FailureBound::Started(const SignInCandidate& candidate, absl::Duration now) {
  UserOf(candidate.user, now)
      .under_way.push_back({SecretOf(candidate), candidate.on_trial, absl::ZeroDuration(), {}});
}

void FailureBound::EndOne(User& user, const SignInCandidate& candidate) {
  const auto found =
      std::find_if(user.under_way.begin(), user.under_way.end(), [&candidate](const Try& each) {
        return each.secret_id == SecretOf(candidate) && each.on_trial == candidate.on_trial;
      });
  if (found != user.under_way.end()) user.under_way.erase(found);
}

void FailureBound::NoteLost(User& user, const SignInCandidate& candidate,
                            const SignInOutcome& outcome, absl::Duration now) {
  if (outcome.judged) user.lost_in_row = 0;
  if (!outcome.lost || user.accepted != SecretOf(candidate)) return;
  ++user.lost_in_row;
  user.last_lost = now;
}

void FailureBound::Released(const SignInCandidate& candidate, absl::Duration now) {
  EndOne(UserOf(candidate.user, now), candidate);
}

void FailureBound::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                         absl::Duration now) {
  User& user = UserOf(candidate.user, now);
  EndOne(user, candidate);
  const std::string& secret = SecretOf(candidate);
  NoteLost(user, candidate, outcome, now);
  if (outcome.proof == SecretProof::kGained) RestoreAccepted(candidate.user, secret);
  if (outcome.proof == SecretProof::kLost && user.accepted == secret) user.accepted.clear();
  if (outcome.proof == SecretProof::kGained) user.narrow.clear();
  Restore(candidate.user,
          {secret, candidate.on_trial, outcome.failure, now, candidate.slot.organization_id,
           outcome.failed_scope != QuarantineScope::kNone});
}

absl::string_view FailureBound::AcceptedSecret(const UserId& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? absl::string_view() : found->second.accepted;
}

void FailureBound::Restore(const UserId& id, PastFailure failure) {
  User& user = users_[id];
  Try tried = {std::move(failure.secret_id), failure.on_trial, failure.ended,
               std::move(failure.organization_id)};
  if (failure.failure == UserFailure::kFailed) {
    Insert(user.failed, std::move(tried));
  } else if (failure.failure == UserFailure::kUnclear && tried.secret_id != user.accepted) {
    Insert(user.unclear, std::move(tried));
  } else if (failure.failure == UserFailure::kNone && failure.narrow) {
    Insert(user.narrow, std::move(tried));
  }
}

void FailureBound::ForgetUnknownSecrets() {
  for (auto& [id, user] : users_) {
    for (std::deque<Try>* tries : {&user.failed, &user.unclear}) {
      std::erase_if(*tries, [](const Try& tried) { return tried.secret_id.empty(); });
    }
  }
}

void FailureBound::ForgiveNarrow(const UserId& id, absl::Duration accepted) {
  std::erase_if(users_[id].narrow, [accepted](const Try& each) { return each.ended <= accepted; });
}

void FailureBound::RestoreAccepted(const UserId& id, absl::string_view secret_id) {
  User& user = users_[id];
  user.accepted = std::string(secret_id);
  const auto proven =
      std::remove_if(user.unclear.begin(), user.unclear.end(),
                     [&user](const Try& each) { return each.secret_id == user.accepted; });
  user.unclear.erase(proven, user.unclear.end());
}

}  // namespace billbroker

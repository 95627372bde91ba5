#include "server/session/rules/circuit_breaker.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/rules/rule_errors.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr absl::Duration kOutageWindow = absl::Minutes(5);
constexpr std::size_t kOutageSignIns = 5;

constexpr absl::Duration kFirstLook = absl::Seconds(1);
constexpr absl::Duration kLongestLook = absl::Minutes(1);
constexpr double kLookJitter = 0.2;
constexpr absl::Duration kTrialWithoutLook = absl::Minutes(5);
// How long a trial is kept for another organization. If that one cannot go for another reason, the
// trial must not wait for it.
constexpr absl::Duration kTrialForAnother = absl::Seconds(5);

}  // namespace

void CircuitBreaker::Age(Circuit& circuit, absl::Duration now) {
  circuit.organizations.ForgetBefore(now - kOutageWindow);
  circuit.users.ForgetBefore(now - kOutageWindow);
  std::deque<Try>& transient = circuit.transient;
  while (!transient.empty() && transient.front().when + kOutageWindow < now) transient.pop_front();
}

void CircuitBreaker::RemoveUnderWay(Circuit& circuit, const SignInCandidate& candidate) {
  const auto found = std::find_if(circuit.under_way.begin(), circuit.under_way.end(),
                                  [&candidate](const Try& each) {
                                    return each.organization_id == candidate.slot.organization_id &&
                                           each.user == candidate.user;
                                  });
  if (found != circuit.under_way.end()) circuit.under_way.erase(found);
}

bool CircuitBreaker::IsOutage(const Circuit& circuit) {
  if (circuit.transient.size() < kOutageSignIns) return false;
  absl::flat_hash_set<std::string> organizations;
  absl::flat_hash_set<UserId> users;
  for (const Try& each : circuit.transient) {
    organizations.insert(each.organization_id);
    users.insert(each.user);
  }
  const bool enough_organizations = organizations.size() >= kOutageOrganizations;
  const bool enough_users = users.size() >= kOutageUsers;
  return circuit.organizations.AreCoveredBy(organizations) && circuit.users.AreCoveredBy(users) &&
         std::all_of(circuit.under_way.begin(), circuit.under_way.end(), [&](const Try& each) {
           return (enough_organizations || organizations.contains(each.organization_id)) &&
                  (enough_users || users.contains(each.user));
         });
}

void CircuitBreaker::PlanLook(Circuit& circuit, absl::Duration now) {
  constexpr int kEnoughDoublings = 10;
  const double doubled = std::exp2(std::min(circuit.looks, kEnoughDoublings));
  const absl::Duration delay = std::min(kFirstLook * doubled, kLongestLook);
  circuit.next_look = now + delay * (1 - kLookJitter + 2 * kLookJitter * random_.Uniform());
}

void CircuitBreaker::Open(Circuit& circuit, absl::Duration now) {
  circuit.open = true;
  circuit.looks = 0;
  circuit.trial_without_look = now + kTrialWithoutLook;
  PlanLook(circuit, now);
}

void CircuitBreaker::Close(Circuit& circuit) {
  circuit.open = false;
  circuit.trial_since.reset();
  circuit.trial.reset();
  circuit.trials_of.clear();
  circuit.transient.clear();
}

void CircuitBreaker::EndTrial(Circuit& circuit, absl::Duration now) {
  circuit.trial.reset();
  circuit.trial_since.reset();
  circuit.trial_without_look = now + kTrialWithoutLook;
  if (!circuit.looking) PlanLook(circuit, now);
}

absl::optional<absl::Duration> CircuitBreaker::TrialSince(const Circuit& circuit,
                                                          absl::Duration now) {
  if (circuit.trial.has_value()) return absl::nullopt;
  if (circuit.trial_since.has_value()) return circuit.trial_since;
  if (circuit.trial_without_look <= now) return circuit.trial_without_look;
  return absl::nullopt;
}

bool CircuitBreaker::AnotherWaits(Circuit& circuit, const std::string& organization_id) {
  if (!circuit.trials_of.contains(organization_id)) return false;
  const auto tried_and_waiting =
      std::count_if(circuit.trials_of.begin(), circuit.trials_of.end(),
                    [&circuit](const std::string& each) { return circuit.waiting.contains(each); });
  if (circuit.waiting.size() > static_cast<std::size_t>(tried_and_waiting)) return true;
  circuit.trials_of.clear();  // each that waits had its turn
  return false;
}

RuleAnswer CircuitBreaker::Check(const SignInCandidate& candidate, absl::Duration now) {
  using Blocks = RuleAnswer::Blocks;
  const auto found = circuits_.find(candidate.user.environment);
  if (found == circuits_.end() || !found->second.open) return RuleAnswer::Go();
  Circuit& circuit = found->second;
  if (circuit.trial.has_value()) return RuleAnswer::WaitForAnother(Blocks::kEnvironment);
  const absl::optional<absl::Duration> since = TrialSince(circuit, now);
  if (since.has_value()) {
    const absl::Duration kept_until = *since + kTrialForAnother;
    if (now >= kept_until || !AnotherWaits(circuit, candidate.slot.organization_id)) {
      return RuleAnswer::Go();
    }
    return RuleAnswer::WaitUntil(kept_until, Blocks::kThisOne);
  }
  const bool refused =
      candidate.purpose == SignInPurpose::kProof || candidate.purpose == SignInPurpose::kCaller;
  return refused ? RuleAnswer::Refuse()
                 : RuleAnswer::WaitUntil(circuit.trial_without_look, Blocks::kEnvironment);
}

absl::Status CircuitBreaker::Explain(const SignInCandidate& candidate, absl::Duration now) {
  const auto found = circuits_.find(candidate.user.environment);
  const bool open = found != circuits_.end() && found->second.open;
  return MakeError(
      {Reason::kBillUnavailable,
       RetryAfter(open ? found->second.next_look : now, now, random_),
       {{"organization_id", candidate.slot.organization_id},
        {"credential", candidate.credential->name}}},
      absl::StrCat("BILL does not answer sign-ins in environment \"", candidate.user.environment,
                   "\"; the broker asks BILL by itself whether it is available again: ask again "
                   "after the time to wait"));
}

void CircuitBreaker::Joined(const SignInCandidate& candidate, absl::Duration /*now*/) {
  ++circuits_[candidate.user.environment].waiting[candidate.slot.organization_id];
}

void CircuitBreaker::Left(const SignInCandidate& candidate, absl::Duration /*now*/) {
  Circuit& circuit = circuits_[candidate.user.environment];
  const auto found = circuit.waiting.find(candidate.slot.organization_id);
  if (found != circuit.waiting.end() && --found->second == 0) circuit.waiting.erase(found);
}

void CircuitBreaker::Started(const SignInCandidate& candidate, absl::Duration now) {
  Circuit& circuit = circuits_[candidate.user.environment];
  Age(circuit, now);
  circuit.under_way.push_back({now, candidate.slot.organization_id, candidate.user});
  if (!circuit.open) return;
  circuit.trial = candidate.slot;
  circuit.trials_of.insert(candidate.slot.organization_id);
}

void CircuitBreaker::Released(const SignInCandidate& candidate, absl::Duration /*now*/) {
  Circuit& circuit = circuits_[candidate.user.environment];
  if (circuit.trial == candidate.slot) circuit.trial.reset();  // another one may be the trial
  RemoveUnderWay(circuit, candidate);
}

void CircuitBreaker::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                           absl::Duration now) {
  Circuit& circuit = circuits_[candidate.user.environment];
  RemoveUnderWay(circuit, candidate);
  circuit.organizations.Note(candidate.slot.organization_id, now);
  circuit.users.Note(candidate.user, now);
  if (outcome.judged) return Close(circuit);
  if (circuit.open) {
    if (circuit.trial == candidate.slot) EndTrial(circuit, now);
    return;
  }
  if (!outcome.transient) return;
  Age(circuit, now);
  circuit.transient.push_back({now, candidate.slot.organization_id, candidate.user});
  if (IsOutage(circuit)) Open(circuit, now);
}

bool CircuitBreaker::IsOpen(absl::string_view environment) const {
  const auto found = circuits_.find(environment);
  return found != circuits_.end() && found->second.open;
}

absl::optional<absl::Duration> CircuitBreaker::NextLook(absl::string_view environment) const {
  const auto found = circuits_.find(environment);
  if (found == circuits_.end()) return absl::nullopt;
  const Circuit& circuit = found->second;
  const bool trial_is_next = circuit.trial.has_value() || circuit.trial_since.has_value();
  if (!circuit.open || circuit.looking || trial_is_next) return absl::nullopt;
  return circuit.next_look;
}

absl::Duration CircuitBreaker::NextLook() const {
  absl::Duration earliest = absl::InfiniteDuration();
  for (const auto& [environment, circuit] : circuits_) {
    earliest = std::min(earliest, NextLook(environment).value_or(earliest));
  }
  return earliest;
}

std::vector<std::string> CircuitBreaker::LooksDue(absl::Duration now) const {
  std::vector<std::string> due;
  for (const auto& [environment, circuit] : circuits_) {
    if (NextLook(environment).value_or(absl::InfiniteDuration()) <= now) due.push_back(environment);
  }
  return due;
}

void CircuitBreaker::LookStarted(absl::string_view environment, absl::Duration now) {
  Circuit& circuit = circuits_[environment];
  circuit.looking = true;
  ++circuit.looks;
  PlanLook(circuit, now);  // for callers, until the answer
}

void CircuitBreaker::LookAnswered(absl::string_view environment, bool good, absl::Duration now) {
  Circuit& circuit = circuits_[environment];
  circuit.looking = false;
  if (!circuit.open) return;
  if (good) circuit.trial_since = now;
  PlanLook(circuit, now);
}

}  // namespace billbroker

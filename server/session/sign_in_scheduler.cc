#include "server/session/sign_in_scheduler.h"

#include <algorithm>
#include <utility>

namespace billbroker {
namespace {

constexpr absl::Duration kClaimLasts = absl::Seconds(60);

SignInQueue::Next SkipBlocked(RuleAnswer::Blocks blocks) {
  switch (blocks) {
    case RuleAnswer::Blocks::kThisOne:
      return SignInQueue::Next::kNextInLane;
    case RuleAnswer::Blocks::kPrincipalOnDevKey:
    case RuleAnswer::Blocks::kUser:
      return SignInQueue::Next::kNextLane;
    case RuleAnswer::Blocks::kDevKey:
    case RuleAnswer::Blocks::kEnvironment:
      return SignInQueue::Next::kNextDevKey;
    case RuleAnswer::Blocks::kAll:
      return SignInQueue::Next::kStop;
  }
  return SignInQueue::Next::kStop;
}

}  // namespace

SignInRule* SignInScheduler::FirstObjection(const SignInCandidate& candidate, absl::Duration now,
                                            RuleAnswer& answer) {
  for (SignInRule* rule : rules_) {
    answer = rule->Check(candidate, now);
    if (!answer.ok()) return rule;
  }
  return nullptr;
}

void SignInScheduler::Join(const CandidateId& id, absl::Duration now) {
  const SignInQueue::Entry& entry = *queue_.Find(id);
  for (SignInRule* rule : rules_) rule->Joined(entry.candidate, now);
}

void SignInScheduler::Leave(const CandidateId& id, absl::Duration now) {
  const SignInQueue::Entry* entry = queue_.Find(id);
  if (entry == nullptr || entry->is_claim) return;
  for (SignInRule* rule : rules_) rule->Left(entry->candidate, now);
}

void SignInScheduler::Enqueue(const CandidateId& id, SignInCandidate candidate, absl::Duration now,
                              std::uint64_t place) {
  Leave(id, now);
  queue_.Put(id, std::move(candidate), place);
  Join(id, now);
}

void SignInScheduler::Promise(const CandidateId& id, absl::Duration retry) {
  if (queue_.Find(id) != nullptr) queue_.Promise(id, retry + kClaimLasts);
}

void SignInScheduler::StopWaiting(const CandidateId& id, absl::Duration now) {
  const SignInQueue::Entry* entry = queue_.Find(id);
  if (entry == nullptr) return;
  if (entry->promised_until <= now) {
    Withdraw(id, now);
  } else if (!entry->is_claim) {
    Leave(id, now);
    queue_.MakeClaim(id);
  }
}

void SignInScheduler::Withdraw(const CandidateId& id, absl::Duration now) {
  Leave(id, now);
  queue_.Remove(id);
}

absl::Status SignInScheduler::CheckAllowed(const SignInCandidate& candidate, absl::Duration now) {
  for (SignInRule* rule : rules_) {
    if (rule->Check(candidate, now).kind() == RuleAnswer::Kind::kRefuse) {
      return rule->Explain(candidate, now);
    }
  }
  return absl::OkStatus();
}

absl::optional<SignInScheduler::Due> SignInScheduler::Next(absl::Duration now) {
  wake_time_ = absl::InfiniteDuration();
  absl::optional<CandidateId> due;
  absl::Status refusal;
  queue_.Walk([&](const SignInQueue::Entry& entry) {
    RuleAnswer answer = RuleAnswer::Go();
    SignInRule* objector = FirstObjection(entry.candidate, now, answer);
    if (answer.kind() == RuleAnswer::Kind::kWait) {
      wake_time_ = std::min(wake_time_, answer.until());
      return SkipBlocked(answer.blocks());
    }
    due = entry.id;
    if (objector != nullptr) refusal = objector->Explain(entry.candidate, now);
    return SignInQueue::Next::kStop;
  });
  if (!due.has_value()) return absl::nullopt;
  Due next{*queue_.Find(*due), std::move(refusal)};
  Withdraw(*due, now);
  if (next.refusal.ok()) {
    for (SignInRule* rule : rules_) rule->Started(next.entry.candidate, now);
  }
  return next;
}

void SignInScheduler::Released(const SignInCandidate& candidate, absl::Duration now) {
  for (SignInRule* rule : rules_) rule->Released(candidate, now);
}

void SignInScheduler::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                            absl::Duration now) {
  for (SignInRule* rule : rules_) rule->Ended(candidate, outcome, now);
}

SignInScheduler::Estimate SignInScheduler::EstimateStart(const CandidateId& id,
                                                         absl::Duration now) {
  const SignInQueue::Entry& entry = *queue_.Find(id);
  const SignInCandidate& candidate = entry.candidate;
  const absl::Duration turn = budget_.TurnOf(candidate.dev_key, queue_.RankOf(entry), now);
  Estimate estimate = {turn, {}};
  SignInRule* decisive = nullptr;
  for (SignInRule* rule : rules_) {
    const RuleAnswer answer = rule->Check(candidate, now);
    if (answer.kind() != RuleAnswer::Kind::kWait) continue;
    if (answer.until() == absl::InfiniteDuration() || answer.until() <= estimate.start) continue;
    estimate.start = answer.until();
    decisive = rule;
  }
  if (candidate.partner.has_value() && queue_.Find(*candidate.partner) != nullptr) {
    Estimate partner = EstimateStart(*candidate.partner, now);
    if (partner.start > estimate.start) return partner;
  }
  if (decisive != nullptr) {
    estimate.explanation = decisive->Explain(candidate, now);
  } else if (turn > now) {
    estimate.explanation = budget_.ExplainTurn(candidate, turn, now);
  }
  return estimate;
}

}  // namespace billbroker

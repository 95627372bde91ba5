#include "server/session/sign_in_dispatcher.h"

#include <algorithm>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/session/partner_renewal.h"
#include "server/session/partner_sign_in.h"
#include "server/session/probe_sign_in.h"
#include "server/session/session_maintenance.h"
#include "server/session/slot_errors.h"
#include "server/session/slot_sign_in.h"
#include "vault/base/error.h"

namespace billbroker {
void SignInDispatcher::Run(LockedSessions& state) {
  while (true) {
    if (!state->wanting.empty()) {
      for (const auto& [id, purpose] : std::exchange(state->wanting, {})) {
        SessionSlot* slot = state->slots.Find(id.view());
        if (slot != nullptr) Request(state, *slot, purpose);
      }
    } else if (state->dispatch) {
      state->dispatch = false;
      Dispatch(state);
    } else if (!state->refuse_impatient.empty()) {
      for (const CandidateId& id : std::exchange(state->refuse_impatient, {})) {
        RefuseImpatient(state, id);
      }
    } else {
      break;
    }
  }
  if (!state->drained.empty()) NotifyDrained(state);
  if (state->removable.empty()) return;
  for (const SlotId& id : std::exchange(state->removable, {})) {
    const SessionSlot* slot = state->slots.Find(id.view());
    if (slot == nullptr || !slot->removed || slot->activity != SessionSlot::Activity::kIdle)
      continue;
    state->rules.scheduler.Withdraw(id, shared_.now());
    state->journal.ForgetSlot(id);
    state->slots.Erase(id);
  }
}

SignInCandidate SignInDispatcher::MakeCandidate(LockedSessions& state, const SessionSlot& slot,
                                                SignInPurpose purpose) {
  const CredentialInfo& credential = *slot.credential;
  const std::string& organization_id = slot.organization_id();
  SignInCandidate candidate;
  candidate.slot = slot.id;
  candidate.credential = slot.credential;
  candidate.user = ToUserId(credential, organization_id);
  candidate.dev_key = ToDevKeyBudgetId(credential, organization_id);
  candidate.purpose = purpose;
  candidate.force = slot.waiters.force();
  candidate.partner = ToPartnerId(credential);
  if (candidate.partner.has_value()) candidate.step = SignInStep::kSignInAsUser;
  if (!slot.waiters.empty()) {
    // The first caller is charged, unless it used its share and another one did not.
    const auto is_below = [&](const std::string& principal) {
      return state->rules.shares.IsBelowShare(candidate.dev_key, principal, shared_.now());
    };
    candidate.principal = slot.waiters.front().demand.principal;
    if (slot.waiters.CountPrincipals() > 1 && !is_below(candidate.principal)) {
      candidate.principal = slot.waiters.FindPrincipal(is_below).value_or(candidate.principal);
    }
  } else if (purpose == SignInPurpose::kWarm && !slot.session.IsLive(shared_.now())) {
    candidate.principal = state->warm.FindPrincipal(organization_id, credential.name);
  }
  return candidate;
}

SignInCandidate SignInDispatcher::MakeCandidate(const CredentialProbe& probe) const {
  const CredentialInfo& credential = *probe.request.info;
  const std::string& organization_id = probe.request.organization_id;
  SignInCandidate candidate;
  candidate.slot = probe.slot();
  candidate.credential = probe.request.info;
  candidate.user = ToUserId(credential, organization_id);
  candidate.dev_key = ToDevKeyBudgetId(credential, organization_id);
  candidate.principal = probe.request.principal;
  candidate.purpose = SignInPurpose::kProof;
  candidate.force = probe.request.ignore_quarantine ? SignInForce::kOperator : SignInForce::kNone;
  candidate.partner = ToPartnerId(credential, probe.id);
  if (candidate.partner.has_value()) candidate.step = SignInStep::kSignInAsUser;
  candidate.on_trial = probe.on_trial;
  return candidate;
}

absl::Status SignInDispatcher::CheckAllowed(LockedSessions& state, const SessionSlot& slot) {
  if (slot.removed) return Removed(slot);
  return state->rules.scheduler.CheckAllowed(MakeCandidate(state, slot, SignInPurpose::kCaller),
                                             shared_.now());
}

void SignInDispatcher::SetFailureBound(LockedSessions& state) {
  const bool stored = shared_.parts.store.state() == StoreState::kReady;
  state->rules.failures.SetBound(stored ? shared_.options.max_failed_sign_ins_per_hour : 1);
}

void SignInDispatcher::Request(LockedSessions& state, SessionSlot& slot, SignInPurpose purpose) {
  // The end of a check or sign-in under way answers the callers.
  if (slot.activity == SessionSlot::Activity::kChecking ||
      slot.activity == SessionSlot::Activity::kSigningIn) {
    return;
  }
  for (Waiter& waiter : slot.waiters.TakeCachedOnly()) {
    state.Defer(
        [done = std::move(waiter.done), error = NoLiveSession(slot)]() mutable { done(error); });
  }
  const bool asked_for = purpose == SignInPurpose::kCaller || state->draining;
  if (slot.waiters.empty() && !slot.removed) {
    if (asked_for) return;
    const SignInQueue::Entry* entry = state->rules.scheduler.queue().Find(slot.id);
    if (entry != nullptr && entry->is_claim) {  // for a caller: the sign-in is left to that one
      return state->slots.ScheduleMaintenance(slot, shared_.now() + kMaintenanceRetry);
    }
  }
  SetFailureBound(state);
  SignInCandidate candidate = MakeCandidate(state, slot, purpose);
  absl::Status refusal =
      slot.removed ? Removed(slot) : state->rules.scheduler.CheckAllowed(candidate, shared_.now());
  if (!refusal.ok()) return slots_.FailWaiters(state, slot, refusal);
  slot.activity = SessionSlot::Activity::kQueued;
  state->rules.scheduler.Enqueue(slot.id, std::move(candidate), shared_.now());
  state->dispatch = true;
  state->refuse_impatient.emplace_back(slot.id);
}

void SignInDispatcher::Dispatch(LockedSessions& state) {
  DropExpiredClaims(state);
  SetFailureBound(state);
  if (state->draining) WithdrawUnasked(state);
  const absl::Duration now = shared_.now();
  do {
    (void)state->rules.partner_first.TakeWanted();  // of earlier questions
    while (absl::optional<SignInScheduler::Due> due = state->rules.scheduler.Next(now)) {
      const CandidateId id = due->entry.id;
      if (const auto* slot = absl::get_if<SlotId>(&id); slot != nullptr) {
        LaunchSlot(state, *slot, *std::move(due));
      } else if (const auto* partner = absl::get_if<PartnerId>(&id); partner != nullptr) {
        LaunchPartner(state, *partner, *std::move(due));
      } else {
        LaunchProbe(state, absl::get<ProbeId>(id), *std::move(due));
      }
    }
  } while (QueuePartners(state));
  looks_.SendDue(state);
  ScheduleWake(state);
}

void SignInDispatcher::DropExpiredClaims(LockedSessions& state) {
  for (const CandidateId& id : state->rules.scheduler.TakeExpiredClaims(shared_.now())) {
    const auto* slot_id = absl::get_if<SlotId>(&id);
    SessionSlot* slot = slot_id == nullptr ? nullptr : state->slots.Find(slot_id->view());
    if (slot != nullptr && slot->place_stored) slots_.Save(state, *slot);
  }
}

void SignInDispatcher::WithdrawUnasked(LockedSessions& state) {
  SignInScheduler& scheduler = state->rules.scheduler;
  std::vector<CandidateId> unasked;
  scheduler.queue().Walk([&unasked](const SignInQueue::Entry& entry) {
    if (entry.order.first > SignInPurpose::kCaller) unasked.push_back(entry.id);
    return SignInQueue::Next::kNextInLane;
  });
  for (const CandidateId& id : unasked) {
    scheduler.Withdraw(id, shared_.now());
    const auto* slot_id = absl::get_if<SlotId>(&id);
    if (slot_id == nullptr) continue;
    SessionSlot& slot = *state->slots.Find(slot_id->view());
    slot.activity = SessionSlot::Activity::kIdle;
    if (slot.place_stored) slots_.Save(state, slot);
  }
}

void SignInDispatcher::NotifyDrained(LockedSessions& state) {
  bool waited_for = false;
  state->rules.scheduler.queue().Walk([&waited_for](const SignInQueue::Entry&) {
    waited_for = true;
    return SignInQueue::Next::kStop;
  });
  if (waited_for || state->rules.concurrency.under_way() > 0) return;
  std::vector<SlotId>& checks = state->awaited_checks;
  const auto has_ended = [&state](const SlotId& id) {
    const SessionSlot* slot = state->slots.Find(id.view());
    return slot == nullptr || slot->waiters.empty() ||
           slot->activity != SessionSlot::Activity::kChecking;
  };
  checks.erase(std::remove_if(checks.begin(), checks.end(), has_ended), checks.end());
  if (!checks.empty()) return;
  for (absl::AnyInvocable<void()>& done : std::exchange(state->drained, {})) {
    state.Defer(std::move(done));
  }
}

bool SignInDispatcher::QueuePartners(LockedSessions& state) {
  bool added = false;
  SignInScheduler& scheduler = state->rules.scheduler;
  for (const SignInCandidate& wanted : state->rules.partner_first.TakeWanted()) {
    Partner& partner = state->partners.FindOrCreate(*wanted.partner, wanted.credential);
    if (partner.signing_in) continue;
    const SignInQueue::Entry* queued = scheduler.queue().Find(partner.id);
    if (queued != nullptr && queued->order.first <= wanted.purpose) continue;
    partner.credential = wanted.credential;
    const auto probe = state->probes.find(partner.id.probe);
    if (probe != state->probes.end()) partner.candidate = probe->second->request.candidate;
    SignInCandidate candidate = wanted;
    candidate.slot = partner.slot();
    candidate.step = SignInStep::kPartnerSignIn;
    candidate.user = ToUserId(*wanted.credential);
    candidate.dev_key = ToAppKeyBudgetId(*wanted.credential);
    candidate.partner = absl::nullopt;
    scheduler.Enqueue(partner.id, std::move(candidate), shared_.now());
    added = true;
  }
  return added;
}

SignInJob::Parts SignInDispatcher::MakeJobParts() {
  return {shared_.parts.executor, shared_.parts.store, shared_.parts.observer, looks_};
}

void SignInDispatcher::LaunchSlot(LockedSessions& state, const SlotId& id,
                                  SignInScheduler::Due due) {
  SessionSlot& slot = *state->slots.Find(id.view());  // erased slots are not queued
  slot.activity = SessionSlot::Activity::kIdle;
  if (due.refusal.ok() && slot.removed) {
    state->rules.scheduler.Released(due.entry.candidate, shared_.now());
    due.refusal = Removed(slot);
  }
  if (!due.refusal.ok()) return slots_.FailWaiters(state, slot, due.refusal);
  slot.activity = SessionSlot::Activity::kSigningIn;
  SignInAttempt attempt;
  attempt.entry = std::move(due.entry);
  if (attempt.candidate().partner.has_value()) {
    attempt.partner = state->partners.Find(*attempt.candidate().partner)->session;
  }
  if (!slot.waiters.empty()) {
    attempt.principal = slot.waiters.front().demand.principal;
    attempt.cause = slot.waiters.front().demand.cause;
  }
  SignInJob::Start(MakeJobParts(),
                   std::make_unique<SlotSignIn>(shared_, slots_, settlement_, std::move(attempt)));
}

void SignInDispatcher::LaunchPartner(LockedSessions& state, const PartnerId& id,
                                     SignInScheduler::Due due) {
  Partner& partner = *state->partners.Find(id);  // erased partners are not queued
  if (!due.refusal.ok()) {
    return FailBehindPartner(shared_, state, slots_, id, ProbeVerdict::kNotTried, due.refusal);
  }
  // A probe's session may have come first, or nobody waits any longer.
  if (partner.IsLive(shared_.now()) || !state->rules.scheduler.queue().AnyWaitsBehind(id)) {
    state->rules.scheduler.Released(due.entry.candidate, shared_.now());
    state->dispatch = true;
    return;
  }
  partner.signing_in = true;
  SignInAttempt attempt;
  attempt.entry = std::move(due.entry);
  AttributeToFirstCaller(state, id, attempt);
  SignInJob::Start(MakeJobParts(),
                   std::make_unique<PartnerSignIn>(shared_, slots_, settlement_, id,
                                                   partner.candidate, std::move(attempt)));
}

void SignInDispatcher::AttributeToFirstCaller(LockedSessions& state, const PartnerId& id,
                                              SignInAttempt& attempt) {
  for (const CandidateId& behind : state->rules.scheduler.queue().FindBehind(id)) {
    if (const auto* probe_id = absl::get_if<ProbeId>(&behind); probe_id != nullptr) {
      const CredentialProbe& probe = *state->probes.find(*probe_id)->second;
      attempt.principal = probe.request.principal;
      attempt.cause = probe.request.cause;
      return;
    }
    const auto* slot_id = absl::get_if<SlotId>(&behind);
    const SessionSlot* slot = slot_id == nullptr ? nullptr : state->slots.Find(slot_id->view());
    if (slot == nullptr || slot->waiters.empty()) continue;
    attempt.principal = slot->waiters.front().demand.principal;
    attempt.cause = slot->waiters.front().demand.cause;
    return;
  }
}

void SignInDispatcher::StartProbe(LockedSessions& state, CredentialProbe& probe) {
  const SignInCandidate candidate = MakeCandidate(probe);
  absl::Status refusal = state->rules.scheduler.CheckAllowed(candidate, shared_.now());
  // The stored document may have been edited by hand since the credential index read it.
  if (probe.request.candidate->FindOrganization(probe.request.organization_id) == nullptr) {
    refusal = Removed(*state->slots.Find(probe.slot().view()));
  }
  if (!refusal.ok()) {
    return EndProbe(shared_, state, probe, {ProbeVerdict::kNotTried, std::move(refusal), nullptr});
  }
  state->rules.scheduler.Enqueue(probe.id, candidate, shared_.now());
  state->dispatch = true;
  state->refuse_impatient.emplace_back(probe.id);
}

void SignInDispatcher::LaunchProbe(LockedSessions& state, const ProbeId& id,
                                   SignInScheduler::Due due) {
  CredentialProbe& probe = *state->probes.find(id)->second;
  const SessionSlot* slot = state->slots.Find(probe.slot().view());
  if (due.refusal.ok() && (slot == nullptr || slot->removed)) {
    state->rules.scheduler.Released(due.entry.candidate, shared_.now());
    due.refusal = RemovedOrganization(probe.request.organization_id, probe.request.info->name);
  }
  if (!due.refusal.ok()) {
    return EndProbe(shared_, state, probe,
                    {ProbeVerdict::kNotTried, std::move(due.refusal), nullptr});
  }
  SignInAttempt attempt;
  attempt.entry = std::move(due.entry);
  attempt.principal = probe.request.principal;
  attempt.cause = probe.request.cause;
  if (attempt.candidate().partner.has_value()) {
    attempt.partner = state->partners.Find(*attempt.candidate().partner)->session;
  }
  SignInJob::Start(MakeJobParts(),
                   std::make_unique<ProbeSignIn>(shared_, slots_, settlement_, id,
                                                 probe.request.candidate, std::move(attempt)));
}

bool SignInDispatcher::TryReplace(LockedSessions& state, SessionSlot& slot) {
  if (state->draining) return false;
  SignInScheduler& scheduler = state->rules.scheduler;
  if (scheduler.queue().Find(slot.id) != nullptr) return false;  // the claim of a caller
  SignInCandidate candidate = MakeCandidate(state, slot, SignInPurpose::kWarm);
  if (!scheduler.CheckAllowed(candidate, shared_.now()).ok()) return false;
  slot.activity = SessionSlot::Activity::kQueued;
  scheduler.Enqueue(slot.id, std::move(candidate), shared_.now());
  Dispatch(state);
  if (slot.activity != SessionSlot::Activity::kQueued) return true;
  scheduler.Withdraw(slot.id, shared_.now());
  slot.activity = SessionSlot::Activity::kIdle;
  return false;
}

void SignInDispatcher::RefuseImpatient(LockedSessions& state, const CandidateId& id) {
  SignInScheduler& scheduler = state->rules.scheduler;
  const SignInQueue::Entry* entry = scheduler.queue().Find(id);
  if (entry == nullptr || entry->is_claim) return;
  const absl::Duration now = shared_.now();
  const SignInScheduler::Estimate estimate = scheduler.EstimateStart(id, now);
  if (estimate.start <= now) return;
  if (const auto* probe_id = absl::get_if<ProbeId>(&id); probe_id != nullptr) {
    CredentialProbe& probe = *state->probes.find(*probe_id)->second;
    if (estimate.start <= probe.gives_up) return;
    return EndProbe(shared_, state, probe,
                    {ProbeVerdict::kNotTried, estimate.explanation, nullptr});
  }
  const auto* slot_id = absl::get_if<SlotId>(&id);
  if (slot_id == nullptr) return;  // a partner: its slots are refused themselves
  SessionSlot& slot = *state->slots.Find(slot_id->view());
  std::list<Waiter> refused = slot.waiters.TakeGivingUpBefore(estimate.start);
  if (refused.empty()) return;
  for (Waiter& waiter : refused) {
    state.Defer(
        [done = std::move(waiter.done), error = estimate.explanation]() mutable { done(error); });
  }
  const absl::optional<ErrorDetails> details = DetailsOf(estimate.explanation);
  const absl::optional<absl::Duration> wait =
      details.has_value() ? details->retry_after : absl::nullopt;
  scheduler.Promise(id, std::max(estimate.start, now + wait.value_or(absl::ZeroDuration())));
  if (slot.waiters.empty()) {
    scheduler.StopWaiting(id, now);
    slot.activity = SessionSlot::Activity::kIdle;
  }
  slots_.Save(state, slot);
}

void SignInDispatcher::ScheduleWake(LockedSessions& state) {
  const absl::Duration wake =
      std::min(state->rules.scheduler.wake_time(), state->rules.breaker.NextLook());
  if (wake >= state->wake_scheduled) return;
  state->wake_scheduled = wake;
  shared_.parts.executor.RunAfter(wake - shared_.now(), [this] {
    LockedSessions woken(shared_);
    woken->wake_scheduled = absl::InfiniteDuration();
    woken->dispatch = true;
  });
}

}  // namespace billbroker

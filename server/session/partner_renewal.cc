#include "server/session/partner_renewal.h"

#include <algorithm>
#include <utility>

#include "vault/base/error.h"

namespace billbroker {
namespace {

// A slot that found the session ended does not end another one so soon, unless that one signed no
// user in: the slot itself may be the cause.
constexpr absl::Duration kEndsAgain = absl::Minutes(10);
constexpr int kToleratedPartnerEnds = 1;

}  // namespace

void NotePartnerWorked(SharedSessions& shared, LockedSessions& state,
                       const SignInAttempt& attempt) {
  if (attempt.partner == nullptr) return;
  attempt.partner->worked = true;
  Partner* partner = state->partners.Find(*attempt.candidate().partner);
  if (partner == nullptr || partner->session != attempt.partner) return;
  partner->consecutive_early_ends = 0;
  PartnerSession& session = *partner->session;
  session.deadline = std::max(
      session.deadline, shared.LimitsFor(*partner->credential)
                            .DeadlineFor(session.signed_in, attempt.record.started.since_boot));
}

PartnerRenewal RenewPartner(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                            SessionSlot& slot, const SignInAttempt& attempt) {
  const absl::Duration now = shared.now();
  Partner* partner = state->partners.Find(*attempt.candidate().partner);
  // If the session was replaced meanwhile, the answer is out of date.
  if (partner == nullptr || partner->session != attempt.partner) return PartnerRenewal::kRenews;
  if (attempt.partner->worked && now - slot.partner_ended < kEndsAgain) {
    return PartnerRenewal::kOwnFailure;
  }
  slot.partner_ended = now;
  partner->session = nullptr;
  if (++partner->consecutive_early_ends <= kToleratedPartnerEnds) return PartnerRenewal::kRenews;
  BillError ended;
  ended.code = "BDC_1109";
  ended.detail = "it ends before a user is signed in with it";
  const absl::Status error = BackOff(*state, partner->slot(), partner->credential->name,
                                     SlotBackoff::kGrowing, Reason::kSessionUnstable, ended, now);
  FailBehindPartner(shared, state, slots, partner->id, ProbeVerdict::kNotTried, error);
  slots.FailWaiters(state, slot, error);
  return PartnerRenewal::kFailed;
}

void FailBehindPartner(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                       const PartnerId& partner, ProbeVerdict verdict, const absl::Status& error) {
  SignInScheduler& scheduler = state->rules.scheduler;
  for (const CandidateId& id : scheduler.queue().FindBehind(partner)) {
    const SignInQueue::Entry* entry = scheduler.queue().Find(id);
    if (entry == nullptr) continue;
    absl::Status own = scheduler.CheckAllowed(entry->candidate, shared.now());
    if (own.ok()) own = error;
    if (const auto* slot_id = absl::get_if<SlotId>(&id); slot_id != nullptr) {
      SessionSlot* slot = state->slots.Find(slot_id->view());
      if (slot != nullptr) slots.FailQueued(state, *slot, own);
    } else if (const auto* probe_id = absl::get_if<ProbeId>(&id); probe_id != nullptr) {
      EndProbe(shared, state, *state->probes.find(*probe_id)->second,
               {verdict, std::move(own), nullptr});
    }
  }
}

void SuspendPartner(LockedSessions& state, const SignInCandidate& candidate) {
  if (!candidate.partner.has_value() || candidate.step != SignInStep::kSignInAsUser) return;
  DevKeyBudget& budget = state->rules.budget;
  budget.Suspend(ToAppKeyBudgetId(*candidate.credential), budget.SuspendedUntil(candidate.dev_key));
  for (CandidateId& id : state->rules.scheduler.queue().FindBehind(*candidate.partner)) {
    state->refuse_impatient.push_back(std::move(id));
  }
}

void EndProbe(SharedSessions& shared, LockedSessions& state, CredentialProbe& probe,
              ProbeResult result) {
  state.Defer([done = std::move(probe.done), result = std::move(result)]() mutable {
    done(std::move(result));
  });
  const ProbeId id = probe.id;
  SignInScheduler& scheduler = state->rules.scheduler;
  scheduler.Withdraw(id, shared.now());
  if (const absl::optional<PartnerId> partner = ToPartnerId(*probe.request.info, id);
      partner.has_value()) {
    scheduler.Withdraw(*partner, shared.now());
    state->partners.Erase(*partner);
  }
  state->probes.erase(id);
}

}  // namespace billbroker

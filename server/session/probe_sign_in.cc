#include "server/session/probe_sign_in.h"

#include <memory>

#include "server/session/partner_renewal.h"
#include "server/session/slot_errors.h"
#include "server/session/slot_sign_in.h"
#include "vault/base/fault_point.h"

namespace billbroker {

ProbeVerdict VerdictOf(const BillError& error, const SignInOutcome& outcome) {
  if (outcome.quarantine != QuarantineScope::kNone) return ProbeVerdict::kRefused;
  switch (error.verdict) {
    case Verdict::kRefused:
    case Verdict::kUntrusted:
    case Verdict::kMfaFailed:
      return ProbeVerdict::kRefused;
    case Verdict::kUnavailable:
      return outcome.charged ? ProbeVerdict::kUnclear : ProbeVerdict::kNotTried;
    default:
      return ProbeVerdict::kNotTried;
  }
}

absl::optional<SignInPlan> ProbeSignIn::Plan(const CredentialPtr& credential) {
  LockedSessions state(shared_);
  const CredentialProbe& probe = *state->probes.find(id_)->second;
  SessionSlot* slot = state->slots.Find(probe.slot().view());
  if (slot == nullptr || slot->removed) {
    settlement_.Release(state, attempt_);
    const ProbeRequest& request = probe.request;
    EndProbe(shared_, state, *state->probes.find(id_)->second,
             {ProbeVerdict::kNotTried,
              RemovedOrganization(request.organization_id, request.info->name), nullptr});
    return absl::nullopt;
  }
  ++slot->sign_ins;
  attempt_.generation = slot->session.ReserveGeneration(shared_.parts.clock.Now());
  slots_.Save(state, *slot);
  settlement_.Plan(state, attempt_);
  attempt_.dev_key =
      std::make_shared<SecretString>(credential->DevKeyFor(slot->organization_id()).Clone());
  return SignInPlan{attempt_.ToFacts(), attempt_.record};
}

void ProbeSignIn::Send(const CredentialPtr& credential, Done done) {
  FaultPoint("probe.before_send");
  SendSignIn(shared_.parts.bill, credential, attempt_,
             [done = std::move(done)](BillResult<SignInAnswer> result) mutable {
               FaultPoint("probe.answered");
               done(std::move(result));
             });
  FaultPoint("probe.sent");
}

void ProbeSignIn::Abandon(const absl::Status& error) {
  LockedSessions state(shared_);
  settlement_.Release(state, attempt_);
  CredentialProbe& probe = *state->probes.find(id_)->second;
  SessionSlot* slot = state->slots.Find(probe.slot().view());
  if (slot != nullptr && attempt_.generation != 0) --slot->sign_ins;
  EndProbe(shared_, state, probe, {ProbeVerdict::kNotTried, error, nullptr});
}

void ProbeSignIn::Settle(BillResult<SignInAnswer> result, bool by_gateway) {
  LockedSessions state(shared_);
  CredentialProbe& probe = *state->probes.find(id_)->second;
  const BillError* error = result.ok() ? nullptr : &result.error();
  const SignInSettlement::Result settled = settlement_.Settle(state, attempt_, error, by_gateway);
  if (error == nullptr) {
    SessionPtr session = settlement_.MakeSession(state, attempt_, std::move(result.value()));
    NotePartnerWorked(shared_, state, attempt_);
    KeepPartner(state);
    return EndProbe(shared_, state, probe,
                    {ProbeVerdict::kAccepted, absl::OkStatus(), std::move(session)});
  }
  settlement_.NotifyFailed(state, attempt_, settled.error);
  if (settled.outcome.suspends_dev_key) {
    SuspendPartner(state, attempt_.candidate());
    for (CandidateId& id :
         state->rules.scheduler.queue().FindOnDevKey(attempt_.candidate().dev_key)) {
      state->refuse_impatient.push_back(std::move(id));
    }
  }
  EndProbe(shared_, state, probe, {VerdictOf(*error, settled.outcome), settled.error, nullptr});
  if (settled.outcome.quarantine != QuarantineScope::kNone) {
    settlement_.FailNewlyRefused(state, attempt_.candidate());
  }
}

void ProbeSignIn::KeepPartner(LockedSessions& state) {
  const absl::optional<PartnerId> own = attempt_.candidate().partner;
  if (!own.has_value()) return;
  const PartnerSessionPtr session = state->partners.FindLiveSession(*own, shared_.now());
  if (session == nullptr) return;
  PartnerId kept = *own;
  kept.probe = {};
  Partner& partner = state->partners.FindOrCreate(kept, attempt_.candidate().credential);
  partner.session = session;
  partner.consecutive_early_ends = 0;
  state->rules.backoffs.Clear(partner.slot());
}

}  // namespace billbroker

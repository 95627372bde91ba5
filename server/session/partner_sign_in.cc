#include "server/session/partner_sign_in.h"

#include <memory>

#include "server/session/partner_renewal.h"
#include "server/session/probe_sign_in.h"
#include "server/session/slot_errors.h"
#include "server/session/slot_sign_in.h"
#include "vault/base/error.h"

namespace billbroker {

absl::StatusOr<CredentialPtr> PartnerSignIn::Load() {
  if (candidate_ != nullptr) return candidate_;
  const CredentialInfoPtr& seen = attempt_.candidate().credential;
  absl::StatusOr<CredentialPtr> stored = shared_.parts.vault.Load(seen->name);
  const absl::StatusOr<CredentialInfoPtr> current =
      UpdateDirectory(shared_.parts, seen, stored, "");
  if (!current.ok()) return current.status();
  // The stored credential has another partner session now: the callers wait for that one.
  if (ToPartnerId(**current) != id_) return VersionConflict(seen->name);
  return stored;
}

absl::optional<SignInPlan> PartnerSignIn::Plan(const CredentialPtr& /*credential*/) {
  LockedSessions state(shared_);
  settlement_.Plan(state, attempt_);
  return SignInPlan{attempt_.ToFacts(), attempt_.record};
}

void PartnerSignIn::Send(const CredentialPtr& credential, Done done) {
  shared_.parts.bill.PartnerSignIn(
      {credential}, [done = std::move(done)](BillResult<PartnerSignInAnswer> result) mutable {
        if (!result.ok()) return done(result.error());
        SignInAnswer answer;
        answer.session_id = std::move(result.value().session_id);
        done(std::move(answer));
      });
}

void PartnerSignIn::Abandon(const absl::Status& error) {
  LockedSessions state(shared_);
  settlement_.Release(state, attempt_);
  Partner* partner = state->partners.Find(id_);
  if (partner == nullptr) return;
  partner->signing_in = false;
  FailBehindPartner(shared_, state, slots_, id_, ProbeVerdict::kNotTried, error);
}

void PartnerSignIn::Settle(BillResult<SignInAnswer> result, bool by_gateway) {
  LockedSessions state(shared_);
  const BillError* error = result.ok() ? nullptr : &result.error();
  const SignInSettlement::Result settled = settlement_.Settle(state, attempt_, error, by_gateway);
  Partner* partner = state->partners.Find(id_);
  if (partner == nullptr) {  // the credential changed meanwhile
    return settlement_.NotifyFailed(state, attempt_,
                                    VersionConflict(attempt_.candidate().credential->name));
  }
  partner->signing_in = false;
  if (error != nullptr) return Refuse(state, *partner, *error, settled);
  Adopt(state, *partner, std::move(result.value()));
}

void PartnerSignIn::Adopt(LockedSessions& state, Partner& partner, SignInAnswer answer) {
  const absl::Duration signed_in = attempt_.record.started.since_boot;
  auto session = std::make_shared<PartnerSession>();
  session->session_id = std::make_shared<SecretString>(std::move(answer.session_id));
  session->signed_in = signed_in;
  session->deadline = shared_.LimitsFor(*partner.credential).DeadlineFor(signed_in, signed_in);
  state.Defer([this, facts = attempt_.ToFacts()] {
    shared_.parts.observer.SignInEnded(facts, absl::OkStatus(), 0);
  });
  if (session->deadline <= shared_.now()) {  // the machine was suspended meanwhile
    BillError late;
    late.detail = "its answer came too late to be of use";
    const absl::Status status =
        BackOff(*state, partner.slot(), partner.credential->name, SlotBackoff::kTransient,
                Reason::kBillUnavailable, late, shared_.now());
    return FailBehindPartner(shared_, state, slots_, id_, ProbeVerdict::kNotTried, status);
  }
  partner.session = std::move(session);
}

void PartnerSignIn::Refuse(LockedSessions& state, Partner& partner, const BillError& error,
                           const SignInSettlement::Result& result) {
  settlement_.NotifyFailed(state, attempt_, result.error);
  if (result.outcome.suspends_dev_key) {
    state->rules.scheduler.Enqueue(partner.id, attempt_.candidate(), shared_.now(),
                                   attempt_.entry.order.second);
    for (CandidateId& id : state->rules.scheduler.queue().FindBehind(id_)) {
      state->refuse_impatient.push_back(std::move(id));
    }
    return;
  }
  FailBehindPartner(shared_, state, slots_, id_, VerdictOf(error, result.outcome), result.error);
}

}  // namespace billbroker

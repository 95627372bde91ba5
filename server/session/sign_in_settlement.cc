#include "server/session/sign_in_settlement.h"

#include <memory>
#include <string>
#include <utility>

#include "server/session/slot_errors.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// Returns the reason that callers receive for a failure that is not quarantined.
Reason ReasonFor(const BillError& error) {
  switch (error.verdict) {
    case Verdict::kUntrusted:
    case Verdict::kMfaFailed:
      return Reason::kMfaRequired;
    case Verdict::kSessionInvalid:  // of the partner, who signs users in with it
      return Reason::kSessionUnstable;
    default:
      return Reason::kBillUnavailable;
  }
}

SignInEnding ToEnding(const SignInOutcome& outcome, bool accepted) {
  if (accepted) return SignInEnding::kAccepted;
  switch (outcome.failure) {
    case UserFailure::kFailed:
      return SignInEnding::kFailed;
    case UserFailure::kUnclear:
      return SignInEnding::kUnclear;
    case UserFailure::kNone:
      return SignInEnding::kNeutral;
  }
  return SignInEnding::kUnclear;
}

}  // namespace

void SignInSettlement::Plan(LockedSessions& state, SignInAttempt& attempt) {
  const SignInCandidate& candidate = attempt.candidate();
  ++state->sign_ins;
  attempt.record = {shared_.parts.random.Uid(),
                    candidate.slot,
                    candidate.principal,
                    candidate.dev_key,
                    candidate.user,
                    candidate.credential->user_secret_id,
                    {shared_.parts.clock.Now(), shared_.now()},
                    absl::nullopt,
                    SignInEnding::kUnclear,
                    candidate.on_trial,
                    QuarantineScope::kNone,
                    candidate.force != SignInForce::kNone,
                    SlotCap::IsPassedBy(candidate)};
}

void SignInSettlement::Release(LockedSessions& state, const SignInAttempt& attempt) {
  state->rules.scheduler.Released(attempt.candidate(), shared_.now());
  if (!attempt.record.id.empty()) --state->sign_ins;
  state->dispatch = true;
}

SignInSettlement::Result SignInSettlement::Settle(LockedSessions& state,
                                                  const SignInAttempt& attempt,
                                                  const BillError* error, bool by_gateway) {
  const SignInCandidate& candidate = attempt.candidate();
  const absl::Duration now = shared_.now();
  SignInHistory history = state->history.Find(candidate, now);
  history.secret_accepted =
      state->rules.failures.AcceptedSecret(candidate.user) == candidate.credential->user_secret_id;
  const SessionSlot* slot = state->slots.Find(candidate.slot.view());
  history.dev_key_worked_here =
      slot != nullptr && slot->accepted_dev_key_id == candidate.dev_key.dev_key_id;

  Result result = {absl::OkStatus(), ClassifySignIn(error, candidate.step, history, by_gateway)};
  if (result.outcome.charged) {
    StoredAttempt record = attempt.record;
    record.ended = Moment{shared_.parts.clock.Now(), now};
    record.ending = ToEnding(result.outcome, error == nullptr);
    record.failed_scope = result.outcome.failed_scope;
    state->journal.EndAttempt(std::move(record));
  } else {
    state->journal.WriteSoon(AttemptForgotten{attempt.record.id});
  }
  state->rules.scheduler.Ended(candidate, result.outcome, now);
  state->dispatch = true;
  if (error == nullptr) {
    Accept(state, attempt);
  } else {
    result.error = Refuse(state, attempt, *error, result.outcome, history);
  }
  return result;
}

void SignInSettlement::Accept(LockedSessions& state, const SignInAttempt& attempt) {
  const SignInCandidate& candidate = attempt.candidate();
  state->history.NoteAccepted(candidate, shared_.now());
  if (!state->store_read)
    state->accepted_before_restore.insert_or_assign(candidate.slot, candidate);
  state->journal.WriteSoon(
      StoredAcceptedSecret{candidate.user, candidate.credential->user_secret_id});
  if (SessionSlot* slot = state->slots.Find(candidate.slot.view()); slot != nullptr) {
    slot->accepted_dev_key_id = candidate.dev_key.dev_key_id;
  }
  for (std::string& scope : state->rules.quarantined.Lift(candidate)) {
    state->journal.WriteSoon(QuarantineLifted{std::move(scope)});
  }
}

absl::Status SignInSettlement::Refuse(LockedSessions& state, const SignInAttempt& attempt,
                                      const BillError& error, const SignInOutcome& outcome,
                                      const SignInHistory& history) {
  const SignInCandidate& candidate = attempt.candidate();
  const absl::Duration now = shared_.now();
  if (outcome.proof == SecretProof::kLost && history.secret_accepted) {
    state->journal.WriteSoon(AcceptedSecretForgotten{candidate.user});
  }
  if (error.code == "BDC_1102" || error.code == "BDC_1103") {
    state->history.NoteDevKeyRefused(candidate);
  }
  if (outcome.suspends_dev_key) {
    const absl::Duration until = Suspend(shared_.parts, *state, candidate.dev_key, error);
    return state->rules.budget.ExplainTurn(candidate, until, now);
  }
  if (outcome.quarantine != QuarantineScope::kNone) {
    ++state->failed_sign_ins;
    QuarantineRecord added = *state->rules.quarantined.Record(candidate, outcome, error, history,
                                                              shared_.parts.clock.Now(), now);
    absl::Status status =
        QuarantineError(added.entry, *candidate.credential, candidate.slot.organization_id);
    state->journal.WriteSoon(std::move(added));
    return status;
  }
  if (outcome.backoff == SlotBackoff::kGrowing) ++state->failed_sign_ins;
  // A probe's failure is not one of the slot, whose callers use other secrets.
  if (candidate.purpose == SignInPurpose::kProof) {
    return SignInFailed(candidate.slot.organization_id, candidate.credential->name,
                        ReasonFor(error), error);
  }
  // The back-off of a refusal that is not expected here is a transient one.
  const SlotBackoff backoff =
      outcome.backoff == SlotBackoff::kNone ? SlotBackoff::kTransient : outcome.backoff;
  return BackOff(*state, candidate.slot, candidate.credential->name, backoff, ReasonFor(error),
                 error, now);
}

SessionPtr SignInSettlement::MakeSession(LockedSessions& state, const SignInAttempt& attempt,
                                         SignInAnswer answer) {
  const SignInCandidate& candidate = attempt.candidate();
  const CredentialInfo& credential = *candidate.credential;
  const absl::Time wall = shared_.parts.clock.Now();
  auto session = std::make_shared<Session>();
  session->keys = {credential.environment,
                   std::make_shared<SecretString>(std::move(answer.session_id)), attempt.dev_key};
  session->dev_key_id = candidate.dev_key.dev_key_id;
  session->organization_id = candidate.slot.organization_id;
  session->credential = credential.name;
  session->version = credential.version;
  session->user_id = std::move(answer.user_id);
  session->base_url = shared_.parts.base_urls.at(credential.environment);
  session->trusted = answer.trusted;
  session->generation = session->first_generation = attempt.generation;
  session->sign_in_time = session->verified_time = wall;
  session->signed_in = attempt.record.started.since_boot;
  session->deadline =
      shared_.LimitsFor(credential).DeadlineFor(session->signed_in, session->signed_in);
  session->expire_time = wall + (session->deadline - shared_.now());
  NoteTrust(state, credential, session->organization_id, session->trusted);
  state.Defer([this, facts = attempt.ToFacts(), generation = session->generation] {
    shared_.parts.observer.SignInEnded(facts, absl::OkStatus(), generation);
  });
  return session;
}

void SignInSettlement::NotifyFailed(LockedSessions& state, const SignInAttempt& attempt,
                                    const absl::Status& error) {
  state.Defer([this, facts = attempt.ToFacts(), error] {
    shared_.parts.observer.SignInEnded(facts, error, 0);
  });
}

void SignInSettlement::NoteTrust(LockedSessions& state, const CredentialInfo& credential,
                                 absl::string_view organization_id, bool trusted) {
  if (!shared_.parts.remember_me_refusals.Note(credential, trusted, shared_.parts.clock.Now()))
    return;
  state.Defer([this, name = credential.name, organization_id = std::string(organization_id)] {
    shared_.parts.observer.TrustRefused(name, organization_id);
  });
}

void SignInSettlement::FailNewlyRefused(LockedSessions& state, const SignInCandidate& candidate) {
  const SignInQueue& queue = state->rules.scheduler.queue();
  std::vector<CandidateId> queued = queue.FindOfUser(candidate.user);
  for (CandidateId& id : queue.FindOnDevKey(candidate.dev_key)) queued.push_back(std::move(id));
  for (const CandidateId& id : queued) {
    const auto* slot_id = absl::get_if<SlotId>(&id);
    SessionSlot* slot = slot_id == nullptr ? nullptr : state->slots.Find(slot_id->view());
    const SignInQueue::Entry* entry = queue.Find(id);
    if (slot == nullptr || entry == nullptr) continue;
    const absl::Status refusal =
        state->rules.scheduler.CheckAllowed(entry->candidate, shared_.now());
    if (!refusal.ok()) slots_.FailQueued(state, *slot, refusal);
  }
}

}  // namespace billbroker

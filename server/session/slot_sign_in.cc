#include "server/session/slot_sign_in.h"

#include <memory>
#include <utility>
#include <vector>

#include "server/session/failed_read.h"
#include "server/session/partner_renewal.h"
#include "server/session/session_maintenance.h"
#include "server/session/slot_errors.h"
#include "vault/base/error.h"
#include "vault/fingerprint.h"

namespace billbroker {
namespace {

constexpr int kMaxStaleCredentials = 3;

}  // namespace

absl::StatusOr<CredentialInfoPtr> UpdateDirectory(const SessionParts& parts,
                                                  const CredentialInfoPtr& seen,
                                                  const absl::StatusOr<CredentialPtr>& stored,
                                                  absl::string_view organization_id) {
  if (!stored.ok()) {
    return FailedRead(stored.status(), seen->name, parts.credentials, parts.vault_health);
  }
  // A credential that was edited by hand may lack the organization, or be of another kind, under
  // the same version.
  const Credential& found = **stored;
  const bool attached =
      organization_id.empty() || found.FindOrganization(organization_id) != nullptr;
  if (found.uid == seen->uid && found.version == seen->version && found.kind == seen->kind &&
      attached) {
    return seen;
  }
  const absl::StatusOr<SecretString> master_key = parts.vault.MasterKey();
  if (!master_key.ok()) return master_key.status();
  CredentialInfoPtr current = InfoOf(found, Fingerprinter(*master_key));
  parts.credentials.Put(current);
  return current;
}

void SendSignIn(BillApi& bill, const CredentialPtr& credential, const SignInAttempt& attempt,
                SignInTarget::Done done) {
  const std::string& organization_id = attempt.candidate().slot.organization_id;
  if (credential->kind != CredentialKind::kPartner) {
    return bill.SignIn({credential, organization_id}, std::move(done));
  }
  bill.SignInAsUser({credential, organization_id, attempt.partner->session_id}, std::move(done));
}

SessionSlot& SlotSignIn::FindSlot(LockedSessions& state) const {
  return *state->slots.Find(attempt_.candidate().slot.view());
}

absl::StatusOr<CredentialPtr> SlotSignIn::Load() {
  const CredentialInfoPtr& seen = attempt_.candidate().credential;
  absl::StatusOr<CredentialPtr> stored = shared_.parts.vault.Load(seen->name);
  const absl::StatusOr<CredentialInfoPtr> current =
      UpdateDirectory(shared_.parts, seen, stored, attempt_.candidate().slot.organization_id);
  if (!current.ok()) return current.status();
  current_ = *current;
  return stored;
}

absl::optional<SignInPlan> SlotSignIn::Plan(const CredentialPtr& credential) {
  LockedSessions state(shared_);
  SessionSlot& slot = FindSlot(state);
  if (current_ != attempt_.candidate().credential || slot.removed) {
    DecideAgain(state, slot);
    return absl::nullopt;
  }
  slot.consecutive_stale_credentials = 0;
  if (slot.signed_out && slot.waiters.empty()) {  // its caller left, and another one signed out
    settlement_.Release(state, attempt_);
    slot.activity = SessionSlot::Activity::kIdle;
    state->slots.ScheduleMaintenance(slot, shared_.now());
    return absl::nullopt;
  }
  ++slot.sign_ins;
  attempt_.generation = slot.session.ReserveGeneration(shared_.parts.clock.Now());
  slots_.Save(state, slot);
  settlement_.Plan(state, attempt_);
  attempt_.dev_key =
      std::make_shared<SecretString>(credential->DevKeyFor(slot.organization_id()).Clone());
  return SignInPlan{attempt_.ToFacts(), attempt_.record};
}

void SlotSignIn::DecideAgain(LockedSessions& state, SessionSlot& slot) {
  settlement_.Release(state, attempt_);
  if (current_->uid != slot.credential->uid ||
      !current_->organizations.contains(slot.organization_id())) {
    slot.removed = true;
  } else {
    slot.credential = current_;
  }
  if (++slot.consecutive_stale_credentials < kMaxStaleCredentials) {
    slot.activity = SessionSlot::Activity::kIdle;
    return state->WantSignIn(slot, attempt_.entry.order.first);
  }
  slot.consecutive_stale_credentials = 0;
  slots_.FailWaiters(state, slot, VersionConflict(attempt_.candidate().credential->name));
}

void SlotSignIn::Send(const CredentialPtr& credential, Done done) {
  SendSignIn(shared_.parts.bill, credential, attempt_, std::move(done));
}

void SlotSignIn::Abandon(const absl::Status& error) {
  LockedSessions state(shared_);
  SessionSlot& slot = FindSlot(state);
  if (attempt_.generation != 0) --slot.sign_ins;
  settlement_.Release(state, attempt_);
  slots_.FailWaiters(state, slot, error);
  if (VaultStateOf(error) == VaultState::kReady) return;
  // The other slots that wait for their turn need the same vault. A probe does not.
  const SignInCandidate& candidate = attempt_.candidate();
  const SignInQueue& queue = state->rules.scheduler.queue();
  for (const CandidateId& id : candidate.partner.has_value() ? queue.FindBehind(*candidate.partner)
                                                             : queue.FindOfUser(candidate.user)) {
    const auto* slot_id = absl::get_if<SlotId>(&id);
    SessionSlot* waiting = slot_id == nullptr ? nullptr : state->slots.Find(slot_id->view());
    // A claim stays: its caller comes back later, when the vault may answer again.
    if (waiting != nullptr && waiting->activity == SessionSlot::Activity::kQueued) {
      slots_.FailWaiters(state, *waiting, error);
    }
  }
}

void SlotSignIn::Settle(BillResult<SignInAnswer> result, bool by_gateway) {
  LockedSessions state(shared_);
  SessionSlot& slot = FindSlot(state);
  slot.activity = SessionSlot::Activity::kIdle;
  const BillError* error = result.ok() ? nullptr : &result.error();
  const SignInSettlement::Result settled = settlement_.Settle(state, attempt_, error, by_gateway);
  if (error != nullptr) return Refuse(state, slot, *error, settled);
  NotePartnerWorked(shared_, state, attempt_);
  Adopt(state, slot, std::move(result.value()));
}

void SlotSignIn::Adopt(LockedSessions& state, SessionSlot& slot, SignInAnswer answer) {
  SessionPtr session = settlement_.MakeSession(state, attempt_, std::move(answer));
  if (slot.removed) {
    slots_.SignOutUnasked(state, slot, session);
    return slots_.FailWaiters(state, slot, Removed(slot));
  }
  // A caller signed out while this was under way.
  if (slot.signed_out && slot.waiters.empty()) {
    return slots_.SignOutUnasked(state, slot, session);
  }
  // The sessions of this version were revoked while this was under way.
  if (slot.IsRevoked(*session)) {
    slots_.SignOutUnasked(state, slot, session);
    return state->WantSignIn(slot, attempt_.entry.order.first);
  }
  if (session->deadline <= shared_.now()) {  // the machine was suspended meanwhile
    BillError late;
    late.detail = "its answer came too late to be of use";
    return slots_.FailWaiters(
        state, slot,
        BackOff(*state, slot.id, slot.credential->name, SlotBackoff::kTransient,
                Reason::kBillUnavailable, late, shared_.now()));
  }
  slots_.Install(state, slot, std::move(session));
}

void SlotSignIn::Requeue(LockedSessions& state, SessionSlot& slot) {
  // A caller that left, or signed out, does not wait. A live session that is to be replaced is kept
  // alive meanwhile. Maintenance tries again if that is needed.
  const bool unasked = slot.signed_out || attempt_.entry.order.first == SignInPurpose::kCaller ||
                       slot.session.IsLive(shared_.now());
  if (slot.waiters.empty() && unasked) {
    return state->slots.ScheduleMaintenance(slot, shared_.now() + kMaintenanceRetry);
  }
  slot.activity = SessionSlot::Activity::kQueued;
  state->rules.scheduler.Enqueue(slot.id, attempt_.candidate(), shared_.now(),
                                 attempt_.entry.order.second);
  state->refuse_impatient.push_back(slot.id);
}

void SlotSignIn::Refuse(LockedSessions& state, SessionSlot& slot, const BillError& error,
                        const SignInSettlement::Result& result) {
  if (attempt_.partner != nullptr && error.verdict == Verdict::kSessionInvalid && !slot.removed) {
    const PartnerRenewal renewal = RenewPartner(shared_, state, slots_, slot, attempt_);
    if (renewal != PartnerRenewal::kOwnFailure) {
      state->rules.backoffs.Clear(slot.id);
      settlement_.NotifyFailed(
          state, attempt_,
          MakeError(Reason::kBillUnavailable, "the session of the partner had ended"));
      if (renewal == PartnerRenewal::kRenews) Requeue(state, slot);
      return;
    }
  }
  settlement_.NotifyFailed(state, attempt_, result.error);
  if (result.outcome.suspends_dev_key && !slot.removed) {
    SuspendPartner(state, attempt_.candidate());
    Requeue(state, slot);
    for (const CandidateId& id :
         state->rules.scheduler.queue().FindOnDevKey(attempt_.candidate().dev_key)) {
      state->refuse_impatient.push_back(id);
    }
    return;
  }
  slots_.FailWaiters(state, slot, result.error);
  if (result.outcome.quarantine != QuarantineScope::kNone) {
    settlement_.FailNewlyRefused(state, attempt_.candidate());
  }
}

}  // namespace billbroker

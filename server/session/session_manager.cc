#include "server/session/session_manager.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/session_core.h"
#include "server/session/session_restore.h"
#include "server/session/slot_errors.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// Several sign-outs, shared by their answers and by the caller that starts them. The last answer
// calls `done`.
struct SignOuts {
  explicit SignOuts(absl::AnyInvocable<void()> last) : done(std::move(last)) {}

  void OneLess() {
    if (--open == 0) done();
  }

  std::atomic<int> open{1};
  absl::AnyInvocable<void()> done;
};

SessionManager::LogoutDone OneOf(const std::shared_ptr<SignOuts>& all) {
  ++all->open;
  return [all](const absl::StatusOr<bool>&) { all->OneLess(); };
}

}  // namespace

SessionManager::SessionManager(SessionManagerOptions options, Parts parts)
    : core_(std::make_unique<Core>(std::move(options), std::move(parts))) {
  core_->shared.before_unlock = [core = core_.get()](LockedSessions& state) {
    core->dispatcher.Run(state);
  };
  core_->shared.parts.credentials.SetObserver(this);
  core_->maintenance.Run();
}

SessionManager::~SessionManager() { core_->shared.parts.credentials.SetObserver(nullptr); }

void SessionManager::SetWatcher(SessionWatcher* watcher) { core_->shared.watcher = watcher; }

void SessionManager::Restore(StoreContents contents) {
  {
    LockedSessions state(core_->shared);
    RestoreSessions(core_->shared, state, core_->slots, core_->dispatcher, std::move(contents));
    state->store_read = true;
    state->rules.vault.SetRestored();
    state->dispatch = true;
  }
  for (const CredentialInfoPtr& credential : core_->shared.parts.credentials.List()) {
    core_->maintenance.WarmUp(credential);
  }
}

void SessionManager::ServeWithoutStore(const absl::StatusOr<std::vector<PastSignIn>>& past) {
  LockedSessions state(core_->shared);
  if (state->rules.vault.restored()) return;
  if (!past.ok()) return state->rules.vault.SetUnknown(SignInsUnknown(past.status()));
  CountPastSignIns(core_->shared, state, *past);
  state->rules.vault.SetRestored();
  state->dispatch = true;
}

absl::optional<absl::StatusOr<SessionPtr>> SessionManager::GetAtOnce(
    absl::string_view organization_id, absl::string_view credential, const SessionDemand& demand) {
  const absl::StatusOr<CredentialInfoPtr> found =
      core_->FindFor(organization_id, credential, demand);
  if (!found.ok()) return found.status();
  LockedSessions state(core_->shared);
  SessionSlot& slot = core_->FindOrCreate(state, *found, organization_id);
  const absl::Duration now = core_->shared.now();
  core_->slots.NoteDemand(slot, now, !demand.cached_only);
  return core_->FindInMemory(state, slot, demand, now);
}

absl::optional<WaitingCall> SessionManager::GetSession(absl::string_view organization_id,
                                                       absl::string_view credential,
                                                       const SessionDemand& demand,
                                                       SessionDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      core_->FindFor(organization_id, credential, demand);
  if (!found.ok()) {
    done(found.status());
    return absl::nullopt;
  }
  LockedSessions state(core_->shared);
  SessionSlot& slot = core_->FindOrCreate(state, *found, organization_id);
  const absl::Duration now = core_->shared.now();
  core_->slots.NoteDemand(slot, now, !demand.cached_only);
  absl::optional<absl::StatusOr<SessionPtr>> answer = core_->FindInMemory(state, slot, demand, now);
  if (answer.has_value()) {
    state.Defer([done = std::move(done), answer = *std::move(answer)]() mutable {
      done(std::move(answer));
    });
    return absl::nullopt;
  }
  Waiter waiter;
  waiter.demand = demand;
  waiter.done = std::move(done);
  return WaitingCall{slot.id, core_->Wait(state, slot, std::move(waiter))};
}

absl::optional<WaitingCall> SessionManager::Login(absl::string_view organization_id,
                                                  absl::string_view credential,
                                                  const LoginDemand& demand, LoginDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      core_->shared.parts.credentials.Find(organization_id, credential);
  if (!found.ok()) {
    done(found.status());
    return absl::nullopt;
  }
  LockedSessions state(core_->shared);
  SessionSlot& slot = core_->FindOrCreate(state, *found, organization_id);
  const absl::Duration now = core_->shared.now();
  core_->slots.NoteDemand(slot, now, true);
  if (demand.force == SignInForce::kNone) {
    const auto live = core_->FindInMemory(state, slot, SessionDemand(), now);
    if (live.has_value()) {
      state.Defer([done = std::move(done), session = **live]() mutable {
        done(LoginOutcome{std::move(session), true});
      });
      return absl::nullopt;
    }
  }
  const SessionPtr& held = slot.session.get();
  Waiter waiter;
  waiter.demand.patience = demand.patience;
  waiter.demand.principal = demand.principal;
  waiter.demand.cause = demand.cause;
  waiter.force = demand.force;
  waiter.done = [done = std::move(done), before = held == nullptr ? 0 : held->first_generation](
                    absl::StatusOr<SessionPtr> session) mutable {
    if (!session.ok()) return done(session.status());
    const bool reused = (*session)->first_generation == before;
    done(LoginOutcome{*std::move(session), reused});
  };
  return WaitingCall{slot.id, core_->Wait(state, slot, std::move(waiter))};
}

void SessionManager::Cancel(const WaitingCall& call) {
  LockedSessions state(core_->shared);
  core_->Cancel(state, call);
}

void SessionManager::Cancel(const std::vector<WaitingCall>& calls) {
  LockedSessions state(core_->shared);
  for (const WaitingCall& call : calls) core_->Cancel(state, call);
}

void SessionManager::Logout(absl::string_view organization_id, absl::string_view credential,
                            std::uint64_t if_generation, LogoutDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      core_->shared.parts.credentials.Find(organization_id, credential);
  if (!found.ok()) return done(found.status());
  LockedSessions state(core_->shared);
  SessionSlot* slot = core_->Find(state, *found, organization_id);
  if (!state->store_read) {
    slot = &core_->FindOrCreate(state, *found, organization_id);
    slot->ends_stored = std::max(slot->ends_stored, if_generation);
  }
  SessionPtr ends;
  if (slot != nullptr) {
    // If BILL has not confirmed the end of a session, the session is ended again.
    ends = slot->session.IsLive(core_->shared.now()) ? slot->session.get() : slot->signing_out;
  }
  const bool meant = if_generation == 0 || (ends != nullptr && if_generation == ends->generation);
  if (slot != nullptr && meant) core_->slots.StaySignedOut(state, *slot);
  if (ends == nullptr || !meant) {
    state.Defer([done = std::move(done)]() mutable { done(false); });
    return;
  }
  core_->slots.SignOut(state, *slot, ends, std::move(done));
}

void SessionManager::LogoutAll(absl::string_view uid, absl::AnyInvocable<void()> done) {
  const auto all = std::make_shared<SignOuts>(std::move(done));
  LockedSessions(core_->shared)->partners.DropSessionsOf(uid);
  ForEachSlotOf(core_->shared, uid, [&](LockedSessions& state, SessionSlot& slot) {
    if (!slot.session.IsLive(core_->shared.now())) return;
    core_->slots.SignOutUnasked(state, slot, slot.session.get(), OneOf(all));
  });
  all->OneLess();
}

void SessionManager::LogoutOf(absl::string_view uid, const std::set<std::string>& organization_ids,
                              absl::AnyInvocable<void()> done) {
  const auto all = std::make_shared<SignOuts>(std::move(done));
  LockedSessions state(core_->shared);
  for (const std::string& organization_id : organization_ids) {
    SessionSlot* slot = state->slots.Find({uid, organization_id});
    if (slot == nullptr) continue;
    const SessionPtr ends =
        slot->session.IsLive(core_->shared.now()) ? slot->session.get() : slot->signing_out;
    core_->slots.StaySignedOut(state, *slot);
    if (ends != nullptr) core_->slots.SignOutUnasked(state, *slot, ends, OneOf(all));
  }
  state.Defer([all] { all->OneLess(); });
}

void SessionManager::Probe(ProbeRequest request, ProbeDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      core_->shared.parts.credentials.Find(request.organization_id, request.candidate->name);
  if (!found.ok()) return done({ProbeVerdict::kNotTried, found.status(), nullptr});
  LockedSessions state(core_->shared);
  core_->FindOrCreate(state, *found, request.organization_id);
  auto probe = std::make_unique<CredentialProbe>();
  probe->id = {++state->probes_made};
  probe->on_trial = request.info->user_secret_id != (*found)->user_secret_id;
  probe->gives_up = core_->shared.now() + request.patience;
  probe->request = std::move(request);
  probe->done = std::move(done);
  CredentialProbe& kept = *probe;
  state->probes.emplace(kept.id, std::move(probe));
  core_->dispatcher.StartProbe(state, kept);
}

void SessionManager::AdoptProbed(absl::string_view uid, const SessionPtr& session) {
  LockedSessions state(core_->shared);
  SessionSlot* slot = state->slots.Find({uid, session->organization_id});
  const bool late = slot == nullptr || slot->removed || session->deadline <= core_->shared.now() ||
                    slot->IsRevoked(*session);
  if (late) return core_->slots.Retire(session, absl::ZeroDuration());
  state->rules.scheduler.Withdraw(slot->id, core_->shared.now());
  if (slot->activity == SessionSlot::Activity::kQueued) {
    slot->activity = SessionSlot::Activity::kIdle;
  }
  core_->slots.Install(state, *slot, session);
}

void SessionManager::DiscardProbed(const SessionPtr& session) {
  core_->slots.Retire(session, absl::ZeroDuration());
}

int SessionManager::StepUp(const CredentialInfoPtr& credential, SecretString remember_me_id,
                           std::string device, StepUpDone done) {
  return core_->step_up.Start(credential, std::move(remember_me_id), std::move(device),
                              std::move(done));
}

void SessionManager::StartWarm(absl::string_view organization_id, absl::string_view credential,
                               absl::string_view principal) {
  const absl::StatusOr<CredentialInfoPtr> found =
      core_->shared.parts.credentials.Find(organization_id, credential);
  LockedSessions state(core_->shared);
  state->warm.Start(organization_id, credential, principal);
  if (!found.ok()) return;
  state->slots.ScheduleMaintenance(core_->FindOrCreate(state, *found, organization_id),
                                   core_->shared.now());
}

void SessionManager::StopWarm(absl::string_view organization_id, absl::string_view credential,
                              absl::string_view principal) {
  LockedSessions state(core_->shared);
  state->warm.Stop(organization_id, credential, principal);
}

void SessionManager::Drain(absl::AnyInvocable<void()> done) {
  LockedSessions state(core_->shared);
  state->draining = true;
  state->slots.ForEachAfter("", "", [&](const SessionSlot& slot) {
    if (!slot.waiters.empty()) state->awaited_checks.push_back(slot.id);
    return true;
  });
  state->drained.push_back(std::move(done));
  state->dispatch = true;
}

void SessionManager::CredentialChanged(const CredentialInfoPtr& before,
                                       const CredentialInfoPtr& after) {
  core_->maintenance.FollowCredential(before, after);
}

}  // namespace billbroker

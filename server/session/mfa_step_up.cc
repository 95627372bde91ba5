#include "server/session/mfa_step_up.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace billbroker {
namespace {

// BILL takes three calls at a time for an organization, and counts all calls of a devKey in an
// hour. Callers come first.
constexpr std::size_t kAtATime = 8;

}  // namespace

// One Start(). Shared by the answers that it waits for.
class MfaStepUp::Run final : public std::enable_shared_from_this<Run> {
 public:
  Run(MfaStepUp& owner, CredentialInfoPtr credential, SecretString remember_me_id,
      std::string device, StepUpDone done)
      : owner_(owner),
        credential_(std::move(credential)),
        remember_me_id_(std::move(remember_me_id)),
        device_(std::move(device)),
        done_(std::move(done)) {}

  void Start(std::vector<SessionPtr> sessions, std::vector<StepUpOutcome> outcomes) {
    const std::size_t lanes = std::max<std::size_t>(1, std::min(kAtATime, sessions.size()));
    {
      MutexLock lock(mutex_);
      left_ = std::move(sessions);
      outcomes_ = std::move(outcomes);
      lanes_ = lanes;
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) Next();
  }

 private:
  void Next() {
    SessionPtr session;
    StepUpDone done;
    std::vector<StepUpOutcome> outcomes;
    {
      MutexLock lock(mutex_);
      if (!left_.empty()) {
        session = std::move(left_.back());
        left_.pop_back();
      } else if (--lanes_ == 0) {
        done = std::move(done_);
        outcomes = std::move(outcomes_);
      } else {
        return;
      }
    }
    if (session == nullptr) return done(std::move(outcomes));
    owner_.shared_.parts.bill.StepUp(
        session->keys, remember_me_id_, device_,
        [self = this->shared_from_this(), session](const BillResult<SteppedUp>& result) {
          if (!result.ok() || result.value().trusted) return self->End(session, result);
          self->Verify(session);
        });
  }

  // BILL may answer "not trusted" for a session that is trusted: session info decides.
  void Verify(const SessionPtr& session) {
    owner_.shared_.parts.bill.GetSessionInfo(
        session->keys,
        [self = this->shared_from_this(), session](const BillResult<SessionInfo>& info) {
          if (!info.ok()) return self->End(session, info.error());
          self->End(session, SteppedUp{info.value().trusted});
        });
  }

  void End(const SessionPtr& session, const BillResult<SteppedUp>& result) {
    const StepUpOutcome outcome = owner_.OnSteppedUp(*credential_, session, result);
    {
      MutexLock lock(mutex_);
      outcomes_.push_back(outcome);
    }
    Next();
  }

  MfaStepUp& owner_;
  const CredentialInfoPtr credential_;
  const SecretString remember_me_id_;
  const std::string device_;
  Mutex mutex_;
  std::vector<SessionPtr> left_ ABSL_GUARDED_BY(mutex_);
  std::vector<StepUpOutcome> outcomes_ ABSL_GUARDED_BY(mutex_);
  std::size_t lanes_ ABSL_GUARDED_BY(mutex_) = 0;
  StepUpDone done_ ABSL_GUARDED_BY(mutex_);
};

int MfaStepUp::Start(const CredentialInfoPtr& credential, SecretString remember_me_id,
                     std::string device, StepUpDone done) {
  std::vector<SessionPtr> untrusted;
  std::vector<StepUpOutcome> outcomes;
  ForEachSlotOf(shared_, credential->uid, [&](LockedSessions& /*state*/, const SessionSlot& slot) {
    if (!slot.session.IsLive(shared_.now())) return;
    if (slot.session.get()->trusted) {
      outcomes.push_back(StepUpOutcome::kTrusted);
    } else {
      untrusted.push_back(slot.session.get());
    }
  });
  const auto count = static_cast<int>(untrusted.size() + outcomes.size());
  std::make_shared<Run>(*this, credential, std::move(remember_me_id), std::move(device),
                        std::move(done))
      ->Start(std::move(untrusted), std::move(outcomes));
  return count;
}

StepUpOutcome MfaStepUp::OnSteppedUp(const CredentialInfo& credential, const SessionPtr& session,
                                     const BillResult<SteppedUp>& result) {
  LockedSessions state(shared_);
  SessionSlot* slot = state->slots.Find({credential.uid, session->organization_id});
  // A check may have renewed the session meanwhile: it is the same one at BILL.
  const bool current = slot != nullptr && slot->session.IsSameAtBill(*session);
  if (!result.ok()) {
    // If a check is under way, its own answer shows that the session ended.
    const bool ended = result.error().verdict == Verdict::kSessionInvalid;
    if (ended && current && slot->activity == SessionSlot::Activity::kIdle) {
      checks_.OnEnded(state, *slot);
    }
    return StepUpOutcome::kFailed;
  }
  const bool trusted = result.value().trusted;
  settlement_.NoteTrust(state, credential, session->organization_id, trusted);
  if (current && slot->session.get()->trusted != trusted) {
    slot->session.SetTrusted(trusted);
    slots_.Save(state, *slot);
    slots_.NotifyWatcher(state, *slot);
  }
  return trusted ? StepUpOutcome::kTrusted : StepUpOutcome::kNotTaken;
}

}  // namespace billbroker

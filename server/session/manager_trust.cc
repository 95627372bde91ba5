// How the engine makes live sessions MFA-trusted without a sign-in: POST /v3/mfa/step-up.
#include <algorithm>
#include <memory>
#include <utility>

#include "server/session/later.h"
#include "server/session/session_manager.h"

namespace billbroker {
namespace {

// BILL takes three calls at a time for an organization, and counts all of a devKey's in the hour:
// this is no hurry, and callers come first.
constexpr std::size_t kAtATime = 8;

}  // namespace

// One StepUp() under way. Shared by the answers that it waits for.
class SessionManager::SteppingUp final : public std::enable_shared_from_this<SteppingUp> {
 public:
  SteppingUp(SessionManager& manager, CredentialInfoPtr credential, SecretString remember_me_id,
             std::string device, StepUpDone done)
      : manager_(manager),
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
    manager_.parts_.bill.StepUp(
        session->keys, remember_me_id_, device_,
        [self = this->shared_from_this(), session](const BillResult<SteppedUp>& result) {
          const StepUpOutcome outcome =
              self->manager_.OnSteppedUp(*self->credential_, session, result);
          {
            MutexLock lock(self->mutex_);
            self->outcomes_.push_back(outcome);
          }
          self->Next();
        });
  }

  SessionManager& manager_;
  const CredentialInfoPtr credential_;
  const SecretString remember_me_id_;
  const std::string device_;
  Mutex mutex_;
  std::vector<SessionPtr> left_ ABSL_GUARDED_BY(mutex_);
  std::vector<StepUpOutcome> outcomes_ ABSL_GUARDED_BY(mutex_);
  std::size_t lanes_ ABSL_GUARDED_BY(mutex_) = 0;
  StepUpDone done_ ABSL_GUARDED_BY(mutex_);
};

int SessionManager::StepUp(const CredentialInfoPtr& credential, SecretString remember_me_id,
                           std::string device, StepUpDone done) {
  std::vector<SessionPtr> untrusted;
  std::vector<StepUpOutcome> outcomes;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, slot] : slots_) {
      if (slot->credential->uid != credential->uid || !IsLive(*slot)) continue;
      if (slot->session->trusted) {
        outcomes.push_back(StepUpOutcome::kTrusted);
      } else {
        untrusted.push_back(slot->session);
      }
    }
  }
  const auto count = static_cast<int>(untrusted.size() + outcomes.size());
  std::make_shared<SteppingUp>(*this, credential, std::move(remember_me_id), std::move(device),
                               std::move(done))
      ->Start(std::move(untrusted), std::move(outcomes));
  return count;
}

StepUpOutcome SessionManager::OnSteppedUp(const CredentialInfo& credential,
                                          const SessionPtr& session,
                                          const BillResult<SteppedUp>& result) {
  Later later;
  MutexLock lock(mutex_);
  SessionSlot* slot = FindSlot(SlotKey(credential.uid, session->organization_id).text());
  // A check may have renewed the session meanwhile: it is the same one at BILL.
  const bool current = slot != nullptr && slot->session != nullptr &&
                       slot->session->keys.session_id == session->keys.session_id;
  if (!result.ok()) {
    // A check under way hears of it itself.
    const bool dead = result.error().verdict == Verdict::kSessionInvalid;
    if (dead && current && slot->activity == SessionSlot::Activity::kIdle) OnDead(*slot, later);
    return StepUpOutcome::kFailed;
  }
  const bool trusted = result.value().trusted;
  NoteTrust(credential, session->organization_id, trusted, later);
  if (current && slot->session->trusted != trusted) {
    auto known = std::make_shared<Session>(*slot->session);
    known->trusted = trusted;
    slot->session = std::move(known);
    Save(*slot);
    Changed(*slot, later);
  }
  return trusted ? StepUpOutcome::kTrusted : StepUpOutcome::kNotTaken;
}

void SessionManager::NoteTrust(const CredentialInfo& credential, absl::string_view organization_id,
                               bool trusted, Later& later) {
  if (!parts_.directory.NoteTrust(credential, trusted, parts_.clock.Now())) return;
  later.Add([this, name = credential.name, organization_id = std::string(organization_id)] {
    parts_.observer.TrustRefused(name, organization_id);
  });
}

}  // namespace billbroker

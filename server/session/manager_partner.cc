// How the engine gets the session with which a partner signs in as users: one for all
// organizations of a credential. Design: docs/adr/0017-partner-sign-in.md.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/session/later.h"
#include "server/session/session_manager.h"
#include "server/session/slot_errors.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// A slot that found the session dead does not end another one so soon, unless that signed nobody
// in: the trouble may be its own.
constexpr absl::Duration kEndsAgain = absl::Minutes(10);
constexpr int kToleratedDeaths = 1;

}  // namespace

SessionManager::Key SessionManager::PartnerOf(const SessionSlot& slot) {
  return slot.own_partner.empty() ? PartnerKeyOf(*slot.credential) : slot.own_partner;
}

Partner* SessionManager::FindPartner(const Key& key) {
  const auto found = partners_.find(key);
  return found == partners_.end() ? nullptr : found->second.get();
}

PartnerSessionPtr SessionManager::PartnerSessionOf(const Key& key) {
  const Partner* partner = FindPartner(key);
  if (partner == nullptr || partner->session == nullptr) return nullptr;
  return partner->session->deadline > parts_.clock.SinceBoot() ? partner->session : nullptr;
}

void SessionManager::NameWhoAskedFirst(const Key& partner, Attempt& attempt) {
  for (const Key& key : governor_.QueuedBehind(partner)) {
    if (const SessionSlot* slot = FindSlot(key); slot == nullptr) {
      const Probing& probe = *probes_.find(key)->second;
      attempt.principal = probe.principal;
      attempt.cause = probe.cause;
    } else if (!slot->waiters.empty()) {
      attempt.principal = slot->waiters.front().demand.principal;
      attempt.cause = slot->waiters.front().demand.cause;
    } else {
      continue;
    }
    return;
  }
}

bool SessionManager::MayGo(const LoginGovernor::Applicant& applicant, absl::Duration now,
                           Wanted& wanted) {
  if (!applicant.partner.empty()) {
    if (PartnerSessionOf(applicant.partner) == nullptr) {
      wanted.emplace(applicant.partner, applicant.slot);
      return false;
    }
    const absl::Duration parked =
        governor_.ParkedUntil(AppKeyKeyOf(*FindPartner(applicant.partner)->slot.credential));
    if (now < parked) {
      partners_wake_ = std::min(partners_wake_, parked);
      return false;
    }
  }
  return gate_.Ask(applicant.user, applicant.secret_id, now) != SignInGate::Answer::kWait;
}

bool SessionManager::QueuePartners(const Wanted& wanted) {
  bool changed = false;
  for (const auto& [key, wanted_by] : wanted) {
    const LoginGovernor::Place* place = governor_.Find(wanted_by);
    if (place == nullptr) continue;
    const Priority priority = place->order.first;
    const SessionSlot* slot = FindSlot(wanted_by);
    std::unique_ptr<Partner>& partner = partners_[key];
    if (partner == nullptr) {
      partner = std::make_unique<Partner>();
      partner->slot.key = key;
      if (slot == nullptr) partner->candidate = probes_.find(wanted_by)->second->candidate;
    }
    SessionSlot& stand_in = partner->slot;
    if (stand_in.activity == SessionSlot::Activity::kSigningIn) continue;
    const LoginGovernor::Place* own = governor_.Find(key);
    if (own != nullptr && own->order.first <= priority) continue;
    stand_in.credential =
        slot != nullptr ? slot->credential : probes_.find(wanted_by)->second->slot.credential;
    stand_in.activity = SessionSlot::Activity::kQueued;
    const std::string app_key = AppKeyKeyOf(*stand_in.credential);
    governor_.Enqueue({key, "", app_key, std::string(DevKeyIdOf(app_key)),
                       UserKeyOf(*stand_in.credential), stand_in.credential->user_secret_id},
                      priority);
    changed = true;
  }
  return changed;
}

absl::optional<bool> SessionManager::SiftPartnersQueue(const Partner& partner, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  const std::string user = UserKeyOf(*partner.slot.credential);
  const bool failed_too_often =
      gate_.Ask(user, partner.slot.credential->user_secret_id, now) == SignInGate::Answer::kRefused;
  absl::optional<bool> forced;
  for (const Key& key : governor_.QueuedBehind(partner.slot.key)) {
    SessionSlot* slot = FindSlot(key);
    Probing* probe = slot == nullptr ? probes_.find(key)->second.get() : nullptr;
    const SessionSlot& waiting = slot == nullptr ? probe->slot : *slot;
    const bool said_now = slot == nullptr ? probe->said_now : IsForced(*slot);
    absl::Status obstacle = Obstacle(waiting, said_now, now);
    if (obstacle.ok() && failed_too_often) obstacle = TooManyFailures(waiting, user, now);
    if (obstacle.ok()) {
      forced = forced.value_or(false) || said_now;
    } else if (slot != nullptr) {
      FailWaiters(*slot, obstacle, later);
    } else {
      EndProbe(*probe, {ProbeVerdict::kNotTried, std::move(obstacle), nullptr}, later);
      return absl::nullopt;  // and with it the partner
    }
  }
  return forced;
}

void SessionManager::LaunchPartner(Partner& partner, LoginGovernor::Place place, Later& later) {
  const Key key = partner.slot.key;
  const LoginGovernor::Applicant applicant = place.applicant;
  partner.slot.activity = SessionSlot::Activity::kIdle;
  const bool there = PartnerSessionOf(key) != nullptr;  // a probe's came first
  const absl::optional<bool> forced = there ? absl::nullopt : SiftPartnersQueue(partner, later);
  if (!forced.has_value()) return governor_.Cancel(applicant);
  gate_.Take(applicant.user);
  partner.slot.activity = SessionSlot::Activity::kSigningIn;
  Attempt attempt = AttemptOf(partner.slot, std::move(place), *forced);
  attempt.step = SignInStep::kPartnerSignIn;
  NameWhoAskedFirst(key, attempt);
  parts_.executor.Run(
      [this, key, candidate = partner.candidate, attempt = std::move(attempt)]() mutable {
        LoadAndSendPartner(key, std::move(candidate), std::move(attempt));
      });
}

void SessionManager::LoadAndSendPartner(const Key& key, CredentialPtr candidate, Attempt attempt) {
  if (candidate == nullptr) {
    const absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(attempt.credential->name);
    const absl::StatusOr<CredentialInfoPtr> current = TellDirectory(attempt.credential, stored, "");
    if (!current.ok()) return OnPartnerNotSent(key, attempt, current.status());
    // Another one by now: who waited waits for that one's partner.
    if (PartnerKeyOf(**current) != key) {
      return OnPartnerNotSent(key, attempt, VersionConflict(attempt.credential->name));
    }
    candidate = *stored;
  }
  {
    MutexLock lock(mutex_);
    ++sign_ins_;
    attempt.record = RecordOf(attempt.place.applicant);
    attempt.record.slot = {attempt.credential->uid, ""};
    attempt.record.principal = attempt.principal;
  }
  if (absl::Status noted = parts_.observer.SignInStarts(FactsOf(attempt)); !noted.ok()) {
    return OnPartnerNotSent(key, attempt, noted);
  }
  parts_.store.RecordAttempt(attempt.record, [this, &executor = parts_.executor, key, candidate,
                                              attempt](const absl::Status&) {
    executor.Run([this, key, candidate, attempt] {
      parts_.bill.PartnerSignIn({candidate},
                                [this, key, attempt](BillResult<PartnerSignInAnswer> result) {
                                  OnPartnerSignedIn(key, attempt, std::move(result));
                                });
    });
  });  // as in LoadAndSend()
}

void SessionManager::OnPartnerNotSent(const Key& key, const Attempt& attempt,
                                      const absl::Status& error) {
  Later later;
  MutexLock lock(mutex_);
  CancelAttempt(attempt);
  if (!attempt.record.id.empty()) --sign_ins_;
  if (Partner* partner = FindPartner(key); partner != nullptr) {
    partner->slot.activity = SessionSlot::Activity::kIdle;
    FailPartner(*partner, ProbeVerdict::kNotTried, error, later);
  }
  Dispatch(later);
}

void SessionManager::OnPartnerSignedIn(const Key& key, const Attempt& attempt,
                                       BillResult<PartnerSignInAnswer> result) {
  Later later;
  MutexLock lock(mutex_);
  EndAttempt(attempt, EndingOf(result.ok() ? nullptr : &result.error(), attempt.forced));
  Partner* partner = FindPartner(key);
  if (partner != nullptr) {  // else the credential changed meanwhile
    partner->slot.activity = SessionSlot::Activity::kIdle;
    if (result.ok()) {
      AdoptPartner(*partner, attempt, std::move(result.value()), later);
    } else {
      OnPartnerRefused(*partner, attempt, result.error(), later);
    }
  } else {
    later.Add([this, facts = FactsOf(attempt)] {
      parts_.observer.SignInEnded(facts, VersionConflict(facts.credential), 0);
    });
  }
  Dispatch(later);
}

void SessionManager::AdoptPartner(Partner& partner, const Attempt& attempt,
                                  PartnerSignInAnswer answer, Later& later) {
  const absl::Duration signed_in = attempt.record.started.since_boot;
  auto session = std::make_shared<PartnerSession>();
  session->session_id = std::make_shared<SecretString>(std::move(answer.session_id));
  session->signed_in = signed_in;
  session->deadline = DeadlineOf(partner.slot, signed_in, signed_in);
  LiftQuarantine(attempt);
  later.Add([this, facts = FactsOf(attempt)] {
    parts_.observer.SignInEnded(facts, absl::OkStatus(), 0);
  });
  if (session->deadline <= parts_.clock.SinceBoot()) {  // the machine was suspended meanwhile
    BillError late;
    late.detail = "its answer came too late to be of use";
    const absl::Status error = BackOff(partner.slot, Reason::kBillUnavailable, late, {});
    return FailPartner(partner, ProbeVerdict::kNotTried, error, later);
  }
  partner.session = std::move(session);
  partner.slot.failures = 0;
}

void SessionManager::OnPartnerRefused(Partner& partner, const Attempt& attempt,
                                      const BillError& error, Later& later) {
  const bool rate_limited = error.verdict == Verdict::kRateLimited;
  const LoginGovernor::Place& place = attempt.place;
  const absl::Status status = rate_limited
                                  ? Park(partner.slot, place.applicant.dev_key, error, later)
                                  : Judge(partner.slot, attempt, error);
  later.Add(
      [this, facts = FactsOf(attempt), status] { parts_.observer.SignInEnded(facts, status, 0); });
  if (rate_limited) {
    partner.slot.activity = SessionSlot::Activity::kQueued;
    governor_.Enqueue(place.applicant, place.order.first, place.order.second);
    return ParkPartner(partner.slot.key, governor_.ParkedUntil(place.applicant.dev_key), later);
  }
  const bool quarantined = HasReason(status, Reason::kCredentialRejected) ||
                           HasReason(status, Reason::kDevKeyRejected) ||
                           HasReason(status, Reason::kLockedOut);
  FailPartner(partner, VerdictOf(error, quarantined), status, later);
}

void SessionManager::FailPartner(const Partner& partner, ProbeVerdict verdict,
                                 const absl::Status& error, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  for (const Key& key : governor_.QueuedBehind(partner.slot.key)) {
    SessionSlot* slot = FindSlot(key);
    Probing* probe = slot == nullptr ? probes_.find(key)->second.get() : nullptr;
    absl::Status told = Obstacle(slot == nullptr ? probe->slot : *slot, false, now);
    if (told.ok()) told = error;
    if (slot != nullptr) {
      FailWaiters(*slot, told, later);
    } else {
      return EndProbe(*probe, {verdict, std::move(told), nullptr},
                      later);  // its partner's only one
    }
  }
}

void SessionManager::ParkPartner(const Key& key, absl::Duration until, Later& later) {
  const Partner* partner = FindPartner(key);
  if (partner == nullptr) return;
  governor_.Park(AppKeyKeyOf(*partner->slot.credential), until);
  for (const Key& queued : governor_.QueuedBehind(key)) {
    if (SessionSlot* slot = FindSlot(queued); slot != nullptr) {
      RefuseImpatient(*slot, later);
    } else {
      RefuseImpatientProbe(queued, later);
    }
  }
}

void SessionManager::NotePartnerWorked(const Attempt& attempt) {
  if (attempt.partner == nullptr) return;
  attempt.partner->worked = true;
  Partner* partner = FindPartner(attempt.place.applicant.partner);
  if (partner == nullptr || partner->session != attempt.partner) return;
  partner->deaths = 0;
  PartnerSession& session = *partner->session;
  session.deadline = std::max(session.deadline, DeadlineOf(partner->slot, session.signed_in,
                                                           attempt.record.started.since_boot));
}

bool SessionManager::RenewPartner(SessionSlot& slot, const Attempt& attempt, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  Partner* partner = FindPartner(attempt.place.applicant.partner);
  // Else it was replaced, and this is old news.
  if (partner != nullptr && partner->session == attempt.partner) {
    if (attempt.partner->worked && now - slot.partner_died < kEndsAgain) return false;
    slot.partner_died = now;
    partner->session = nullptr;
    if (++partner->deaths > kToleratedDeaths) {
      BillError death;
      death.code = "BDC_1109";
      death.detail = "it dies before anybody is signed in with it";
      partner->slot.failures = partner->deaths;
      const absl::Status error =
          BackOff(partner->slot, Reason::kSessionUnstable, death, options_.first_backoff);
      FailPartner(*partner, ProbeVerdict::kNotTried, error, later);
      FailWaiters(slot, error, later);
      return true;
    }
  }
  slot.activity = SessionSlot::Activity::kQueued;
  governor_.Enqueue(ApplicantOf(slot), attempt.place.order.first, attempt.place.order.second);
  RefuseImpatient(slot, later);
  return true;
}

void SessionManager::KeepProbedPartner(const Probing& probe) {
  const PartnerSessionPtr session = PartnerSessionOf(probe.slot.own_partner);
  if (session == nullptr) return;
  const Key key = PartnerKeyOf(*probe.slot.credential);
  std::unique_ptr<Partner>& partner = partners_[key];
  if (partner == nullptr) {
    partner = std::make_unique<Partner>();
    partner->slot.key = key;
    partner->slot.credential = probe.slot.credential;
  }
  partner->session = session;
  partner->deaths = 0;
  partner->slot.failures = 0;
  partner->slot.not_before = absl::ZeroDuration();
}

void SessionManager::DropPartner(const Key& key) {
  governor_.Withdraw(key);
  partners_.erase(key);
}

void SessionManager::DropIdlePartners(absl::Duration now) {
  for (auto& [key, partner] : partners_) {
    if (partner->session != nullptr && partner->session->deadline <= now)
      partner->session = nullptr;
  }
  std::erase_if(partners_, [now](const auto& entry) {
    const Partner& partner = *entry.second;
    return partner.session == nullptr && partner.slot.activity == SessionSlot::Activity::kIdle &&
           partner.slot.not_before <= now && partner.deaths == 0;
  });
}

}  // namespace billbroker

// FakeSessionObserver: a SessionObserver that records every event and can refuse sign-ins.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/session/session_observer.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Allows every sign-in until RefuseSignIns(). Each list is in the order of the events. Thread-safe.
class FakeSessionObserver final : public SessionObserver {
 public:
  struct LogOut {
    std::string organization_id;
    std::uint64_t generation = 0;
    absl::optional<absl::Status> outcome;  // nullopt: it started
  };

  absl::Status SignInStarts(const SignInFacts& sign_in) override {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return refusal_;
    sign_ins_.push_back(sign_in);
    return absl::OkStatus();
  }
  void SignInEnded(const SignInFacts&, const absl::Status& outcome, std::uint64_t) override {
    MutexLock lock(mutex_);
    sign_in_outcomes_.push_back(outcome);
  }
  void LogOutStarts(const Session& session) override { AddLogOut(session, absl::nullopt); }
  void LogOutEnded(const Session& session, const absl::Status& outcome) override {
    AddLogOut(session, outcome);
  }
  void SessionEnded(absl::string_view, absl::string_view, std::uint64_t,
                    absl::string_view why) override {
    MutexLock lock(mutex_);
    session_ends_.emplace_back(why);
  }
  void CheckFailed(const Session& /*session*/, absl::string_view why) override {
    MutexLock lock(mutex_);
    failed_checks_.emplace_back(why);
  }
  void TrustRefused(absl::string_view credential, absl::string_view) override {
    MutexLock lock(mutex_);
    trust_refusals_.emplace_back(credential);
  }

  // From now on no sign-in may start: SignInStarts() returns `refusal`. OK allows them again.
  void RefuseSignIns(absl::Status refusal) {
    MutexLock lock(mutex_);
    refusal_ = std::move(refusal);
  }

  // The sign-ins that were allowed to start.
  [[nodiscard]] std::vector<SignInFacts> sign_ins() const {
    MutexLock lock(mutex_);
    return sign_ins_;
  }
  [[nodiscard]] std::vector<absl::Status> sign_in_outcomes() const {
    MutexLock lock(mutex_);
    return sign_in_outcomes_;
  }
  // Starts and ends.
  [[nodiscard]] std::vector<LogOut> log_outs() const {
    MutexLock lock(mutex_);
    return log_outs_;
  }
  // Why sessions ended.
  [[nodiscard]] std::vector<std::string> session_ends() const {
    MutexLock lock(mutex_);
    return session_ends_;
  }
  // The reasons of failed checks.
  [[nodiscard]] std::vector<std::string> failed_checks() const {
    MutexLock lock(mutex_);
    return failed_checks_;
  }
  // The credentials.
  [[nodiscard]] std::vector<std::string> trust_refusals() const {
    MutexLock lock(mutex_);
    return trust_refusals_;
  }

 private:
  void AddLogOut(const Session& session, absl::optional<absl::Status> outcome) {
    MutexLock lock(mutex_);
    log_outs_.push_back({session.organization_id, session.generation, std::move(outcome)});
  }

  mutable Mutex mutex_;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  std::vector<SignInFacts> sign_ins_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Status> sign_in_outcomes_ ABSL_GUARDED_BY(mutex_);
  std::vector<LogOut> log_outs_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> session_ends_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> failed_checks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> trust_refusals_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker

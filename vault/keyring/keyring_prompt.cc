#include "vault/keyring/keyring_prompt.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "vault/vault.h"

namespace billbroker {
namespace {

absl::Status ShuttingDown() {
  return VaultError(VaultState::kNeedsConfirmation,
                    {"the broker is shutting down", "repeat the change once it runs again"});
}

}  // namespace

// The end of one prompt; the first one counts. Thread-safe.
class KeyringPrompt::Answer final {
 public:
  void Give(absl::Status end) {
    {
      MutexLock lock(mutex_);
      if (!end_.has_value()) end_ = std::move(end);
    }
    given_.notify_one();
  }
  // Blocks until there is an answer, at most for `time`.
  absl::optional<absl::Status> Await(absl::Duration time) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    given_.wait_for(lock, absl::ToChronoMilliseconds(time),
                    [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return end_.has_value(); });
    return end_;
  }

 private:
  Mutex mutex_;
  std::condition_variable given_;
  absl::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

std::shared_ptr<KeyringPrompt::Answer> KeyringPrompt::Expect() {
  MutexLock lock(mutex_);
  if (stopped_) return nullptr;
  auto answer = std::make_shared<Answer>();
  expected_ = answer;
  return answer;
}

void KeyringPrompt::Allow(bool allowed) {
  MutexLock lock(mutex_);
  if (allowed) {
    allowed_.insert(std::this_thread::get_id());
  } else {
    allowed_.erase(std::this_thread::get_id());
  }
}

bool KeyringPrompt::IsAllowed() {
  MutexLock lock(mutex_);
  return allowed_.contains(std::this_thread::get_id());
}

bool KeyringPrompt::IsStopped() {
  MutexLock lock(mutex_);
  return stopped_;
}

void KeyringPrompt::Stop() {
  std::shared_ptr<Answer> expected;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    expected = expected_.lock();
  }
  if (expected != nullptr) expected->Give(ShuttingDown());
}

absl::Status KeyringPrompt::Confirm(const std::string& path) {
  if (!IsAllowed()) {
    std::string program;
    (void)thread_.Run(Deadline::After(call_timeout_), [&](Deadline) {
      items_.DismissPrompt(path);
      program = items_.provider().program;
    });
    return VaultError(VaultState::kNeedsConfirmation, {.program = program});
  }
  const std::unique_lock<std::mutex> only_prompt(shown_);
  const std::shared_ptr<Answer> answer = Expect();
  absl::Status shown = answer == nullptr ? ShuttingDown() : VaultError(VaultState::kTimedOut);
  if (answer != nullptr) {
    (void)thread_.Run(Deadline::After(call_timeout_), [&](Deadline deadline) {
      shown = items_.ShowPrompt(
          path, [answer](const absl::Status& end) { answer->Give(end); }, deadline);
    });
  }
  if (absl::IsNotFound(shown)) {
    return VaultError(VaultState::kNeedsConfirmation,
                      {"the Secret Service withdrew its prompt", "repeat the change"});
  }
  if (!shown.ok()) return shown;
  absl::optional<absl::Status> end = answer->Await(prompt_timeout_);
  if (end.has_value() && !IsStopped()) return *std::move(end);
  (void)thread_.Run(Deadline::After(call_timeout_), [&](Deadline) { items_.DismissPrompt(path); });
  if (end.has_value()) return *std::move(end);
  return VaultError(VaultState::kNeedsConfirmation,
                    {absl::StrCat("nobody confirmed the change in the Secret Service within ",
                                  absl::FormatDuration(prompt_timeout_))});
}

}  // namespace billbroker

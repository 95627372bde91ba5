// AwaitedAnswer: the answer of an asynchronous call, which a test waits for with a bound.
//
//   AwaitedAnswer<SessionPtr> answer;
//   sessions.GetSession(id, "", demand, answer.Callback());
//   EXPECT_THAT(answer.Take("a session"), IsOk());
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "tests/support/await.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. The callback may run after the AwaitedAnswer is destroyed.
template <typename T>
class AwaitedAnswer final {
 public:
  // Returns a callback that stores the answer.
  [[nodiscard]] auto Callback() {
    return [slot = slot_](absl::StatusOr<T> answer) {
      MutexLock lock(slot->mutex);
      slot->answer = std::move(answer);
    };
  }

  // Waits for the answer and returns it. Without an answer it adds a test failure that names `what`
  // and returns DEADLINE_EXCEEDED.
  [[nodiscard]] absl::StatusOr<T> Take(const std::string& what) {
    const auto answered = [this] {
      MutexLock lock(slot_->mutex);
      return slot_->answer.has_value();
    };
    if (!Await(answered, what)) return absl::DeadlineExceededError("no answer");
    MutexLock lock(slot_->mutex);
    return *std::exchange(slot_->answer, absl::nullopt);
  }

 private:
  struct Slot {
    Mutex mutex;
    absl::optional<absl::StatusOr<T>> answer ABSL_GUARDED_BY(mutex);
  };

  std::shared_ptr<Slot> slot_ = std::make_shared<Slot>();  // shared with the callback
};

}  // namespace billbroker

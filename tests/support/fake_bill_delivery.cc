#include "tests/support/fake_bill_delivery.h"

#include <utility>

namespace billbroker {

void FakeBillDelivery::Deliver(Executor::Work answer) {
  Mode mode;
  absl::Duration latency;
  {
    MutexLock lock(mutex_);
    mode = mode_;
    latency = latency_;
    if (mode == Mode::kHeld) return held_.push_back(std::move(answer));
  }
  if (mode == Mode::kAtOnce) return answer();
  executor_.RunAfter(latency, std::move(answer));
}

void FakeBillDelivery::SetLatency(absl::Duration latency) {
  MutexLock lock(mutex_);
  mode_ = Mode::kExecutor;
  latency_ = latency;
}

void FakeBillDelivery::AnswerAtOnce() {
  MutexLock lock(mutex_);
  mode_ = Mode::kAtOnce;
}

void FakeBillDelivery::Hold() {
  MutexLock lock(mutex_);
  mode_ = Mode::kHeld;
}

bool FakeBillDelivery::ReleaseOne() {
  Executor::Work answer;
  {
    MutexLock lock(mutex_);
    if (held_.empty()) return false;
    answer = std::move(held_.front());
    held_.pop_front();
  }
  answer();
  return true;
}

void FakeBillDelivery::ReleaseLast() {
  Executor::Work answer;
  {
    MutexLock lock(mutex_);
    answer = std::move(held_.back());
    held_.pop_back();
  }
  answer();
}

void FakeBillDelivery::ReleaseAll() {
  {
    MutexLock lock(mutex_);
    mode_ = Mode::kExecutor;
  }
  while (ReleaseOne()) {
  }
}

int FakeBillDelivery::held() const {
  MutexLock lock(mutex_);
  return static_cast<int>(held_.size());
}

}  // namespace billbroker

// Await: lets operations that may block wait for calls that answer by a callback. Internal to
// server/credentials.
#pragma once

#include <future>
#include <utility>

namespace billbroker {

// Calls `start` with a callback that must be called once, on any thread, and returns the value that
// it receives.
template <typename T, typename Start>
[[nodiscard]] T Await(const Start& start) {
  std::promise<T> promise;
  std::future<T> answer = promise.get_future();
  start([promise = std::move(promise)](T value) mutable { promise.set_value(std::move(value)); });
  return answer.get();
}

}  // namespace billbroker

// Await: for operations that may block, on calls that answer later. Internal to server/credentials.
#pragma once

#include <future>
#include <utility>

namespace billbroker {

// Calls `start` with what takes the answer, once, on any thread; returns the answer.
template <typename T, typename Start>
[[nodiscard]] T Await(const Start& start) {
  std::promise<T> promise;
  std::future<T> answer = promise.get_future();
  start([promise = std::move(promise)](T value) mutable { promise.set_value(std::move(value)); });
  return answer.get();
}

}  // namespace billbroker

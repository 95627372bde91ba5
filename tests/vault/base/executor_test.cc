#include "vault/base/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace billbroker {
namespace {

TEST(ThreadExecutorTest, WorkRunsOnAnotherThread) {
  std::promise<std::thread::id> ran_on;
  ThreadExecutor executor(1);
  executor.Run([&] { ran_on.set_value(std::this_thread::get_id()); });
  EXPECT_NE(ran_on.get_future().get(), std::this_thread::get_id());
}

TEST(ThreadExecutorTest, RunsWorkInOrderOfItsDueTime) {
  std::vector<int> order;
  std::promise<void> ended;
  ThreadExecutor executor(1);
  executor.RunAfter(absl::Milliseconds(60), [&] {
    order.push_back(2);
    ended.set_value();
  });
  executor.RunAfter(absl::Milliseconds(20), [&] { order.push_back(1); });
  executor.Run([&] { order.push_back(0); });
  ended.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(ThreadExecutorTest, DestructorRunsQueuedAndDropsDelayedWork) {
  std::atomic<int> ran = 0;
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> dropped = held;
  {
    ThreadExecutor executor(2);
    executor.RunAfter(absl::Hours(1), [&ran, held = std::move(held)] { ran += *held + 1000; });
    for (int i = 0; i < 100; ++i) executor.Run([&ran] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
  EXPECT_TRUE(dropped.expired());
}

TEST(ThreadExecutorTest, WorkMayQueueWork) {
  std::promise<void> ended;
  ThreadExecutor executor(1);
  executor.Run([&] { executor.Run([&] { ended.set_value(); }); });
  ended.get_future().wait();
}

}  // namespace
}  // namespace billbroker

#include "vault/keyring/keyring_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "tests/support/await.h"

namespace billbroker {

// Returns the number of jobs that wait.
class KeyringThreadPeer final {
 public:
  static std::size_t Waiting(KeyringThread& thread) {
    MutexLock lock(thread.mutex_);
    return thread.queue_.size();
  }
};

namespace {

Deadline Soon() { return Deadline::After(absl::Milliseconds(20)); }
Deadline Never() { return Deadline::After(absl::Hours(1)); }

TEST(KeyringThreadTest, JobsOfAllCallersRunOnOneThread) {
  KeyringThread thread;
  std::vector<std::thread::id> ran_on;  // no lock: all jobs run on one thread
  std::vector<std::thread> callers(8);
  for (std::thread& caller : callers) {
    caller = std::thread([&] {
      EXPECT_TRUE(
          thread.Run(Never(), [&](Deadline) { ran_on.push_back(std::this_thread::get_id()); }));
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(ran_on.size(), 8u);
  for (const std::thread::id id : ran_on) EXPECT_EQ(id, ran_on.front());
}

TEST(KeyringThreadTest, JobThatWaitsTooLongNeverRuns) {
  KeyringThread thread;
  std::promise<void> busy;
  std::promise<void> go_on;
  std::thread first([&] {
    EXPECT_TRUE(thread.Run(Never(), [&](Deadline) {
      busy.set_value();
      go_on.get_future().wait();
    }));
  });
  busy.get_future().wait();
  bool ran = false;
  EXPECT_FALSE(thread.Run(Soon(), [&](Deadline) { ran = true; }));
  go_on.set_value();
  first.join();
  EXPECT_TRUE(thread.Run(Never(), [](Deadline) {}));
  EXPECT_FALSE(ran);
}

TEST(KeyringThreadTest, NextJobRunsBeforeTheJobsThatWait) {
  KeyringThread thread;
  std::promise<void> busy;
  std::promise<void> go_on;
  std::vector<int> order;  // no lock: all jobs run on one thread
  std::vector<std::jthread> callers;
  callers.emplace_back([&] {
    EXPECT_TRUE(thread.Run(Never(), [&](Deadline) {
      busy.set_value();
      go_on.get_future().wait();
    }));
  });
  busy.get_future().wait();
  callers.emplace_back(
      [&] { EXPECT_TRUE(thread.Run(Never(), [&](Deadline) { order.push_back(1); })); });
  Await([&] { return KeyringThreadPeer::Waiting(thread) == 1; }, "the job to wait");
  callers.emplace_back(
      [&] { EXPECT_TRUE(thread.RunNext(Never(), [&](Deadline) { order.push_back(2); })); });
  Await([&] { return KeyringThreadPeer::Waiting(thread) == 2; }, "the next job to wait");
  go_on.set_value();
  callers.clear();
  EXPECT_EQ(order, std::vector<int>({2, 1}));
}

TEST(KeyringThreadTest, DelayedWorkRunsOnTheSameThread) {
  KeyringThread thread;
  std::thread::id jobs;
  EXPECT_TRUE(thread.Run(Never(), [&](Deadline) { jobs = std::this_thread::get_id(); }));
  std::promise<std::thread::id> ran_on;
  thread.RunAfter(absl::Milliseconds(1), [&] { ran_on.set_value(std::this_thread::get_id()); });
  EXPECT_EQ(ran_on.get_future().get(), jobs);
}

TEST(KeyringThreadTest, DelayedWorkIsDroppedAtTheEnd) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> dropped = held;
  {
    KeyringThread thread;
    thread.RunAfter(absl::Hours(1), [held = std::move(held)] { FAIL() << *held; });
  }
  EXPECT_TRUE(dropped.expired());
}

}  // namespace
}  // namespace billbroker

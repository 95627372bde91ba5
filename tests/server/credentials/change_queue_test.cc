// The order in which changes run.
#include "server/credentials/change_queue.h"

#include <gmock/gmock.h>

#include <atomic>
#include <deque>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Keeps work until the test runs it.
class HeldExecutor final : public Executor {
 public:
  void Run(Work work) override { works_.push_back(std::move(work)); }
  void RunAfter(absl::Duration /*delay*/, Work work) override { Run(std::move(work)); }

  [[nodiscard]] std::size_t held() const { return works_.size(); }
  void RunOne() {
    Work work = std::move(works_.front());
    works_.pop_front();
    work();
  }
  void RunAll() {
    while (!works_.empty()) RunOne();
  }

 private:
  std::deque<Work> works_;
};

class ChangeQueueTest : public ::testing::Test {
 protected:
  // Adds a change that appends `name` to `ran_`, and whose id is the name.
  void Add(ChangeQueue& queue, const char* name, const std::string& credential,
           const std::string& principal, bool ends_sessions = false) {
    queue.Add(name, {credential, principal, ends_sessions},
              [this, name] { ran_.emplace_back(name); });
  }

  HeldExecutor executor_;
  std::vector<std::string> ran_;
};

TEST_F(ChangeQueueTest, ChangesOfOneCredentialTakeTurns) {
  ChangeQueue queue(executor_, 8);
  Add(queue, "first", "acme", "ann");
  Add(queue, "second", "acme", "ann");
  Add(queue, "other", "umbrella", "ann");
  EXPECT_EQ(executor_.held(), 2U) << "one of each credential";
  executor_.RunAll();
  EXPECT_THAT(ran_, ElementsAre("first", "other", "second"));
}

TEST_F(ChangeQueueTest, PrincipalsTakeTurnsWithOneCredential) {
  ChangeQueue queue(executor_, 8);
  for (const char* const name : {"ann-1", "ann-2", "ann-3"}) Add(queue, name, "acme", "ann");
  Add(queue, "bob-1", "acme", "bob");
  executor_.RunAll();
  EXPECT_THAT(ran_, ElementsAre("ann-1", "bob-1", "ann-2", "ann-3"));
}

TEST_F(ChangeQueueTest, PrincipalsTakeTurnsAmongCredentials) {
  ChangeQueue queue(executor_, 1);
  Add(queue, "ann-1", "acme-1", "ann");
  Add(queue, "ann-2", "acme-2", "ann");
  Add(queue, "ann-3", "acme-3", "ann");
  Add(queue, "bob-1", "umbrella", "bob");
  executor_.RunAll();
  EXPECT_THAT(ran_, ElementsAre("ann-1", "bob-1", "ann-2", "ann-3"));
}

TEST_F(ChangeQueueTest, EndsSessionsFirst) {
  ChangeQueue queue(executor_, 8);
  Add(queue, "running", "acme", "ann");
  Add(queue, "later", "acme", "bob");
  Add(queue, "urgent", "acme", "ann", true);
  executor_.RunAll();
  EXPECT_THAT(ran_, ElementsAre("running", "urgent", "later"));
}

TEST_F(ChangeQueueTest, EndsSessionsOfAPrincipalFirst) {
  ChangeQueue queue(executor_, 1);
  Add(queue, "running", "acme-1", "ann");
  Add(queue, "later", "acme-2", "ann");
  Add(queue, "urgent", "acme-3", "ann", true);
  executor_.RunAll();
  EXPECT_THAT(ran_, ElementsAre("running", "urgent", "later"));
}

TEST_F(ChangeQueueTest, OneChangeMayPromptAtATime) {
  ChangeQueue queue(executor_, 8);
  const auto add = [&](const char* name, bool may_prompt) {
    queue.Add(name, {name, "ann", false, may_prompt}, [this, name] { ran_.emplace_back(name); });
  };
  add("prompts", true);
  const char* const waiting = "waits for the prompt";
  add(waiting, true);
  add("silent", false);
  add("prompts later", true);
  EXPECT_EQ(executor_.held(), 2U);
  EXPECT_TRUE(queue.Remove(waiting)) << "its caller may leave";
  executor_.RunAll();
  EXPECT_THAT(ran_, ElementsAre("prompts", "silent", "prompts later"));
}

TEST_F(ChangeQueueTest, RemovedChangeDoesNotRun) {
  ChangeQueue queue(executor_, 8);
  const char* const running = "running";
  const char* const waiting = "waiting";
  Add(queue, running, "acme", "ann");
  Add(queue, waiting, "acme", "ann");
  EXPECT_FALSE(queue.Remove(running)) << "it has begun";
  EXPECT_TRUE(queue.Remove(waiting));
  EXPECT_FALSE(queue.Remove(waiting));
  executor_.RunAll();
  EXPECT_THAT(ran_, ElementsAre("running"));
}

TEST_F(ChangeQueueTest, RunsAtMostTheLimitAtOnce) {
  ChangeQueue queue(executor_, 2);
  for (const char* const name : {"1", "2", "3"}) Add(queue, name, name, "ann");
  EXPECT_EQ(executor_.held(), 2U);
  EXPECT_THAT(ran_, IsEmpty());
  executor_.RunOne();
  EXPECT_EQ(executor_.held(), 2U);
  executor_.RunAll();
}

TEST(ConcurrentChangeQueueTest, EachChangeRunsOnceOrIsRemoved) {
  constexpr int kCallers = 4;
  constexpr int kChanges = 200;
  std::atomic<int> ended = 0;
  std::atomic<int> overlaps = 0;
  {
    ThreadExecutor threads(3);
    Mutex mutex;
    std::set<std::string> busy;
    ChangeQueue queue(threads, 3);
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&, caller] {
        std::vector<int> ids(kChanges);
        for (int i = 0; i < kChanges; ++i) {
          const std::string credential = absl::StrCat("credential-", i % 5);
          queue.Add(&ids[i], {credential, absl::StrCat("caller-", caller), i % 7 == 0},
                    [&, credential] {
                      {
                        const MutexLock lock(mutex);
                        if (!busy.insert(credential).second) ++overlaps;
                      }
                      std::this_thread::yield();
                      const MutexLock lock(mutex);
                      busy.erase(credential);
                      ++ended;
                    });
          if (i % 3 == 0 && queue.Remove(&ids[i])) ++ended;
        }
        while (ended < kCallers * kChanges) std::this_thread::yield();
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
  EXPECT_EQ(ended, kCallers * kChanges);
  EXPECT_EQ(overlaps, 0);
}

}  // namespace
}  // namespace billbroker

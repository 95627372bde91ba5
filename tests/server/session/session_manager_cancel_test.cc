// Callers that leave while they wait.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

class SessionManagerCancelTest : public SessionManagerTest {
 protected:
  // A call of GetSession and its answers.
  struct Caller {
    absl::optional<WaitingCall> call;
    std::vector<Answer> answers;
  };

  std::unique_ptr<Caller> Start(absl::string_view organization) {
    auto caller = std::make_unique<Caller>();
    caller->call = manager.GetSession(
        organization, "", {},
        [&answers = caller->answers](Answer answer) { answers.push_back(std::move(answer)); });
    executor.RunUntilIdle();
    return caller;
  }

  int CountWaitingCallers() {
    int waiting = 0;
    for (const SlotInfo& slot : manager.List()) waiting += slot.waiting_callers;
    return waiting;
  }
};

TEST_F(SessionManagerCancelTest, CancelledCallerIsAnsweredOnce) {
  bill.Hold();
  const auto caller = Start(kFirst);
  ASSERT_TRUE(caller->call.has_value());
  manager.Cancel(*caller->call);
  manager.Cancel(*caller->call);
  ASSERT_EQ(caller->answers.size(), 1U);
  EXPECT_THAT(caller->answers[0], StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(CountWaitingCallers(), 0);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(caller->answers.size(), 1U);
}

TEST_F(SessionManagerCancelTest, SignInUnderWayIsFinishedAndKept) {
  bill.Hold();
  const auto caller = Start(kFirst);
  manager.Cancel(*caller->call);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_THAT(Get(), IsOk());
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerCancelTest, QueuedSlotLosesItsPlaceAndSpendsNothing) {
  bill.Hold();
  const auto first = Start(kFirst);
  const auto second = Start(kSecond);
  const auto third = Start(kThird);
  ASSERT_EQ(manager.Counts().signing_in, 1) << "one until the secret is accepted";
  ASSERT_EQ(manager.Counts().queued, 2);
  manager.Cancel({*first->call, *second->call, *third->call});
  EXPECT_EQ(manager.Counts().queued, 0);
  EXPECT_EQ(CountWaitingCallers(), 0);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(manager.Counts().live, 1);
}

TEST_F(SessionManagerCancelTest, SignOutBeforeTheSignInIsSentDropsIt) {
  const auto call = manager.GetSession(kFirst, "", {}, [](const Answer&) {});
  ASSERT_TRUE(call.has_value());
  manager.Cancel(*call);
  manager.Logout(kFirst, "", 0, [](const absl::StatusOr<bool>&) {});
  executor.Advance(absl::Hours(2));
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(SessionManagerCancelTest, CallerThatLeftDoesNotWaitForTheHourlyLimit) {
  bill.Hold();
  const auto caller = Start(kFirst);
  BillError limited = Refusal(Verdict::kRateLimited, "BDC_1144");
  limited.retry_after = absl::Minutes(10);
  bill.FailNextSignIns(1, limited);
  manager.Cancel(*caller->call);
  bill.ReleaseAll();
  executor.Advance(absl::Hours(1));
  EXPECT_EQ(manager.Counts().queued, 0);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerCancelTest, OtherCallersOfTheSlotKeepWaiting) {
  bill.Hold();
  const auto first = Start(kFirst);
  const auto second = Start(kSecond);
  const auto leaves = Start(kThird);
  const auto stays = Start(kThird);
  manager.Cancel(*leaves->call);
  EXPECT_EQ(manager.Counts().queued, 2);
  EXPECT_EQ(CountWaitingCallers(), 3);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_EQ(stays->answers.size(), 1U);
  EXPECT_THAT(stays->answers[0], IsOk());
  EXPECT_EQ(leaves->answers.size(), 1U);
}

TEST_F(SessionManagerCancelTest, AnsweredCallIgnoresCancel) {
  bill.Hold();
  const auto caller = Start(kFirst);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_EQ(caller->answers.size(), 1U);
  manager.Cancel(*caller->call);
  ASSERT_EQ(caller->answers.size(), 1U);
  EXPECT_THAT(caller->answers[0], IsOk());
}

TEST_F(SessionManagerCancelTest, CancelledLoginWithForceIsForgotten) {
  ASSERT_THAT(Get(), IsOk());
  bill.Hold();
  const auto first = Start(kSecond);
  const auto second = Start(kThird);
  std::vector<absl::StatusOr<LoginOutcome>> answers;
  const auto call = manager.Login(
      kFirst, "", {SignInForce::kOperator},
      [&answers](absl::StatusOr<LoginOutcome> answer) { answers.push_back(std::move(answer)); });
  ASSERT_TRUE(call.has_value());
  manager.Cancel(*call);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_THAT(answers[0], StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(manager.Counts().queued, 0);
  EXPECT_EQ(Get().value()->generation, manager.Peek(kFirst, "").value()->generation);
}

// On real threads, for ThreadSanitizer: callers leave while their sign-ins end.
TEST(SessionManagerCancelThreadsTest, EachCallerIsAnsweredOnce) {
  constexpr int kThreads = 6;
  constexpr int kCallsPerThread = 300;
  constexpr int kOrganizations = 5;
  const SystemClock clock;
  MiddleRandom random;
  FakeVault vault;
  VaultHealth health;
  CredentialIndex credentials(health);
  RememberMeRefusals refusals;
  FakeSessionObserver observer;
  FakeStore store;
  std::unique_ptr<SessionManager> manager;
  std::vector<std::atomic<int>> answers(kThreads * kCallsPerThread);
  {
    ThreadExecutor executor(3);
    FakeBill bill(executor);
    manager = std::make_unique<SessionManager>(
        SessionManagerOptions(),
        SessionManager::Parts{clock,
                              executor,
                              random,
                              vault,
                              health,
                              credentials,
                              refusals,
                              bill,
                              store,
                              observer,
                              {{"sandbox", "https://bill.example/connect"}}});
    const Credential credential = MakeCredential(kAcme, kOrganizations);
    ASSERT_THAT(vault.Create(credential), IsOk());
    credentials.Put(InfoOf(credential, Fingerprinter(*vault.MasterKey())));
    manager->Restore(OpenNow(store, *vault.MasterKey()));

    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int n = 0; n < kCallsPerThread; ++n) {
          const std::string organization = OrganizationId((thread + n) % kOrganizations);
          if (n % 7 == 3) manager->Logout(organization, "", 0, [](const absl::StatusOr<bool>&) {});
          std::atomic<int>& count = answers[thread * kCallsPerThread + n];
          const auto call = manager->GetSession(
              organization, "", {}, [&count](const absl::StatusOr<SessionPtr>&) { ++count; });
          if (call.has_value() && n % 4 != 0) manager->Cancel(*call);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    Await(
        [&answers] {
          for (const std::atomic<int>& count : answers) {
            if (count == 0) return false;
          }
          return true;
        },
        "all calls to be answered");
  }
  for (const std::atomic<int>& count : answers) EXPECT_EQ(count, 1);
  for (const SlotInfo& slot : manager->List()) EXPECT_EQ(slot.waiting_callers, 0);
}

}  // namespace
}  // namespace billbroker

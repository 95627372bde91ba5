// The session manager on real threads, for ThreadSanitizer.
#include <atomic>
#include <latch>
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

TEST(SessionManagerConcurrencyTest, ConcurrentCallsGetConsistentAnswers) {
  constexpr int kThreads = 8;
  constexpr int kCallsPerThread = 500;
  constexpr int kOrganizations = 4;
  const SystemClock clock;
  MiddleRandom random;
  FakeVault vault;
  VaultHealth health;
  CredentialIndex credentials(health);
  RememberMeRefusals refusals;
  FakeSessionObserver observer;
  FakeStore store;
  std::unique_ptr<SessionManager> manager;
  std::atomic<int> wrong = 0;
  {
    ThreadExecutor executor(4);
    FakeBill bill(executor);
    manager = std::make_unique<SessionManager>(
        WithoutSlotCap(), SessionManager::Parts{clock,
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

    std::latch answered(kThreads * kCallsPerThread);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int call = 0; call < kCallsPerThread; ++call) {
          const std::string organization = OrganizationId((thread + call) % kOrganizations);
          if (call % 50 == 49) {
            manager->Logout(organization, "", 0,
                            [&](const absl::StatusOr<bool>&) { answered.count_down(); });
            continue;
          }
          SessionDemand options;
          if (call % 10 == 3) options.stale_generation = 1;
          manager->GetSession(organization, "", options,
                              [&, organization](const absl::StatusOr<SessionPtr>& session) {
                                if (!session.ok() || (*session)->organization_id != organization)
                                  ++wrong;
                                answered.count_down();
                              });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(Await([&answered] { return answered.try_wait(); }, "all calls to be answered"));
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace billbroker

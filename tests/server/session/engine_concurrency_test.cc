// The engine on real threads: what ThreadSanitizer looks at.
#include <atomic>
#include <latch>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

TEST(EngineConcurrencyTest, ThreadsThatAskReportAndLogOutGetConsistentAnswers) {
  constexpr int kThreads = 8;
  constexpr int kCallsPerThread = 500;
  constexpr int kOrganizations = 4;
  const SystemClock clock;
  MiddleRandom random;
  FakeVault vault;
  Directory directory;
  class SilentObserver final : public EngineObserver {
   public:
    absl::Status SignInStarts(const SignInFacts&) override { return absl::OkStatus(); }
    void LogOutStarts(const Session&) override {}
    void LogOutEnded(const Session&, const absl::Status&) override {}
    void SignInEnded(const SignInFacts&, const absl::Status&, std::uint64_t) override {}
    void SessionEnded(absl::string_view, absl::string_view, std::uint64_t,
                      absl::string_view) override {}
    void TrustRefused(absl::string_view, absl::string_view) override {}
  } observer;
  FakeStore store;
  std::unique_ptr<Engine> engine;
  std::atomic<int> wrong = 0;
  {
    ThreadExecutor executor(4);
    FakeBill bill(executor);
    engine = std::make_unique<Engine>(EngineOptions(),
                                      Engine::Parts{clock,
                                                    executor,
                                                    random,
                                                    vault,
                                                    directory,
                                                    bill,
                                                    store,
                                                    observer,
                                                    {{"sandbox", "https://bill.example/connect"}}});
    const Credential credential = MakeCredential("acme", kOrganizations);
    ASSERT_TRUE(vault.Create(credential).ok());
    directory.Put(InfoOf(credential, Fingerprinter(*vault.MasterKey())));
    engine->Restore(store.Open(*vault.MasterKey()));

    std::latch answered(kThreads * kCallsPerThread);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int call = 0; call < kCallsPerThread; ++call) {
          const std::string organization =
              absl::StrFormat("008acme%05d", (thread + call) % kOrganizations);
          if (call % 50 == 49) {
            engine->Logout(organization, "", 0,
                           [&](const absl::StatusOr<bool>&) { answered.count_down(); });
            continue;
          }
          SessionDemand options;
          if (call % 10 == 3) options.stale_generation = 1;
          engine->GetSession(organization, "", options,
                             [&, organization](const absl::StatusOr<SessionPtr>& session) {
                               if (!session.ok() || (*session)->organization_id != organization)
                                 ++wrong;
                               answered.count_down();
                             });
        }
      });
    }
    answered.wait();
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace billbroker

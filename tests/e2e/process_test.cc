// The daemon as a process: exclusive use of its socket, state folder and keyring, and a clean end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "client/session_cache.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest() { env_.StartBroker(); }

  TestEnvironment env_;
};

struct SharedResource {
  std::string name;
  std::string state;  // of the second daemon
  std::string socket;
  std::string expected;  // in its error
};

class SecondDaemonTest : public ProcessTest,
                         public ::testing::WithParamInterface<SharedResource> {};

TEST_P(SecondDaemonTest, IsRefused) {
  const SharedResource& shared = GetParam();
  const TestEnvironment::Output second = env_.RunBroker(
      env_.WriteConfig("second.toml", env_.File(shared.state), env_.File(shared.socket)));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.text, HasSubstr(shared.expected));
  EXPECT_THAT(env_.admin().GetStatus(), IsOk()) << "the first daemon keeps its socket";
}

INSTANTIATE_TEST_SUITE_P(Shared, SecondDaemonTest,
                         ::testing::Values(SharedResource{"State", "state", "other.sock", "/state"},
                                           SharedResource{"Socket", "other-state", "b.sock",
                                                          "/b.sock"},
                                           SharedResource{"KeyringInstance", "other-state",
                                                          "other.sock", "keyring instance"}),
                         [](const auto& test) { return test.param.name; });

TEST_F(ProcessTest, NextDaemonTakesOverTheSocketAfterAKill) {
  env_.KillBroker();
  env_.StartBroker();
  Await([&] { return env_.admin().GetStatus().ok(); }, "the next daemon to answer");
}

TEST_F(ProcessTest, SocketHasTheConfiguredMode) {
  struct stat info {};
  ASSERT_EQ(::stat(env_.socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
}

TEST(ConfigurationTest, MistakeIsReportedWithNameAndLine) {
  const TestEnvironment env;
  const TestEnvironment::Output refused = env.RunBroker(
      env.WriteConfig("bad.toml", env.File("state"), env.socket(), "colour = \"blue\"\n"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.text, HasSubstr("colour"));
  EXPECT_THAT(refused.text, HasSubstr("bad.toml:17: "));
}

TEST_F(ProcessTest, SigtermAnswersAllAcceptedCalls) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  env_.bill().gateway().SetLatency(absl::Seconds(1));
  // When the signal arrives, all calls have been accepted and wait for the sign-in.
  constexpr int kCallers = 50;
  std::atomic<int> answered = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      if (env_.sessions().GetSession(kPayables).ok()) ++answered;
    });
  }
  const auto all_wait = [&] {
    const auto sessions = env_.admin().ListSessions("");
    return sessions.ok() && sessions->size() == 1 &&
           sessions->front().waiting_caller_count() == kCallers;
  };
  ASSERT_TRUE(Await(all_wait, "all callers to wait for the sign-in"));
  EXPECT_EQ(env_.StopBroker(), 0);
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answered, kCallers);
  EXPECT_EQ(env_.CountEvents("draining"), 1);
  struct stat info {};
  EXPECT_NE(::stat(env_.socket().c_str(), &info), 0) << "the socket is removed";
}

TEST_F(ProcessTest, SigtermKeepsSignInOfWarmWatch) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  env_.bill().gateway().SetLatency(absl::Seconds(3));
  SessionCacheOptions watch;
  watch.organizations = {{kPayables}};
  watch.keep_warm = true;
  const auto cache = SessionCache::Connect({.address = "unix:" + env_.socket()}, watch);
  ASSERT_THAT(cache, IsOk());
  Await([&] { return env_.SignIns() == 1; }, "the sign-in for the watch to reach BILL");
  EXPECT_EQ(env_.StopBroker(), 0);
  EXPECT_EQ(env_.CountEvents("drain_incomplete"), 0);
  env_.bill().gateway().SetLatency(absl::ZeroDuration());

  env_.StartBroker();
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  const auto session = env_.sessions().GetSession(kPayables, with_key);
  ASSERT_THAT(session, IsOk());
  EXPECT_EQ(env_.UseAtBill(*session), 200);
  EXPECT_EQ(env_.SignIns(), 1);
  const auto status = env_.admin().GetStatus();
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->sessions().failed_sign_in_count(), 0);
}

// Starts the broker with so little lockable memory that the first region of secrets takes all.
class LowMemlockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::string> command = {"prlimit", "--memlock=262144:262144", "--"};
    if (::geteuid() == 0) {  // root would ignore the limit
      command.insert(command.begin(), {"setpriv", "--bounding-set=-ipc_lock", "--"});
    }
    std::vector<std::string> probe = command;
    probe.emplace_back("true");
    const std::string refused = env_.bus().Run(probe);
    if (!refused.empty()) GTEST_SKIP() << "cannot limit the locked memory here: " << refused;
    if (::mlock(nullptr, 1) == 0) GTEST_SKIP() << "a sanitizer replaces mlock() here";
    env_.StartBroker(command);
  }

  TestEnvironment env_;
};

TEST_F(LowMemlockTest, LogsLaterUnlockedMemory) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  Await([&] { return env_.CountEvents("secret_memory_unlocked") > 0; }, "a warning");
  const auto status = env_.admin().GetStatus();
  ASSERT_THAT(status, IsOk());
  const std::uint64_t unlocked_bytes = status->memory().unlocked_bytes();
  EXPECT_GT(unlocked_bytes, 0u);
  Await(
      [&] {
        return env_.CountEvents("secret_memory_unlocked", {{"unlocked_bytes", unlocked_bytes}}) > 0;
      },
      "the warning to have the figure of the status");
}

TEST_F(LowMemlockTest, LogHasOnlyJson) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  std::istringstream log(env_.Log());
  for (std::string line; std::getline(log, line);) {
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  }
}

}  // namespace
}  // namespace billbroker

// The daemon as a process: alone on its socket and state folder, and a clean end.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "tests/e2e/house.h"

namespace billbroker {
namespace {

TEST(ProcessTest, ASecondDaemonOnTheSameStateFolderIsRefused) {
  House house;
  house.StartBroker();
  const House::Output second = house.RunBroker(
      house.WriteConfig("second.toml", house.File("state"), house.File("other.sock")));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(second.text, house.File("state"))) << second.text;
  EXPECT_TRUE(house.admin().GetStatus().ok());
}

TEST(ProcessTest, ASecondDaemonOnTheSameSocketIsRefused) {
  House house;
  house.StartBroker();
  const House::Output second =
      house.RunBroker(house.WriteConfig("second.toml", house.File("other-state"), house.socket()));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(second.text, house.socket())) << second.text;
  EXPECT_TRUE(house.admin().GetStatus().ok()) << "the first one keeps its socket";
}

TEST(ProcessTest, ASecondDaemonOnTheSameKeyringInstanceIsRefused) {
  House house;
  house.StartBroker();
  const House::Output second = house.RunBroker(
      house.WriteConfig("second.toml", house.File("other-state"), house.File("other.sock")));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(second.text, "keyring instance")) << second.text;
}

TEST(ProcessTest, AfterAKillTheNextDaemonTakesTheSocketOver) {
  House house;
  house.StartBroker();
  house.KillBroker();
  house.StartBroker();
  EXPECT_TRUE(Eventually([&] { return house.admin().GetStatus().ok(); }));
}

TEST(ProcessTest, TheSocketHasTheConfiguredMode) {
  House house;
  house.StartBroker();
  struct stat info {};
  ASSERT_EQ(::stat(house.socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
}

TEST(ProcessTest, AConfigurationWithAMistakeIsRefusedByNameAndLine) {
  House house;
  const House::Output refused = house.RunBroker(
      house.WriteConfig("bad.toml", house.File("state"), house.socket(), "colour = \"blue\"\n"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_TRUE(absl::StrContains(refused.text, "colour")) << refused.text;
  EXPECT_TRUE(absl::StrContains(refused.text, "bad.toml:16: ")) << refused.text;
}

TEST(ProcessTest, SigtermUnderLoadLosesNoAnswerThatWasPromised) {
  House house;
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  house.bill().gateway().SetLatency(absl::Seconds(1));
  // Every one of them is let in, and waits for the sign-in, when the signal comes.
  constexpr int kCallers = 50;
  std::atomic<int> answered = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      if (house.sessions().GetSession(kPayables).ok()) ++answered;
    });
  }
  ASSERT_TRUE(Eventually([&] {
    const auto sessions = house.admin().ListSessions("");
    return sessions.ok() && sessions->size() == 1 &&
           sessions->front().waiting_caller_count() == kCallers;
  }));
  EXPECT_EQ(house.StopBroker(), 0);
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answered, kCallers);
  EXPECT_TRUE(absl::StrContains(house.Log(), "\"event\":\"draining\""));
  struct stat info {};
  EXPECT_NE(::stat(house.socket().c_str(), &info), 0) << "the socket is removed";
}

}  // namespace
}  // namespace billbroker

// billbrokerd as a process, without a keyring and without a BILL.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "tests/support/child_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() { Configure(folder_.File("state"), folder_.File("broker.sock")); }

  void Configure(const std::string& state_dir, const std::string& socket) {
    std::ofstream(policy_) << "[[principal]]\nname = \"unix:test\"\nusers = [\"" << ::geteuid()
                           << "\"]\n[[grant]]\nprincipals = [\"unix:test\"]\nrole = \"admin\"\n"
                           << "organizations = [\"*\"]\n";
    std::ofstream(config_) << "state_dir = \"" << state_dir << "\"\npolicy_file = \"" << policy_
                           << "\"\n[[listener]]\nunix = \"" << socket
                           << "\"\n[environments.sandbox]\nbase_url = \"https://localhost:1\"\n";
  }

  // Its output goes to `log` in the test's folder.
  std::unique_ptr<ChildProcess> Start(const std::vector<std::string>& arguments,
                                      const std::string& log) const {
    ChildOptions options;
    options.command = {BILLBROKERD};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.environment = {"DBUS_SESSION_BUS_ADDRESS=unix:path=" + folder_.File("no-bus")};
    options.output_file = folder_.File(log);
    return std::make_unique<ChildProcess>(options);
  }

  std::string Output(const std::string& log) const {
    std::stringstream text;
    text << std::ifstream(folder_.File(log)).rdbuf();
    return text.str();
  }

  template <typename Condition>
  static bool Eventually(const Condition& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }

  bool IsReady(const std::string& log) const {
    return Eventually([&] { return absl::StrContains(Output(log), R"("event":"ready")"); });
  }

  std::unique_ptr<v1::SessionService::Stub> Sessions() const {
    return v1::SessionService::NewStub(grpc::CreateChannel("unix:" + folder_.File("broker.sock"),
                                                           grpc::InsecureChannelCredentials()));
  }

  TempFolder folder_;
  const std::string config_ = folder_.File("broker.toml");
  const std::string policy_ = folder_.File("policy.toml");
};

TEST_F(DaemonTest, WithoutAKeyringItServesSaysSoAndEndsCleanly) {
  const auto daemon = Start({"--config", config_}, "log");
  ASSERT_TRUE(IsReady("log")) << Output("log");
  struct stat info {};
  ASSERT_EQ(::stat(folder_.File("broker.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660U);

  const auto sessions = Sessions();
  v1::GetStatusResponse status;
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    return sessions->GetStatus(&context, {}, &status).ok() &&
           status.vault().state() == v1::VAULT_STATE_NO_BUS;
  })) << status.ShortDebugString();
  grpc::ClientContext context;
  v1::GetSessionRequest request;
  request.set_organization_id("0081");
  v1::GetSessionResponse response;
  const absl::Status answer = FromGrpcStatus(sessions->GetSession(&context, request, &response));
  EXPECT_THAT(answer, HasReason(Reason::kVaultUnreachable));

  daemon->Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Output("log"), R"("policy_reloaded")"); }));
  daemon->Signal(SIGTERM);
  EXPECT_EQ(daemon->Wait(), 0) << Output("log");
  EXPECT_FALSE(std::filesystem::exists(folder_.File("broker.sock")));
  EXPECT_THAT(Output("log"), HasSubstr(R"("event":"stopped")"));
}

TEST_F(DaemonTest, ASecondOneOnTheSameSocketOrStateFolderIsRefusedAndTheFirstGoesOn) {
  const auto first = Start({"--config", config_}, "first");
  ASSERT_TRUE(IsReady("first")) << Output("first");

  EXPECT_EQ(Start({"--config", config_}, "same_folder")->Wait(), 1);
  EXPECT_THAT(Output("same_folder"), HasSubstr(folder_.File("state") + "/lock is locked"));
  Configure(folder_.File("other"), folder_.File("broker.sock"));
  EXPECT_EQ(Start({"--config", config_}, "same_socket")->Wait(), 1);
  EXPECT_THAT(Output("same_socket"), HasSubstr(folder_.File("broker.sock") + ".lock is locked"));

  grpc::ClientContext context;
  v1::GetStatusResponse status;
  EXPECT_THAT(Sessions()->GetStatus(&context, {}, &status), IsOk());
}

TEST_F(DaemonTest, AfterACrashTheNextOneTakesOver) {
  const auto crashes = Start({"--config", config_}, "first");
  ASSERT_TRUE(IsReady("first")) << Output("first");
  crashes->Signal(SIGKILL);
  crashes->Wait();
  ASSERT_TRUE(std::filesystem::exists(folder_.File("broker.sock")));
  const auto next = Start({"--config", config_}, "second");
  ASSERT_TRUE(IsReady("second")) << Output("second");
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  EXPECT_THAT(Sessions()->GetStatus(&context, {}, &status), IsOk());
}

TEST_F(DaemonTest, AConfigurationIsCheckedWithoutServing) {
  EXPECT_EQ(Start({"--config", config_, "--check-config"}, "good")->Wait(), 0);
  EXPECT_EQ(Output("good"), "configuration is good\n");
  EXPECT_FALSE(std::filesystem::exists(folder_.File("state")));

  std::ofstream(config_, std::ios::app) << "colour = \"red\"\n";
  EXPECT_EQ(Start({"--config", config_, "--check-config"}, "bad")->Wait(), 1);
  EXPECT_EQ(Output("bad"),
            config_ +
                ":7: unknown key \"environments.sandbox.colour\"; known here: base_url, "
                "ca_file, proxy\n");
  EXPECT_EQ(Start({"--config", config_}, "start")->Wait(), 2);
  EXPECT_THAT(Output("start"), Not(HasSubstr("ready")));
}

TEST_F(DaemonTest, UsageIsCheckedAndTheVersionSaid) {
  EXPECT_EQ(Start({"--version"}, "version")->Wait(), 0);
  EXPECT_EQ(Output("version"), absl::StrCat("billbrokerd ", BILLBROKER_VERSION, "\n"));
  EXPECT_EQ(Start({}, "nothing")->Wait(), 2);
  EXPECT_EQ(Start({"--confg", config_}, "typo")->Wait(), 2);
  EXPECT_EQ(Output("typo"), "unknown argument \"--confg\"; see 'billbrokerd --help'\n");
}

}  // namespace
}  // namespace billbroker

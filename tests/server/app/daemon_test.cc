// billbrokerd as a process, without a keyring and without BILL.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "tests/support/await.h"
#include "tests/support/child_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() { Configure(folder_.File("state"), folder_.File("broker.sock")); }

  void Configure(const std::string& state_dir, const std::string& socket) {
    std::ofstream(policy_)
        << "[[principal]]\nname = \"unix:daemon-test-user\"\nusers = [\"" << ::geteuid()
        << "\"]\n[[grant]]\nprincipals = [\"unix:daemon-test-user\"]\nrole = \"admin\"\n"
        << "organizations = [\"*\"]\n";
    std::ofstream(config_) << "state_dir = \"" << state_dir << "\"\npolicy_file = \"" << policy_
                           << "\"\n[[listener]]\nunix = \"" << socket
                           << "\"\n[environments.sandbox]\nbase_url = \"https://localhost:1\"\n";
  }

  // Starts billbrokerd; its output goes to the file `log` in the test's folder.
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

  // Returns true once `log` holds a line of `event`.
  bool AwaitEvent(const std::string& log, const std::string& event) const {
    return Await(
        [&] { return absl::StrContains(Output(log), absl::StrCat("\"event\":\"", event, "\"")); },
        "the log line " + event);
  }

  std::unique_ptr<v1::SessionService::Stub> Sessions() const {
    return v1::SessionService::NewStub(grpc::CreateChannel("unix:" + folder_.File("broker.sock"),
                                                           grpc::InsecureChannelCredentials()));
  }

  TempFolder folder_;
  const std::string config_ = folder_.File("broker.toml");
  const std::string policy_ = folder_.File("policy.toml");
};

TEST_F(DaemonTest, ServesWithoutKeyringAndStopsCleanly) {
  const auto daemon = Start({"--config", config_}, "log");
  ASSERT_TRUE(AwaitEvent("log", "ready")) << Output("log");
  struct stat info {};
  ASSERT_EQ(::stat(folder_.File("broker.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660U);

  const auto sessions = Sessions();
  v1::GetStatusResponse status;
  Await(
      [&] {
        grpc::ClientContext context;
        return sessions->GetStatus(&context, {}, &status).ok() &&
               status.vault().state() == v1::VAULT_STATE_NO_BUS;
      },
      "the vault's state to be NO_BUS");
  grpc::ClientContext context;
  v1::GetSessionRequest request;
  request.set_organization_id("00800000000000000081");
  v1::GetSessionResponse response;
  const absl::Status answer = FromGrpcStatus(sessions->GetSession(&context, request, &response));
  EXPECT_THAT(answer, HasReason(Reason::kVaultUnreachable));

  daemon->Signal(SIGHUP);
  EXPECT_TRUE(AwaitEvent("log", "policy_reloaded"));
  daemon->Signal(SIGTERM);
  EXPECT_EQ(daemon->Wait(), 0) << Output("log");
  EXPECT_FALSE(std::filesystem::exists(folder_.File("broker.sock")));
  EXPECT_THAT(Output("log"), HasSubstr(R"("event":"stopped")"));
}

TEST_F(DaemonTest, RejectsSecondDaemonOnSameSocketOrState) {
  const auto first = Start({"--config", config_}, "first");
  ASSERT_TRUE(AwaitEvent("first", "ready")) << Output("first");

  EXPECT_EQ(Start({"--config", config_}, "same_folder")->Wait(), 1);
  EXPECT_THAT(Output("same_folder"), HasSubstr(folder_.File("state") + "/lock"));
  Configure(folder_.File("other"), folder_.File("broker.sock"));
  EXPECT_EQ(Start({"--config", config_}, "same_socket")->Wait(), 1);
  EXPECT_THAT(Output("same_socket"), HasSubstr(folder_.File("broker.sock") + ".lock"));

  grpc::ClientContext context;
  v1::GetStatusResponse status;
  EXPECT_THAT(FromGrpcStatus(Sessions()->GetStatus(&context, {}, &status)), IsOk());
}

TEST_F(DaemonTest, StartsAfterACrash) {
  const auto crashes = Start({"--config", config_}, "first");
  ASSERT_TRUE(AwaitEvent("first", "ready")) << Output("first");
  crashes->Signal(SIGKILL);
  crashes->Wait();
  ASSERT_TRUE(std::filesystem::exists(folder_.File("broker.sock")));
  const auto next = Start({"--config", config_}, "second");
  ASSERT_TRUE(AwaitEvent("second", "ready")) << Output("second");
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  EXPECT_THAT(FromGrpcStatus(Sessions()->GetStatus(&context, {}, &status)), IsOk());
}

TEST_F(DaemonTest, CheckConfigDoesNotServe) {
  EXPECT_EQ(Start({"--config", config_, "--check-config"}, "good")->Wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(folder_.File("state")));

  std::ofstream(config_, std::ios::app) << "colour = \"red\"\n";
  EXPECT_EQ(Start({"--config", config_, "--check-config"}, "bad")->Wait(), 1);
  EXPECT_THAT(Output("bad"), StartsWith(config_ + ":7: "));
  EXPECT_THAT(Output("bad"), HasSubstr("environments.sandbox.colour"));
  EXPECT_EQ(Start({"--config", config_}, "start")->Wait(), 2);
  EXPECT_THAT(Output("start"), Not(HasSubstr("ready")));
}

TEST_F(DaemonTest, ChecksUsageAndPrintsVersion) {
  EXPECT_EQ(Start({"--version"}, "version")->Wait(), 0);
  EXPECT_EQ(Output("version"), absl::StrCat("billbrokerd ", BILLBROKER_VERSION, "\n"));
  EXPECT_EQ(Start({}, "nothing")->Wait(), 2);
  EXPECT_EQ(Start({"--confg", config_}, "typo")->Wait(), 2);
  EXPECT_THAT(Output("typo"), HasSubstr("--confg"));
}

}  // namespace
}  // namespace billbroker

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class UsageTest : public CliTest {};

TEST_F(UsageTest, HelpListsEveryCommand) {
  EXPECT_EQ(Run({"--help"}), kExitOk);
  for (const char* text :
       {"login", "credential", "session", "status", "exec", "doctor", "--socket"}) {
    EXPECT_THAT(out_, HasSubstr(text));
  }
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(UsageTest, EveryCommandHasHelp) {
  EXPECT_EQ(Run({"credential", "create", "--help"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("--secrets-from-stdin"));
  EXPECT_EQ(Run({"exec", "--help"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("BILL_SESSION_ID"));
}

TEST_F(UsageTest, VersionIsPrinted) {
  EXPECT_EQ(Run({"--version"}), kExitOk);
  EXPECT_THAT(out_, StartsWith("billbroker "));
}

TEST_F(UsageTest, WrongArgumentsAreUsageErrors) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"frobnicate"},
      {"credential"},
      {"session", "get"},
      {"session", "get", "00800000000000000801", "00800000000000000802"},
      {"session", "get", "00800000000000000801", "--min-remaining", "soon"},
      {"session", "get", "00800000000000000801", "--min-remaining", "-5s"},
      {"status", "--output", "xml"},
      {"credential", "create", "acme-payables-user", "--kind", "robot", "--environment", "sandbox",
       "--username", "a"},
      {"exec", "--org", "00800000000000000801"},
      {"status", "--timeout", "0s"}};
  for (const std::vector<std::string>& args : wrong) {
    EXPECT_EQ(Run(args), kExitUsage) << ::testing::PrintToString(args);
    EXPECT_EQ(ErrorReason(), "USAGE") << ::testing::PrintToString(args);
  }
}

TEST_F(UsageTest, NamesUnknownCommandAndItsHelp) {
  EXPECT_EQ(Run({"frob"}), kExitUsage);
  EXPECT_EQ(ErrorReason(), "USAGE");
  EXPECT_THAT(err_, HasSubstr("\"frob\""));
  EXPECT_EQ(Run({"sesion", "get", "00800000000000000801", "--show"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("\"sesion\""));
  EXPECT_EQ(Run({"session", "frob", "00800000000000000801", "--output", "json"}), kExitUsage);
  EXPECT_EQ(ErrorJson()["reason"], "USAGE");
  EXPECT_THAT(ErrorJson()["message"].get<std::string>(), HasSubstr("'billbroker session --help'"));
}

TEST_F(UsageTest, RejectsSecretInArgumentWithoutQuotingIt) {
  for (const std::string& argument :
       {std::string("--password=") + kDevKeySecret, std::string("--dev-key=") + kDevKeySecret,
        std::string("--app-key=") + kDevKeySecret,
        std::string("--console_api_token=") + kDevKeySecret}) {
    EXPECT_EQ(Run({"credential", "create", "acme-payables-user", argument}), kExitUsage);
    EXPECT_THAT(err_, HasSubstr("--secrets-from-stdin")) << argument;
    EXPECT_THAT(err_, Not(HasSubstr(kDevKeySecret))) << argument;
  }
  EXPECT_EQ(Run({"credential", "create", "acme-payables-user", "--password", kDevKeySecret}),
            kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--password"));
  EXPECT_THAT(err_, Not(HasSubstr(kDevKeySecret)));
}

TEST_F(UsageTest, NamesMistypedOptionWithoutItsValue) {
  EXPECT_EQ(Run({"credential", "show", "acme-payables-user", "--pasword", kDevKeySecret}),
            kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--pasword"));
  EXPECT_THAT(err_, Not(HasSubstr(kDevKeySecret)));
  EXPECT_EQ(Run({"credential", "--pasword", kDevKeySecret}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--pasword"));
  EXPECT_THAT(err_, Not(HasSubstr(kDevKeySecret)));
}

TEST_F(UsageTest, GlobalOptionsMayFollowTheCommand) {
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--output", "json", "--timeout", "5"}),
            kExitOk);
  EXPECT_EQ(OutJson()["organization_id"], "00800000000000000801");
}

TEST_F(UsageTest, JsonOutputHasJsonErrors) {
  EXPECT_EQ(Run({"session", "get", "--output", "json"}), kExitUsage);
  EXPECT_EQ(ErrorJson()["reason"], "USAGE");
  broker_.FailNext("GetSession",
                   MakeError(ErrorDetails{Reason::kBillRateLimited,
                                          absl::Milliseconds(11'500),
                                          {{"organization_id", "00800000000000000801"}}},
                             "the hourly limit is spent"));
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--output=json"}), kExitTryLater);
  EXPECT_EQ(ErrorJson(), Json({{"reason", "BILL_RATE_LIMITED"},
                               {"code", "RESOURCE_EXHAUSTED"},
                               {"message", "the hourly limit is spent"},
                               {"fix", ""},
                               {"retry_after_seconds", 11.5},
                               {"metadata", {{"organization_id", "00800000000000000801"}}}}));
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(UsageTest, ReasonsBecomeExitCodes) {
  const std::pair<Reason, ExitCode> expected[] = {{Reason::kMalformedRequest, kExitUsage},
                                                  {Reason::kUnknownCredential, kExitNotFound},
                                                  {Reason::kNoLiveSession, kExitNotFound},
                                                  {Reason::kCredentialRejected, kExitNeedsPerson},
                                                  {Reason::kLockedOut, kExitNeedsPerson},
                                                  {Reason::kVaultLocked, kExitNeedsPerson},
                                                  {Reason::kVaultUnreachable, kExitNeedsPerson},
                                                  {Reason::kBillUnavailable, kExitTryLater},
                                                  {Reason::kDraining, kExitTryLater},
                                                  {Reason::kVersionConflict, kExitFailed}};
  for (const auto& [reason, exit_code] : expected) {
    broker_.FailNext("GetSession", MakeError(reason, "because"));
    EXPECT_EQ(Run({"session", "get", "00800000000000000801"}), exit_code) << ReasonName(reason);
  }
}

TEST_F(UsageTest, UnreachableBrokerHasItsOwnExitCode) {
  socket_ = folder_ / "nothing.sock";
  EXPECT_EQ(Run({"status"}), kExitUnreachable);
  EXPECT_EQ(ErrorReason(), "BROKER_UNREACHABLE");
  EXPECT_THAT(err_, HasSubstr("\nfix: "));
  EXPECT_THAT(err_, HasSubstr(socket_));
}

TEST_F(UsageTest, SocketMayComeFromTheEnvironment) {
  host_.environment["BILLBROKER_SOCKET"] = socket_;
  EXPECT_EQ(RunAsIs({"session", "get", "00800000000000000801"}), kExitOk) << err_;
}

TEST_F(UsageTest, IgnoresEmptySocketInTheEnvironment) {
  host_.environment["BILLBROKER_SOCKET"] = "";
  EXPECT_EQ(RunAsIs({"status", "--timeout", "1s"}), kExitUnreachable);
  EXPECT_THAT(err_, HasSubstr("/run/billbroker/broker.sock"));
}

// Options for a broker over TCP, without a broker. tests/e2e/mutual_tls_test.cc has one with.
class AddressTest : public CliTest {
 protected:
  AddressTest() {
    for (const char* name : {"ca.pem", "me.pem", "me.key"}) std::ofstream(folder_ / name) << "x";
  }
  std::vector<std::string> Files() {
    return {"--ca-file",        folder_ / "ca.pem", "--certificate-file",
            folder_ / "me.pem", "--key-file",       folder_ / "me.key"};
  }
};

TEST_F(AddressTest, BrokerOverTcpNeedsThreeFiles) {
  EXPECT_EQ(RunAsIs({"status", "--address", "broker.example:8443"}), kExitUsage);
  EXPECT_THAT(err_, AllOf(HasSubstr("--ca-file"), HasSubstr("BILLBROKER_CA_FILE")));
  host_.environment = {{"BILLBROKER_ADDRESS", "broker.example:8443"},
                       {"BILLBROKER_CA_FILE", folder_ / "ca.pem"},
                       {"BILLBROKER_CERTIFICATE_FILE", folder_ / "nothing.pem"},
                       {"BILLBROKER_KEY_FILE", folder_ / "me.key"}};
  EXPECT_EQ(RunAsIs({"status"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr(folder_ / "nothing.pem"));
}

TEST_F(AddressTest, RejectsInvalidAddressesAndFiles) {
  const auto run = [this](const std::string& address, const std::string& key) {
    EXPECT_EQ(RunAsIs({"status", "--address", address, "--ca-file", folder_ / "ca.pem",
                       "--certificate-file", folder_ / "me.pem", "--key-file", key}),
              kExitUsage);
    return err_;
  };
  for (const char* address : {"localhost", "localhost:0", "localhost:65536", ":1", "https://a:1"}) {
    EXPECT_THAT(run(address, folder_ / "me.key"), HasSubstr(address)) << address;
  }
  std::ofstream(folder_ / "empty.key").close();
  EXPECT_THAT(run("localhost:1", folder_ / "empty.key"), HasSubstr(folder_ / "empty.key"));
  EXPECT_THAT(run("localhost:1", "/tmp"), HasSubstr("/tmp"));
}

TEST_F(AddressTest, RejectsConflictingOptions) {
  EXPECT_EQ(Run({"status", "--address", "localhost:1"}), kExitUsage);
  EXPECT_THAT(err_, AllOf(HasSubstr("--socket"), HasSubstr("--address")));
  EXPECT_EQ(Run({"status", "--key-file", folder_ / "me.key"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--key-file"));
  EXPECT_EQ(RunAsIs({"status", "--address", "unix:/run/x.sock"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--socket"));
}

TEST_F(AddressTest, DoctorSkipsLocalChecksForRemoteBroker) {
  std::vector<std::string> args = {"doctor", "--address", "127.0.0.1:1", "--output", "json"};
  for (std::string& file : Files()) args.push_back(std::move(file));
  EXPECT_EQ(RunAsIs(args), 1);
  const Json report = OutJson();
  for (const Json& check : report["checks"]) {
    const bool is_broker = check["check"] == "broker";
    EXPECT_EQ(check["state"], is_broker ? "problem" : "skipped") << check;
    if (is_broker) {
      EXPECT_THAT(check["finding"].get<std::string>(), HasSubstr("127.0.0.1:1"));
    }
  }
}

TEST_F(AddressTest, SocketOptionOverridesTheEnvironment) {
  host_.environment = {{"BILLBROKER_ADDRESS", "broker.example:8443"}};
  EXPECT_EQ(Run({"session", "get", "00800000000000000801"}), kExitOk) << err_;
}

}  // namespace
}  // namespace billbroker

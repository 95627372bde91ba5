// The program `billbroker` as a real process, over a real Unix socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/client/support/fake_broker.h"
#include "tests/client/support/piped_process.h"
#include "tests/support/await.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Returns the arguments of `pid` as every user of the machine can read them. Waits for them,
// because a new process has none at first.
std::string ArgumentsOf(pid_t pid) {
  std::string arguments;
  Await(
      [&] {
        arguments = ReadFile("/proc/" + std::to_string(pid) + "/cmdline");
        return !arguments.empty();
      },
      "the arguments of the process");
  return arguments;
}

class ProcessTest : public ::testing::Test {
 protected:
  std::vector<std::string> Command(std::vector<std::string> args) const {
    args.insert(args.begin(), {BILLBROKER_PROGRAM, "--socket", socket_});
    return args;
  }

  Outcome Run(std::vector<std::string> args, const std::string& input = "") {
    return RunProcess(Command(std::move(args)), {}, input);
  }

  TempFolder folder_;
  std::string socket_ = folder_ / "broker.sock";
  FakeBroker broker_{socket_};
};

TEST_F(ProcessTest, PrintsOnlyTheSession) {
  const Outcome outcome = Run({"session", "get", "00800000000000000801", "--output", "json"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["organization_id"], "00800000000000000801");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(ProcessTest, SecretsAreNotInArgumentsAndOutput) {
  PipedProcess child(Command({"credential", "create", "acme-payables-user", "--environment",
                              "sandbox", "--kind", "user", "--username", "ada@acme.test",
                              "--organization", "00800000000000000801", "--secrets-from-stdin"}));
  const std::string arguments = ArgumentsOf(child.pid());
  EXPECT_THAT(arguments, HasSubstr("--secrets-from-stdin"));
  EXPECT_THAT(arguments, Not(HasSubstr(kDevKeySecret)));
  const Outcome outcome =
      child.Finish(R"({"dev_key": "dev-key-9Zk4-secret", "password": "hunter2-secret"})");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("secret\"")));
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr(kDevKeySecret)));
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("hunter2")));
  EXPECT_EQ(broker_.create_requests().front().password(), "hunter2-secret");
}

TEST_F(ProcessTest, ExecPassesSessionInTheEnvironment) {
  const std::string script = R"sh(
      printf '%s|%s|%s|%s|' ${#BILL_SESSION_ID} ${#BILL_DEV_KEY} $BILL_BASE_URL $BILL_ORGANIZATION_ID
      tr '\0' ' ' < /proc/$$/cmdline
      printf %s "$BILL_SESSION_ID" | sha256sum
      exit 42)sh";
  const Outcome outcome = Run({"exec", "--org", "00800000000000000801", "--", "sh", "-c", script});
  EXPECT_EQ(outcome.exit_code, 42) << outcome.err;
  const std::string lengths = std::to_string(sizeof(kSessionIdSecret) - 1) + "|" +
                              std::to_string(sizeof(kDevKeySecret) - 1);
  EXPECT_THAT(outcome.out,
              HasSubstr(lengths + "|https://bill.test/connect|00800000000000000801|sh -c"));
  const Outcome digest = RunProcess({"sha256sum"}, {}, kSessionIdSecret);
  EXPECT_THAT(outcome.out, HasSubstr(digest.out));
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr(kSessionIdSecret)));
}

TEST_F(ProcessTest, ExecReplacesOnlyBillVariables) {
  const Outcome outcome =
      RunProcess(Command({"exec", "--org", "00800000000000000801", "--", "sh", "-c",
                          "tr '\\0' '\\n' < /proc/$$/environ | grep -c ^BILL_; echo $KEPT"}),
                 {"BILL_SESSION_ID=old", "KEPT=kept"});
  EXPECT_EQ(outcome.out, "4\nkept\n");
}

TEST_F(ProcessTest, ExecOfMissingCommandExitsWith127) {
  const Outcome outcome = Run({"exec", "--org", "00800000000000000801", "--", folder_ / "none"});
  EXPECT_EQ(outcome.exit_code, 127);
  EXPECT_THAT(outcome.err, HasSubstr(folder_ / "none"));
  EXPECT_THAT(outcome.err, Not(HasSubstr(kSessionIdSecret)));
  const std::string plain = folder_.Write("plain", "no program");
  EXPECT_EQ(Run({"exec", "--org", "00800000000000000801", "--", plain}).exit_code, 126);
}

TEST_F(ProcessTest, UnreachableBrokerExitsWith3) {
  socket_ = folder_ / "nothing.sock";
  const Outcome outcome = Run({"--output", "json", "status"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(nlohmann::json::parse(outcome.err)["error"]["reason"], "BROKER_UNREACHABLE");
}

TEST_F(ProcessTest, FailsIfOutputCannotBeWritten) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801"});
  for (const char* command :
       {"session list", "session get 00800000000000000801 --show", "credential list --output json",
        "status", "session login 00800000000000000801", "--help", "--version"}) {
    const Outcome outcome = RunProcess({"sh", "-c",
                                        std::string("exec " BILLBROKER_PROGRAM " --socket ") +
                                            socket_ + " " + command + " > /dev/full"});
    EXPECT_EQ(outcome.exit_code, 1) << command;
    EXPECT_THAT(outcome.err, HasSubstr("standard output")) << command;
  }
}

TEST_F(ProcessTest, DoctorRunsTheDaemonsCheckConfig) {
  // A stand-in in PATH: the real one need not be built here.
  const std::string daemon =
      folder_.Write("billbrokerd", "#!/bin/sh\necho \"$3:7: wrong\"; exit 1\n");
  ASSERT_EQ(RunProcess({"chmod", "+x", daemon}).exit_code, 0);
  const std::string program = folder_ / "bin";
  ASSERT_EQ(RunProcess({"cp", BILLBROKER_PROGRAM, program}).exit_code, 0);
  const Outcome outcome = RunProcess(
      {program, "--socket", socket_, "doctor", "--config", "/etc/b.toml", "--output", "json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["checks"][0]["finding"], "/etc/b.toml:7: wrong");
}

// Runs the completion script for `words`, whose last word is being typed.
class CompletionTest : public ProcessTest {
 protected:
  std::string Complete(const std::string& words) {
    const Outcome outcome = RunProcess(
        {"bash", "-c",
         "PATH=" BILLBROKER_PROGRAM_FOLDER ":$PATH; source " BILLBROKER_COMPLETION
         "; COMP_WORDS=(billbroker " +
             words +
             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _billbroker; echo \"${COMPREPLY[*]}\""},
        {"BILLBROKER_SOCKET=" + socket_});
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }
};

TEST_F(CompletionTest, CompletesCommandsOptionsAndValues) {
  EXPECT_EQ(Complete("''"), "login credential session mfa status audit keyring exec doctor\n");
  EXPECT_EQ(Complete("audit ''"), "verify\n");
  EXPECT_EQ(Complete("s"), "session status\n");
  EXPECT_EQ(Complete("--output json credential de"), "delete detach\n");
  EXPECT_EQ(Complete("session ''"), "get login logout list watch\n");
  EXPECT_EQ(Complete("session login --f"), "--force\n");
  EXPECT_EQ(Complete("--output t"), "table\n");
  EXPECT_EQ(Complete("credential create x --kind ''"), "user console partner\n");
}

TEST_F(CompletionTest, CompletesNamesFromTheBroker) {
  for (const char* name : {"acme-payables-user", "acme-receivables-user", "books"})
    broker_.AddCredential(name, {"00800000000000000801"});
  v1::GetStatusResponse status;
  status.add_environments()->set_name("sandbox");
  broker_.set_status(status);
  EXPECT_EQ(Complete("credential show a"), "acme-payables-user acme-receivables-user\n");
  EXPECT_EQ(Complete("session get 00800000000000000801 --credential ''"),
            "acme-payables-user acme-receivables-user books\n");
  EXPECT_EQ(Complete("credential create x --environment ''"), "sandbox\n");
}

// bash splits at "=", unless COMP_WORDBREAKS has none.
TEST_F(CompletionTest, CompletesValuesAfterEqualsSign) {
  for (const char* name : {"acme-payables-user", "books"})
    broker_.AddCredential(name, {"00800000000000000801"});
  EXPECT_EQ(Complete("--output = t"), "table\n");
  EXPECT_EQ(Complete("--output ="), "table json\n");
  EXPECT_EQ(Complete("--output=t"), "--output=table\n");
  EXPECT_EQ(Complete("--output="), "--output=table --output=json\n");
  EXPECT_EQ(Complete("session get 00800000000000000801 --credential = a"), "acme-payables-user\n");
  EXPECT_EQ(Complete("--output = json credential de"), "delete detach\n");
  EXPECT_EQ(Complete("--output=json credential show ''"), "acme-payables-user books\n");
  EXPECT_EQ(Complete("session login --force ="), "\n");
  EXPECT_EQ(Complete("session login --force = ''"), "\n");
}

TEST_F(CompletionTest, CompletesNothingWithoutBroker) {
  socket_ = folder_ / "nothing.sock";
  EXPECT_EQ(Complete("credential show ''"), "\n");
}

// The script offers exactly the options that --help of a command lists.
TEST_F(CompletionTest, ScriptMatchesOptionsOfTheProgram) {
  const std::string script = R"(
    for command in login 'credential create' 'credential show' 'credential list' 'credential delete' \
        'credential attach' 'credential detach' 'session get' 'session login' 'session logout' \
        'session list' status 'audit verify' exec doctor; do
      offered=$(COMP_WORDS=(billbroker $command --); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _billbroker; printf '%s\n' "${COMPREPLY[@]}" | grep -vxE -e '--(socket|address|(ca|certificate|key)-file|output|timeout)' | sort)
      known=$(billbroker $command --help | grep -oE '^ +(-h,)?--[a-z-]+' | grep -oE -e '--[a-z-]+' | sort)
      [[ $offered == "$known" ]] || echo "$command: offered" $offered "known" $known
    done)";
  const Outcome outcome = RunProcess(
      {"bash", "-c",
       "PATH=" BILLBROKER_PROGRAM_FOLDER ":$PATH; source " BILLBROKER_COMPLETION "\n" + script});
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "");
}

}  // namespace
}  // namespace billbroker

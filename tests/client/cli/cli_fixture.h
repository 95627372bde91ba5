// CliTest: the command line against a FakeBroker, with a scripted terminal and machine.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/cli.h"
#include "tests/client/support/fake_broker.h"
#include "tests/support/manual_time.h"
#include "tests/support/temp_folder.h"

namespace billbroker {

// A terminal with a person who gives the queued answers, or a pipe that holds `input`.
class FakeTerminal final : public Terminal {
 public:
  bool person = false;
  std::string input;
  std::deque<std::string> answers;   // to all questions, including those for secrets, in order
  std::vector<std::string> prompts;  // questions with echo
  std::vector<std::string> secret_prompts;

  [[nodiscard]] bool interactive() const override { return person; }
  [[nodiscard]] absl::StatusOr<std::string> ReadLine(absl::string_view prompt) override;
  [[nodiscard]] absl::StatusOr<SecretString> ReadSecret(absl::string_view prompt) override;
  [[nodiscard]] absl::StatusOr<SecretString> ReadAll(std::size_t max_bytes) override;

 private:
  absl::StatusOr<std::string> Answer();
};

class FakeHost final : public Host {
 public:
  std::map<std::string, std::string> environment;
  absl::Status exec_result = absl::OkStatus();
  std::vector<std::string> executed;
  std::map<std::string, std::string> exec_environment;
  absl::StatusOr<ProgramResult> run_result = ProgramResult{};
  std::vector<std::string> ran;
  absl::optional<std::uint64_t> lockable_bytes;
  std::map<std::string, absl::Status> unreachable;  // by the environment's name
  std::vector<BillEndpoint> reached;
  ManualClock* clock = nullptr;  // that Sleep() advances

  [[nodiscard]] absl::optional<std::string> Getenv(const std::string& name) const override;
  [[nodiscard]] absl::Status Exec(const std::vector<std::string>& command,
                                  const std::vector<EnvironmentVariable>& variables) override;
  [[nodiscard]] absl::StatusOr<ProgramResult> Run(const std::vector<std::string>& command) override;
  void Sleep(absl::Duration time) override {
    if (clock != nullptr) clock->Advance(time);
  }
  [[nodiscard]] absl::optional<std::uint64_t> LockableBytes() const override;
  [[nodiscard]] absl::Status Reach(const BillEndpoint& endpoint) override;
};

class FakeKeyringProbe final : public KeyringProbe {
 public:
  v1::VaultStatus status;
  bool needs_plain = false;  // transfers secrets only without encryption
  [[nodiscard]] v1::VaultStatus Probe(bool allow_plain) override {
    if (!needs_plain || allow_plain) return status;
    v1::VaultStatus refused;
    refused.set_state(v1::VAULT_STATE_NOT_ENCRYPTED);
    refused.set_fix("use another provider, or set allow_plain_transfer");
    return refused;
  }
};

class CliTest : public ::testing::Test {
 protected:
  // Runs the command with the fake's socket; its output is in out_ and err_.
  int Run(std::vector<std::string> args);
  // The same without naming the socket.
  int RunAsIs(const std::vector<std::string>& args);

  // Returns standard output as JSON.
  [[nodiscard]] Json OutJson() const { return Json::parse(out_); }
  [[nodiscard]] Json ErrorJson() const { return Json::parse(err_)["error"]; }
  // Returns the reason in the line "error: REASON: message" on standard error, "" without one.
  [[nodiscard]] std::string ErrorReason() const;

  TempFolder folder_;
  std::string socket_ = folder_ / "broker.sock";
  FakeBroker broker_{socket_};
  FakeTerminal terminal_;
  FakeHost host_;
  FakeKeyringProbe keyring_;
  ManualClock clock_;
  std::string out_;
  std::string err_;
};

}  // namespace billbroker

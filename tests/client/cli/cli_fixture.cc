#include "tests/client/cli/cli_fixture.h"

namespace billbroker {

absl::StatusOr<std::string> FakeTerminal::Answer() {
  if (answers.empty()) return absl::OutOfRangeError("no more answers");
  std::string answer = answers.front();
  answers.pop_front();
  return answer;
}

absl::StatusOr<std::string> FakeTerminal::ReadLine(absl::string_view prompt) {
  prompts.emplace_back(prompt);
  return Answer();
}

absl::StatusOr<SecretString> FakeTerminal::ReadSecret(absl::string_view prompt) {
  secret_prompts.emplace_back(prompt);
  const absl::StatusOr<std::string> answer = Answer();
  if (!answer.ok()) return answer.status();
  return SecretString::CopyOf(*answer);
}

absl::StatusOr<SecretString> FakeTerminal::ReadAll(std::size_t) {
  return SecretString::CopyOf(input);
}

absl::optional<std::string> FakeHost::Getenv(const std::string& name) const {
  const auto found = environment.find(name);
  if (found == environment.end()) return absl::nullopt;
  return found->second;
}

absl::Status FakeHost::Exec(const std::vector<std::string>& command,
                            const std::vector<EnvironmentVariable>& variables) {
  executed = command;
  for (const EnvironmentVariable& variable : variables) {
    exec_environment[variable.name] = std::string(variable.value.Reveal());
  }
  return exec_result;
}

absl::StatusOr<ProgramResult> FakeHost::Run(const std::vector<std::string>& command) {
  ran = command;
  return run_result;
}

absl::optional<std::uint64_t> FakeHost::LockableBytes() const { return lockable_bytes; }

absl::Status FakeHost::Reach(const BillEndpoint& endpoint) {
  reached.push_back(endpoint);
  const auto found = unreachable.find(endpoint.name);
  return found == unreachable.end() ? absl::OkStatus() : found->second;
}

std::string CliTest::ErrorReason() const {
  const std::string prefix = "error: ";
  const std::size_t start = err_.find(prefix);
  if (start == std::string::npos) return "";
  const std::size_t reason = start + prefix.size();
  return err_.substr(reason, err_.find(':', reason) - reason);
}

int CliTest::Run(std::vector<std::string> args) {
  args.insert(args.begin(), {"--socket", socket_});
  return RunAsIs(args);
}

int CliTest::RunAsIs(const std::vector<std::string>& args) {
  std::ostringstream out;
  std::ostringstream err;
  Io io{out, err, terminal_};
  const int exit_code = RunCli(args, io, host_, keyring_, clock_);
  out_ = out.str();
  err_ = err.str();
  return exit_code;
}

}  // namespace billbroker

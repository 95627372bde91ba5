#include "client/cli/posix_host.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/cli/tls_reach.h"

namespace billbroker {
namespace {

constexpr std::size_t kMaxOutputBytes = 64 * 1024;

std::vector<char*> Argv(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  return argv;
}

bool Names(absl::string_view entry, const EnvironmentVariable& variable) {
  return entry.substr(0, entry.find('=')) == variable.name;
}

// "NAME=value" with its final zero, in locked memory until the kernel has copied it.
std::vector<SecretString> Entries(const std::vector<EnvironmentVariable>& variables) {
  std::vector<SecretString> entries;
  for (const EnvironmentVariable& variable : variables) {
    SecretBuilder entry;
    entry.Append(variable.name).Append("=").Append(variable.value.Reveal());
    entry.Append(absl::string_view("\0", 1));
    entries.push_back(std::move(entry).Build());
  }
  return entries;
}

std::string ReadOutput(int fd) {
  std::string output;
  char chunk[4096];
  ssize_t got = 0;
  while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
    if (got < 0 && errno != EINTR) break;
    if (got > 0 && output.size() < kMaxOutputBytes) output.append(chunk, static_cast<size_t>(got));
  }
  return output;
}

// A program installed beside this one is of the same version; PATH may hold another.
std::string Beside(const std::string& program) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path sibling = self.parent_path() / program;
  return !error && access(sibling.c_str(), X_OK) == 0 ? sibling.string() : program;
}

}  // namespace

absl::optional<std::string> PosixHost::Getenv(const std::string& name) const {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return absl::nullopt;
  return std::string(value);
}

absl::Status PosixHost::Exec(const std::vector<std::string>& command,
                             const std::vector<EnvironmentVariable>& variables) {
  const std::vector<SecretString> entries = Entries(variables);
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const auto names = [&](const EnvironmentVariable& variable) { return Names(*entry, variable); };
    if (!absl::c_any_of(variables, names)) environment.push_back(*entry);
  }
  for (const SecretString& entry : entries) {
    environment.push_back(const_cast<char*>(entry.Reveal().data()));
  }
  environment.push_back(nullptr);
  execvpe(command.front().c_str(), Argv(command).data(), environment.data());
  const std::string message =
      absl::StrCat("cannot run ", command.front(), ": ", std::strerror(errno));
  return errno == ENOENT ? absl::NotFoundError(message) : absl::PermissionDeniedError(message);
}

absl::StatusOr<ProgramResult> PosixHost::Run(const std::vector<std::string>& command) {
  int pipe_fds[2] = {-1, -1};
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return absl::InternalError("no descriptors left for a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDERR_FILENO);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, Beside(command.front()).c_str(), &actions, nullptr,
                                 Argv(command).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_fds[1]);
  ProgramResult result;
  if (error == 0) result.output = ReadOutput(pipe_fds[0]);
  close(pipe_fds[0]);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat("cannot run ", command.front(), ": ", std::strerror(error)));
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

void PosixHost::Sleep(absl::Duration time) { absl::SleepFor(time); }

absl::optional<std::uint64_t> PosixHost::LockableBytes() const {
  rlimit limit = {};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return absl::nullopt;
  }
  return limit.rlim_cur;
}

absl::Status PosixHost::Reach(const BillEndpoint& endpoint) { return ShakeHands(endpoint); }

}  // namespace billbroker

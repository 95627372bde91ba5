#include "tests/client/support/piped_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace billbroker {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  return pointers;
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Returns the available bytes; empty at the end.
std::string ReadSome(int fd) {
  char chunk[4096];
  ssize_t got = 0;
  do {
    got = read(fd, chunk, sizeof(chunk));
  } while (got < 0 && errno == EINTR);
  return got > 0 ? std::string(chunk, static_cast<std::size_t>(got)) : std::string();
}

void ReadBothToTheEnd(int out_fd, int err_fd, Outcome& outcome) {
  pollfd fds[2] = {{out_fd, POLLIN, 0}, {err_fd, POLLIN, 0}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const std::string some = ReadSome(fds[i].fd);
      (i == 0 ? outcome.out : outcome.err) += some;
      if (some.empty()) fds[i].fd = -1;
    }
  }
}

}  // namespace

PipedProcess::PipedProcess(const std::vector<std::string>& command,
                           const std::vector<std::string>& environment) {
  int in[2];
  int out[2];
  int err[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    std::abort();
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  std::vector<char*> argv = Pointers(command);
  argv.push_back(nullptr);
  std::vector<char*> envp = Pointers(environment);
  for (char** entry = environ; *entry != nullptr; ++entry) envp.push_back(*entry);
  envp.push_back(nullptr);
  if (posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data()) != 0) std::abort();
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  in_ = in[1];
  out_ = out[0];
  err_ = err[0];
}

PipedProcess::~PipedProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {in_, out_, err_}) {
    if (fd >= 0) close(fd);
  }
}

std::string PipedProcess::ReadLineWith(const std::string& text) {
  while (true) {
    const std::size_t end = read_.find('\n');
    if (end == std::string::npos) {
      const std::string some = ReadSome(out_);
      if (some.empty()) std::abort();
      read_ += some;
      continue;
    }
    std::string line = read_.substr(0, end);
    read_.erase(0, end + 1);
    if (line.find(text) != std::string::npos) return line;
  }
}

Outcome PipedProcess::Finish(const std::string& input) {
  if (write(in_, input.data(), input.size()) != static_cast<ssize_t>(input.size())) std::abort();
  close(in_);
  in_ = -1;
  Outcome outcome;
  outcome.out = read_;
  ReadBothToTheEnd(out_, err_, outcome);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  outcome.exit_code = ExitCode(status);
  return outcome;
}

Outcome RunProcess(const std::vector<std::string>& command,
                   const std::vector<std::string>& environment, const std::string& input) {
  return PipedProcess(command, environment).Finish(input);
}

}  // namespace billbroker

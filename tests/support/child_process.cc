#include "tests/support/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace billbroker {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

}  // namespace

ChildProcess::ChildProcess(const ChildOptions& options) {
  // Prepares everything before the fork, because only plain system calls are safe until exec.
  std::vector<char*> command = Pointers(options.command);
  std::vector<char*> environment = Pointers(options.environment);
  const char* file = options.output_file.empty() ? "/dev/null" : options.output_file.c_str();
  const int output = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int input[2];
  if (output < 0 || pipe2(input, O_CLOEXEC) != 0) Die("child process");
  pid_ = fork();
  if (pid_ < 0) Die("fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input[0], STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execvpe(command[0], command.data(), environment.data());
    _exit(127);
  }
  close(output);
  close(input[0]);
  const auto size = static_cast<ssize_t>(options.standard_input.size());
  if (write(input[1], options.standard_input.data(), options.standard_input.size()) != size) {
    Die("child process: standard input");
  }
  close(input[1]);
}

ChildProcess::~ChildProcess() {
  Signal(SIGKILL);
  Wait();
}

void ChildProcess::Signal(int signal) const {
  if (!ended_) kill(pid_, signal);
}

int ChildProcess::Wait() {
  if (ended_) return exit_code_;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) Die("waitpid");
  }
  ended_ = true;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return exit_code_;
}

}  // namespace billbroker

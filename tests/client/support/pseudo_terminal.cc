#include "tests/client/support/pseudo_terminal.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <cstdlib>

namespace billbroker {
namespace {

constexpr int kPatienceMs = 30'000;

}  // namespace

PseudoTerminal::PseudoTerminal(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  if (openpty(&master_, &slave_, nullptr, nullptr, nullptr) != 0) std::abort();
  pid_ = fork();
  if (pid_ < 0) std::abort();
  if (pid_ == 0) {
    close(master_);
    if (login_tty(slave_) == 0) execv(argv[0], argv.data());
    _exit(127);
  }
}

PseudoTerminal::~PseudoTerminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(master_);
  if (slave_ >= 0) close(slave_);
}

bool PseudoTerminal::ReadMore() {
  pollfd fd = {master_, POLLIN, 0};
  if (poll(&fd, 1, kPatienceMs) != 1) return false;
  char chunk[4096];
  const ssize_t got = read(master_, chunk, sizeof(chunk));
  if (got <= 0) return false;
  screen_.append(chunk, static_cast<std::size_t>(got));
  return true;
}

bool PseudoTerminal::WaitFor(const std::string& text) {
  std::size_t at = std::string::npos;
  while ((at = screen_.find(text, seen_)) == std::string::npos) {
    if (!ReadMore()) return false;
  }
  seen_ = at + text.size();
  return true;
}

void PseudoTerminal::Type(const std::string& text) {
  if (write(master_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
}

bool PseudoTerminal::echoes() const {
  termios settings = {};
  if (tcgetattr(slave_, &settings) != 0) std::abort();
  return (settings.c_lflag & ECHO) != 0;
}

int PseudoTerminal::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  pollfd fd = {master_, POLLIN, 0};
  while (poll(&fd, 1, 0) == 1 && ReadMore()) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace billbroker

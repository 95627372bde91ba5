#include "client/cli/caught_signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace billbroker {
namespace {

// A signal handler gets no argument of ours: the pipe it writes to is the one thing it can reach.
volatile sig_atomic_t write_fd = -1;

void OnSignal(int signal) {
  const int saved_errno = errno;
  const unsigned char byte = static_cast<unsigned char>(signal);
  // A full pipe has signals enough in it.
  [[maybe_unused]] const ssize_t written = write(write_fd, &byte, 1);
  errno = saved_errno;
}

}  // namespace

CaughtSignals::CaughtSignals() {
  int pipe_fds[2] = {-1, -1};
  // Without descriptors to spare nothing is caught, and signals act as they did.
  if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0) return;
  read_fd_ = pipe_fds[0];
  write_fd = pipe_fds[1];
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before_[i]);
}

CaughtSignals::~CaughtSignals() {
  if (read_fd_ < 0) return;
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  close(write_fd);
  close(read_fd_);
  write_fd = -1;
}

int CaughtSignals::Take() const {
  unsigned char byte = SIGTERM;
  [[maybe_unused]] const ssize_t got = read(read_fd_, &byte, 1);
  return byte;
}

}  // namespace billbroker

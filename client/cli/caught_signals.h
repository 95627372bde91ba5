// CaughtSignals: holds signals that would end or stop the process until a cleanup is done.
#pragma once

#include <signal.h>

#include <array>

namespace billbroker {

// While it lives SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGTSTP only make fd() readable, on any
// thread. The destructor restores the previous handlers. There may be only one at a time.
class CaughtSignals final {
 public:
  CaughtSignals();
  ~CaughtSignals();
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;

  // Returns a descriptor that is readable once a signal was caught.
  [[nodiscard]] int fd() const { return read_fd_; }

  // Returns the signal that was caught. Requires: fd() is readable.
  [[nodiscard]] int Take() const;

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

  int read_fd_ = -1;
  std::array<struct sigaction, kSignals.size()> before_ = {};
};

}  // namespace billbroker

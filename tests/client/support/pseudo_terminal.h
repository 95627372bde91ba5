// PseudoTerminal: a process at a terminal, and the person who types there.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace billbroker {

class PseudoTerminal final {
 public:
  // Starts `command` (a path) with this terminal as its controlling one and all three streams.
  explicit PseudoTerminal(const std::vector<std::string>& command);
  // Kills the process if it still runs.
  ~PseudoTerminal();
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Waits until the screen shows `text` after the text of the last wait. Returns false if it does
  // not within 30 s.
  [[nodiscard]] bool WaitFor(const std::string& text);

  // Types `text` unchanged.
  void Type(const std::string& text);

  // Returns true if the terminal echoes typed text.
  [[nodiscard]] bool echoes() const;

  // Reads to the end and waits. Returns the exit code, or 128 plus the signal's number.
  int Wait();

  // Returns everything that was shown so far.
  [[nodiscard]] const std::string& screen() const { return screen_; }

 private:
  // Returns false at the end, or after 30 s without output.
  bool ReadMore();

  pid_t pid_ = -1;
  int master_ = -1;
  int slave_ = -1;  // kept open, so that the settings outlive the process
  std::string screen_;
  std::size_t seen_ = 0;
};

}  // namespace billbroker

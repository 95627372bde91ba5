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
  // Kills what still runs.
  ~PseudoTerminal();
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Waits until the screen shows `text` behind what was waited for before; false where it does not
  // within 30 s.
  [[nodiscard]] bool WaitFor(const std::string& text);

  // Types `text` as it stands.
  void Type(const std::string& text);

  // Whether the terminal shows what is typed.
  [[nodiscard]] bool echoes() const;

  // Reads to the end and waits; the exit code, or 128 and the signal's number.
  int Wait();

  // Everything that was shown up to now.
  [[nodiscard]] const std::string& screen() const { return screen_; }

 private:
  // False at the end, or when nothing came within 30 s.
  bool ReadMore();

  pid_t pid_ = -1;
  int master_ = -1;
  int slave_ = -1;  // held open, so that the settings outlive the process
  std::string screen_;
  std::size_t seen_ = 0;
};

}  // namespace billbroker

// ChildProcess: a real process that ends with its owner.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace billbroker {

struct ChildOptions {
  std::vector<std::string> command;      // found in PATH
  std::vector<std::string> environment;  // "NAME=value"; nothing else is inherited
  std::string standard_input;            // followed by the end of input
  std::string output_file;               // standard output and error; appended to
};

// Aborts if the process cannot be started. The process also ends when the thread that started it
// ends, so that a crashed test leaves no process behind.
class ChildProcess final {
 public:
  explicit ChildProcess(const ChildOptions& options);
  ~ChildProcess();  // kills
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Waits for the end of the process and returns its exit code, or 128 + the signal that ended it.
  int Wait();

 private:
  pid_t pid_ = -1;
  int exit_code_ = 0;
  bool ended_ = false;
};

}  // namespace billbroker

// ChildProcess: a real process for tests, which ends with its owner.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace billbroker {

struct ChildOptions {
  std::vector<std::string> command;      // found in PATH
  std::vector<std::string> environment;  // "NAME=value"; all of it, nothing is inherited
  std::string standard_input;            // then the end of input
  std::string output_file;               // standard output and error; appended to
};

// Aborts where the process cannot be started. The process also ends when the thread that started it
// does, so that a test that crashes leaves nothing behind.
class ChildProcess final {
 public:
  explicit ChildProcess(const ChildOptions& options);
  ~ChildProcess();  // kills
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Waits for its end and returns its exit code; 128 + the signal where one ended it.
  int Wait();

 private:
  pid_t pid_ = -1;
  int exit_code_ = 0;
  bool ended_ = false;
};

}  // namespace billbroker

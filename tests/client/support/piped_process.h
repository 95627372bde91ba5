// PipedProcess: a child process whose input and output are pipes; it is killed with its owner.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace billbroker {

struct Outcome {
  int exit_code = -1;  // 128 plus the signal's number if a signal ended it
  std::string out;
  std::string err;
};

class PipedProcess final {
 public:
  // Starts `command` (looked up in PATH) with `environment` ("NAME=value") added to this process's.
  explicit PipedProcess(const std::vector<std::string>& command,
                        const std::vector<std::string>& environment = {});
  // Kills the process if it still runs.
  ~PipedProcess();
  PipedProcess(const PipedProcess&) = delete;
  PipedProcess& operator=(const PipedProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Reads standard output up to the first line that contains `text`; returns that line. Aborts at
  // the end of output.
  std::string ReadLineWith(const std::string& text);

  // Writes `input`, closes standard input, reads both streams to their end and waits.
  Outcome Finish(const std::string& input = "");

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string read_;
};

// Starts the process and waits for its end.
[[nodiscard]] Outcome RunProcess(const std::vector<std::string>& command,
                                 const std::vector<std::string>& environment = {},
                                 const std::string& input = "");

}  // namespace billbroker

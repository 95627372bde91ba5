// PosixTerminal: file descriptors and termios.
#pragma once

#include "client/cli/terminal.h"

namespace billbroker {

// One at a time in a process: while a secret is read the signals that would end or stop the process
// are caught, the terminal is given its echo back, and only then they take effect.
class PosixTerminal final : public Terminal {
 public:
  // Reads from `input_fd`, shows prompts on `output_fd`; both stay open and are borrowed.
  PosixTerminal(int input_fd, int output_fd) : input_fd_(input_fd), output_fd_(output_fd) {}

  [[nodiscard]] bool interactive() const override;
  [[nodiscard]] absl::StatusOr<std::string> ReadLine(absl::string_view prompt) override;
  [[nodiscard]] absl::StatusOr<SecretString> ReadSecret(absl::string_view prompt) override;
  [[nodiscard]] absl::StatusOr<SecretString> ReadAll(std::size_t max_bytes) override;

 private:
  void Show(absl::string_view text) const;

  const int input_fd_;
  const int output_fd_;
};

}  // namespace billbroker

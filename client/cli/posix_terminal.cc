#include "client/cli/posix_terminal.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/caught_signals.h"
#include "vault/base/secret_arena.h"

namespace billbroker {
namespace {

constexpr std::size_t kMaxLineBytes = 64 * 1024;

absl::Status EndOfInput() {
  return absl::OutOfRangeError("the input ended before it was answered; nothing was changed");
}

absl::Status ReadFailed() {
  return absl::InternalError(absl::StrCat("cannot read the input: ", std::strerror(errno)));
}

// Turns the terminal's echo off during its lifetime.
class EchoOff final {
 public:
  explicit EchoOff(int fd) : fd_(fd), changed_(tcgetattr(fd, &before_) == 0) {
    if (!changed_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  ~EchoOff() {
    if (changed_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

 private:
  const int fd_;
  termios before_ = {};
  const bool changed_;
};

// Reads one byte, because more could belong to the next question. Returns false at the end of
// input.
absl::StatusOr<bool> ReadByte(int fd, char& byte) {
  ssize_t got = 0;
  do {
    got = read(fd, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return ReadFailed();
  return got == 1;
}

// Waits for input. Returns the number of a caught signal, or 0 once there is something to read.
int WaitForInput(int fd, const CaughtSignals& signals) {
  pollfd fds[2] = {{fd, POLLIN, 0}, {signals.fd(), POLLIN, 0}};
  while (poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
  return (fds[1].revents & POLLIN) != 0 ? signals.Take() : 0;
}

struct SecretLine {
  SecretString text;
  int signal = 0;  // the one that cut the reading short
};

// The signal handlers and the echo are restored when this returns.
absl::StatusOr<SecretLine> ReadSilently(int input_fd, int output_fd, absl::string_view prompt) {
  const CaughtSignals signals;
  const EchoOff silent(input_fd);
  [[maybe_unused]] const ssize_t shown = write(output_fd, prompt.data(), prompt.size());
  SecretBuilder line;
  while (line.size() < kMaxLineBytes) {
    if (const int signal = WaitForInput(input_fd, signals); signal != 0)
      return SecretLine{{}, signal};
    char byte = 0;
    const absl::StatusOr<bool> got = ReadByte(input_fd, byte);
    if (!got.ok()) return got.status();
    if (!*got && line.size() == 0) return EndOfInput();
    if (!*got || byte == '\n') break;
    line.Append({&byte, 1});
  }
  return SecretLine{std::move(line).Build(), 0};
}

}  // namespace

bool PosixTerminal::interactive() const { return isatty(input_fd_) == 1; }

absl::StatusOr<std::string> PosixTerminal::ReadLine(absl::string_view prompt) {
  Show(prompt);
  std::string line;
  while (line.size() < kMaxLineBytes) {
    char byte = 0;
    const absl::StatusOr<bool> got = ReadByte(input_fd_, byte);
    if (!got.ok()) return got.status();
    if (!*got && line.empty()) return EndOfInput();
    if (!*got || byte == '\n') break;
    line.push_back(byte);
  }
  return line;
}

absl::StatusOr<SecretString> PosixTerminal::ReadSecret(absl::string_view prompt) {
  if (!interactive()) {
    return absl::InvalidArgumentError("standard input is not a terminal; use --secrets-from-stdin");
  }
  while (true) {
    absl::StatusOr<SecretLine> line = ReadSilently(input_fd_, output_fd_, prompt);
    Show("\n");
    if (!line.ok()) return line.status();
    if (line->signal == 0) return std::move(line->text);
    raise(line->signal);
    // The process was stopped and continued, which asks again, or the caller's own handler ran.
    if (line->signal != SIGTSTP) return absl::CancelledError("interrupted; nothing was changed");
  }
}

absl::StatusOr<SecretString> PosixTerminal::ReadAll(std::size_t max_bytes) {
  SecretBuilder all;
  char chunk[4096];
  while (true) {
    const ssize_t got = read(input_fd_, chunk, sizeof(chunk));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ReadFailed();
    if (got == 0) break;
    all.Append({chunk, static_cast<std::size_t>(got)});
    WipeBytes(chunk, sizeof(chunk));
    if (all.size() > max_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("standard input holds more than ", max_bytes, " bytes; give less at once"));
    }
  }
  return std::move(all).Build();
}

void PosixTerminal::Show(absl::string_view text) const {
  // Reading continues even if the prompt cannot be shown.
  [[maybe_unused]] const ssize_t written = write(output_fd_, text.data(), text.size());
}

}  // namespace billbroker

// FileLock: one daemon per thing, for as long as the lock is held.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace billbroker {

// An flock() on a file that stays where it is: to remove it would let two daemons hold two files of
// one name. The kernel lets go when the process ends, however it ends.
class FileLock final {
 public:
  // Makes the file at `path` where it is missing. kFailedPrecondition where another process holds
  // it or it cannot be made; `thing` is what the error says is taken, such as "state folder".
  [[nodiscard]] static absl::StatusOr<FileLock> Take(const std::string& path,
                                                     absl::string_view thing);
  ~FileLock();
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace billbroker

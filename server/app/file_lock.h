// FileLock: lets only one daemon use a resource while the lock is held.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace billbroker {

// An flock() on a file that is never removed: removing it would let two daemons hold two files of
// the same name. The kernel releases the lock when the process ends for any reason.
class FileLock final {
 public:
  // Takes the lock, and creates the file at `path` if it is missing. Fails with kFailedPrecondition
  // if another process holds it or it cannot be created; `thing` names the resource in the error,
  // such as "state folder".
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

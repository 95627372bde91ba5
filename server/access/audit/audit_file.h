// AuditFile: the file operations that the audit log needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace billbroker {

enum class AuditFilePlace {
  kInPlace,
  kMoved,    // renamed: the path has no file or another one; written lines are safe
  kDeleted,  // written lines are lost
};

// Every call may block for as long as the device does. Errors are kUnavailable; the message
// contains the cause and the fix, without the file's path. Used by one thread.
class AuditFile {
 public:
  virtual ~AuditFile() = default;

  // Opens the file at the path, or creates it. Closes a file that is open.
  [[nodiscard]] virtual absl::Status Open() = 0;
  [[nodiscard]] virtual absl::StatusOr<std::uint64_t> Size() = 0;
  // Returns up to `most` bytes from the end.
  [[nodiscard]] virtual absl::StatusOr<std::string> Tail(std::size_t most) = 0;
  // Appends `bytes`. After an error, a part of them may be in the file.
  [[nodiscard]] virtual absl::Status Append(absl::string_view bytes) = 0;
  [[nodiscard]] virtual absl::Status CutTo(std::uint64_t size) = 0;
  // Returns once the written bytes would survive a power cut.
  [[nodiscard]] virtual absl::Status Sync() = 0;
  [[nodiscard]] virtual absl::StatusOr<AuditFilePlace> Place() = 0;
  // Returns the names of the logs that were set aside in the file's folder, in order; as far as the
  // folder can be read.
  [[nodiscard]] virtual std::vector<std::string> ListSetAside() = 0;
};

}  // namespace billbroker

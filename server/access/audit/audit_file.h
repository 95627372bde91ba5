// AuditFile: the file under the audit log, as far as the log needs one.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace billbroker {

enum class AuditFilePlace {
  kInPlace,
  kMoved,    // renamed: at the path is nothing or another file; what was written is safe
  kDeleted,  // what was written is lost
};

// Every call may block for as long as the device does. Errors: kUnavailable; the message names the
// cause and what mends it, without the file's path. Used by one thread.
class AuditFile {
 public:
  virtual ~AuditFile() = default;

  // Opens what is at the path, or makes it; what was open is closed.
  [[nodiscard]] virtual absl::Status Open() = 0;
  [[nodiscard]] virtual absl::StatusOr<std::uint64_t> Size() = 0;
  // Up to `most` bytes of the end.
  [[nodiscard]] virtual absl::StatusOr<std::string> Tail(std::size_t most) = 0;
  // An error may leave a part of `bytes` there.
  [[nodiscard]] virtual absl::Status Append(absl::string_view bytes) = 0;
  [[nodiscard]] virtual absl::Status CutTo(std::uint64_t size) = 0;
  // Returns once what was written would survive a power cut.
  [[nodiscard]] virtual absl::Status Sync() = 0;
  [[nodiscard]] virtual absl::StatusOr<AuditFilePlace> Place() = 0;
};

}  // namespace billbroker

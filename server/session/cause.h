// Cause: the call that a sign-in is made for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/optional.h"

namespace billbroker {

// What else is known of a principal's call; for the audit log, and nothing is decided by it.
struct Cause {
  absl::optional<std::uint32_t> uid;  // of a caller on the Unix socket
  absl::optional<std::int64_t> pid;
  std::string certificate_serial;  // of a caller over TLS, hexadecimal
  std::string rpc;                 // such as "SessionService/Login"
  std::string request_id;          // the caller's, or what the call's own record says; may be empty
  std::string traceparent;         // likewise
};

// Null: of no call. Shared, because a call may cause many sign-ins, and each outlives it.
using CausePtr = std::shared_ptr<const Cause>;

}  // namespace billbroker

// Cause: the call that a sign-in is made for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/optional.h"

namespace billbroker {

// Further facts about a principal's call, for the audit log. Nothing is decided by them.
struct Cause {
  absl::optional<std::uint32_t> uid;  // of a caller on the Unix socket
  absl::optional<std::int64_t> pid;
  std::string certificate_serial;  // of a caller over TLS, hexadecimal
  std::string rpc;                 // such as "SessionService/Login"
  std::string request_id;          // the caller's, or that of the call's own record; may be empty
  std::string traceparent;         // likewise
};

// Null: of no call. Shared, because a call may cause many sign-ins, and each outlives it.
using CausePtr = std::shared_ptr<const Cause>;

}  // namespace billbroker

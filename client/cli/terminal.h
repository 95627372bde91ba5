// Terminal: the input of the command line.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Errors: OUT_OF_RANGE at the end of input, CANCELLED if a signal ended the read.
class Terminal {
 public:
  virtual ~Terminal() = default;

  // Returns true if a person types; false for a pipe or a file.
  [[nodiscard]] virtual bool interactive() const = 0;

  // Shows `prompt` and returns the next line without its end.
  [[nodiscard]] virtual absl::StatusOr<std::string> ReadLine(absl::string_view prompt) = 0;

  // Does the same without echo, from a person only.
  [[nodiscard]] virtual absl::StatusOr<SecretString> ReadSecret(absl::string_view prompt) = 0;

  // Returns all input up to its end. Fails with INVALID_ARGUMENT beyond `max_bytes`.
  [[nodiscard]] virtual absl::StatusOr<SecretString> ReadAll(std::size_t max_bytes) = 0;
};

}  // namespace billbroker

// Host: what the command line asks of the machine it runs on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "vault/base/secret_string.h"

namespace billbroker {

struct EnvironmentVariable {
  std::string name;
  SecretString value;
};

// Where a BILL is, and how this machine gets there.
struct BillEndpoint {
  std::string name;      // the environment's
  std::string base_url;  // https
  std::string ca_file;   // a PEM to trust instead of the system's store; empty for the system's
  std::string proxy;     // empty for none, whatever the process environment says
};

struct ProgramResult {
  int exit_code = 0;   // 128 and the signal's number where a signal ended it
  std::string output;  // both streams, up to 64 KiB
};

class Host {
 public:
  virtual ~Host() = default;

  [[nodiscard]] virtual absl::optional<std::string> Getenv(const std::string& name) const = 0;

  // Becomes `command` (looked up in PATH, not empty) with `variables` added to the environment.
  // Returns only when it cannot: NOT_FOUND, or PERMISSION_DENIED for what is there and will not
  // run.
  [[nodiscard]] virtual absl::Status Exec(const std::vector<std::string>& command,
                                          const std::vector<EnvironmentVariable>& variables) = 0;

  // Runs `command` to its end: beside this program where one of that name is, else from PATH.
  [[nodiscard]] virtual absl::StatusOr<ProgramResult> Run(
      const std::vector<std::string>& command) = 0;

  virtual void Sleep(absl::Duration time) = 0;

  // RLIMIT_MEMLOCK in bytes; nullopt for no limit.
  [[nodiscard]] virtual absl::optional<std::uint64_t> LockableBytes() const = 0;

  // Connects to the endpoint's host and shakes hands, no more. UNAVAILABLE says what went wrong.
  [[nodiscard]] virtual absl::Status Reach(const BillEndpoint& endpoint) = 0;
};

}  // namespace billbroker

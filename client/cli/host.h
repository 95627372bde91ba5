// Host: the functions of the machine that the command line uses.
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

// The address of a BILL environment, and the way to it from this machine.
struct BillEndpoint {
  std::string name;      // of the environment
  std::string base_url;  // https
  std::string ca_file;   // a PEM to trust instead of the system's store; empty for the system's
  std::string proxy;     // empty for none, even if the process environment has one
};

struct ProgramResult {
  int exit_code = 0;   // 128 plus the signal's number if a signal ended it
  std::string output;  // both streams, up to 64 KiB
};

class Host {
 public:
  virtual ~Host() = default;

  [[nodiscard]] virtual absl::optional<std::string> Getenv(const std::string& name) const = 0;

  // Replaces this process by `command` (looked up in PATH, not empty) with `variables` added to the
  // environment. Returns only on failure: NOT_FOUND, or PERMISSION_DENIED if the command exists but
  // cannot run.
  [[nodiscard]] virtual absl::Status Exec(const std::vector<std::string>& command,
                                          const std::vector<EnvironmentVariable>& variables) = 0;

  // Runs `command` to its end: the program of that name beside this one if there is one, else from
  // PATH.
  [[nodiscard]] virtual absl::StatusOr<ProgramResult> Run(
      const std::vector<std::string>& command) = 0;

  virtual void Sleep(absl::Duration time) = 0;

  // Returns RLIMIT_MEMLOCK in bytes; nullopt for no limit.
  [[nodiscard]] virtual absl::optional<std::uint64_t> LockableBytes() const = 0;

  // Connects to the endpoint's host and does the TLS handshake, no more. UNAVAILABLE contains the
  // cause.
  [[nodiscard]] virtual absl::Status Reach(const BillEndpoint& endpoint) = 0;
};

}  // namespace billbroker

// PosixHost: this machine.
#pragma once

#include "client/cli/host.h"

namespace billbroker {

class PosixHost final : public Host {
 public:
  [[nodiscard]] absl::optional<std::string> Getenv(const std::string& name) const override;
  [[nodiscard]] absl::Status Exec(const std::vector<std::string>& command,
                                  const std::vector<EnvironmentVariable>& variables) override;
  [[nodiscard]] absl::StatusOr<ProgramResult> Run(const std::vector<std::string>& command) override;
  void Sleep(absl::Duration time) override;
  [[nodiscard]] absl::optional<std::uint64_t> LockableBytes() const override;
  [[nodiscard]] absl::Status Reach(const BillEndpoint& endpoint) override;
};

}  // namespace billbroker

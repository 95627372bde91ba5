// BenchEnvironment: a TestEnvironment of thousands of organizations, and bare services beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/load.h"
#include "tests/e2e/test_environment.h"

namespace billbroker {

struct BenchWorld {
  int organizations = 1;
  int users =
      1;  // each with a devKey and a credential of its own; at most 10,000 organizations each
};

// Without BILL's hourly limits: what is measured is the broker. Organizations are called
// GeneratedOrganizationId(n).
[[nodiscard]] TestEnvironment::Options OptionsFor(const BenchWorld& world);

// A credential for each user.
[[nodiscard]] absl::Status CreateCredentials(TestEnvironment& env, const BenchWorld& world);

// Asks for a session of each organization, by ten BatchGetSessions at a time. Fails where one has no
// session.
[[nodiscard]] absl::Status GetAll(const TestEnvironment& env, const BenchWorld& world);

// Sign-ins that BILL saw, answered well or not.
[[nodiscard]] std::int64_t CountSignIns(TestEnvironment& env);

// A bare_service that answers what the broker answers for `organization_id` now.
class BareService final {
 public:
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<BareService>> Start(
      const TestEnvironment& env, const std::string& organization_id,
      const std::vector<std::string>& wrapper = {});
  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // SIGTERM, and waits for its end.
  void Stop();

 private:
  explicit BareService(const ChildOptions& options) : process_(options) {}

  ChildProcess process_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace billbroker

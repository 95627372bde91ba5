// A TestEnvironment with thousands of organizations, and bare services to compare the broker with.
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
  // Each user has its own devKey and credential, with at most 10,000 organizations.
  int users = 1;
};

// Returns options without BILL's hourly limits, which would limit the broker. The ids of the
// organizations are GeneratedOrganizationId(n). The last table of the configuration is [audit].
[[nodiscard]] TestEnvironment::Options OptionsFor(const BenchWorld& world);

// Creates a credential for each user.
[[nodiscard]] absl::Status CreateCredentials(TestEnvironment& env, const BenchWorld& world);

// Gets a session of each organization, with ten calls of BatchGetSessions at a time. Fails if an
// organization has no session.
[[nodiscard]] absl::Status GetAll(const TestEnvironment& env, const BenchWorld& world);

// Returns how many sign-ins BILL has seen, successful or not.
[[nodiscard]] std::int64_t CountSignIns(TestEnvironment& env);

// A bare_service process. It always returns the response that the broker returns for
// `organization_id` when Start() is called.
class BareService final {
 public:
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<BareService>> Start(
      const TestEnvironment& env, const std::string& organization_id,
      const std::vector<std::string>& wrapper = {});
  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // Sends SIGTERM and waits for the end of the process.
  void Stop();

 private:
  explicit BareService(const ChildOptions& options) : process_(options) {}

  ChildProcess process_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace billbroker

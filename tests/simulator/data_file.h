// The data file: the world, settings, latency and faults of a simulator as JSON. README.md
// documents the format.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"
#include "tests/simulator/faults.h"
#include "tests/simulator/settings.h"
#include "tests/simulator/world.h"

namespace billbroker::billsim {

struct Data {
  World world;
  Settings settings;
  std::vector<Fault> faults;
  absl::Duration latency;
  std::map<std::string, absl::Duration> organization_latency;  // by id, in place of `latency`
};

inline constexpr int kMaxLatencyMilliseconds = 600'000;

// Errors: kInvalidArgument, naming the faulty path, such as "users[1].organizations: …".
[[nodiscard]] absl::StatusOr<Data> ParseData(absl::string_view text);

// Change a user, an organization or a developer key by the fields of the data file: all or none.
[[nodiscard]] absl::Status ChangeUser(const nlohmann::json& changes, User& user);
[[nodiscard]] absl::Status ChangeOrganization(const nlohmann::json& changes,
                                              Organization& organization);
[[nodiscard]] absl::Status ChangeDevKey(const nlohmann::json& changes, DevKey& dev_key);

// Returns a data file with a user of two organizations, an Accountant Console user of one client
// organization with a devKey of its own, and a partner.
[[nodiscard]] absl::string_view SampleData();

}  // namespace billbroker::billsim

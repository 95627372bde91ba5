// The data file: a World and Settings as JSON. README.md documents the format.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "tests/simulator/settings.h"
#include "tests/simulator/world.h"

namespace billbroker::billsim {

struct Data {
  World world;
  Settings settings;
};

// Errors: kInvalidArgument, naming the path at fault, such as "users[1].organizations: …".
[[nodiscard]] absl::StatusOr<Data> ParseData(absl::string_view text);

// Changes of a user, an organization or a developer key, as the control surface takes them: the
// fields of the data file, and `locked`. All or none.
[[nodiscard]] absl::Status ChangeUser(const nlohmann::json& changes, User& user);
[[nodiscard]] absl::Status ChangeOrganization(const nlohmann::json& changes,
                                              Organization& organization);
[[nodiscard]] absl::Status ChangeDevKey(const nlohmann::json& changes, DevKey& dev_key);

// A data file of two credentials: a user of two organizations, and an Accountant Console user of
// one client organization with its own devKey.
[[nodiscard]] absl::string_view SampleData();

}  // namespace billbroker::billsim

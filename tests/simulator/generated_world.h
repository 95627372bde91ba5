// Generates worlds of thousands of organizations, with names that can be computed.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "tests/simulator/world.h"

namespace billbroker::billsim {

struct GeneratedSize {
  int organizations = 0;
  int users = 1;
  int dev_keys = 1;
  UserKind kind = UserKind::kUser;
};

// Adds users and organizations to `world`. Organization `n` (from 0) belongs to user `n mod users`.
// If the users are of kind user, user `u` and all its organizations use devKey `u mod dev_keys`; if
// they are of kind console, organization `n` uses devKey `n mod dev_keys`.
void GenerateWorld(const GeneratedSize& size, World& world);

// Does the same for the data file's object {"organizations","users","dev_keys","kind"}.
[[nodiscard]] absl::Status GenerateWorld(const nlohmann::json& value, absl::string_view path,
                                         World& world);

[[nodiscard]] std::string GeneratedOrganizationId(int n);  // "00800000000000000007"
[[nodiscard]] std::string GeneratedUsername(int u);        // "user-000007@example.com"
[[nodiscard]] std::string GeneratedUserId(int u);          // "00600000000000000007"
[[nodiscard]] std::string GeneratedSecret(int u);          // "secret-000007"
[[nodiscard]] std::string GeneratedDevKey(int d);          // "devkey-000007"

}  // namespace billbroker::billsim

#include "tests/simulator/generated_world.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {

std::string GeneratedOrganizationId(int n) { return absl::StrFormat("008%017d", n); }
std::string GeneratedUsername(int u) { return absl::StrFormat("user-%06d@example.com", u); }
std::string GeneratedUserId(int u) { return absl::StrFormat("006%017d", u); }
std::string GeneratedSecret(int u) { return absl::StrFormat("secret-%06d", u); }
std::string GeneratedDevKey(int d) { return absl::StrFormat("devkey-%06d", d); }

void GenerateWorld(const GeneratedSize& size, World& world) {
  for (int d = 0; d < size.dev_keys; ++d) world.dev_keys[GeneratedDevKey(d)] = DevKey{};
  for (int u = 0; u < size.users; ++u) {
    User& user = world.users[GeneratedUsername(u)];
    user.kind = size.kind;
    user.secret = GeneratedSecret(u);
    user.user_id = GeneratedUserId(u);
  }
  for (int n = 0; n < size.organizations; ++n) {
    const int u = n % size.users;
    const int d = (size.kind == UserKind::kConsole ? n : u) % size.dev_keys;
    Organization& organization = world.organizations[GeneratedOrganizationId(n)];
    organization.name = absl::StrCat("Organization ", n);
    organization.dev_keys = {GeneratedDevKey(d)};
    world.users[GeneratedUsername(u)].organizations.push_back(GeneratedOrganizationId(n));
  }
}

absl::Status GenerateWorld(const nlohmann::json& value, absl::string_view path, World& world) {
  constexpr int kMost = 1'000'000;
  GeneratedSize size;
  JsonFields fields(value, std::string(path));
  fields.Read("organizations", size.organizations, 0, kMost);
  fields.Read("users", size.users, 1, kMost);
  fields.Read("dev_keys", size.dev_keys, 1, kMost);
  std::string kind = "user";
  fields.Read("kind", kind);
  if (kind == "console") {
    size.kind = UserKind::kConsole;
  } else if (kind != "user") {
    fields.Fail("kind", "must be user or console");
  }
  const absl::Status status = fields.Finish();
  if (status.ok()) GenerateWorld(size, world);
  return status;
}

}  // namespace billbroker::billsim

#include "absl/strings/str_cat.h"
#include "tests/simulator/bill.h"
#include "tests/simulator/data_file.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

template <typename T>
absl::Status ChangeNamed(std::map<std::string, T>& all, const std::string& name,
                         const json& changes, absl::string_view what,
                         absl::Status (*change)(const json& changes, T& value)) {
  const auto found = all.find(name);
  if (found == all.end()) {
    return absl::NotFoundError(absl::StrCat("there is no ", what, " \"", name, "\""));
  }
  return change(changes, found->second);
}

absl::Status CheckOrganizations(const World& world, const json& changes) {
  if (!changes.is_object() || !changes.contains("organizations")) return absl::OkStatus();
  for (const json& id : changes["organizations"]) {
    if (id.is_string() && !world.organizations.contains(id.get<std::string>())) {
      return absl::InvalidArgumentError("organizations: names an unknown organization");
    }
  }
  return absl::OkStatus();
}

}  // namespace

json Bill::StateJson() const {
  MutexLock lock(mutex_);
  const absl::Time now = Now();
  json sessions = json::array();
  for (const BillSession& session : sessions_.Living(settings_, now)) {
    sessions.push_back({{"session_id", session.id},
                        {"dev_key", session.dev_key},
                        {"organization_id", session.organization_id},
                        {"username", session.username},
                        {"trusted", session.trusted},
                        {"created", TimeText(session.created)},
                        {"last_use", TimeText(session.last_use)},
                        {"expires", TimeText(DeadlineOf(session, settings_))}});
  }
  json locked = json::array();
  for (const auto& [username, user] : world_.users) {
    if (user.locked) locked.push_back(username);
  }
  return {{"time", TimeText(now)},
          {"sessions", sessions},
          {"locked_users", locked},
          {"under_way", under_way_.under_way()},
          {"counts", counts_.Json()},
          {"settings", SettingsJson(settings_)},
          {"users", world_.users.size()},
          {"organizations", world_.organizations.size()},
          {"dev_keys", world_.dev_keys.size()}};
}

json Bill::CountsJson() const {
  MutexLock lock(mutex_);
  return counts_.Json();
}

void Bill::ResetCounts() {
  MutexLock lock(mutex_);
  counts_ = Counts();
}

Settings Bill::settings() const {
  MutexLock lock(mutex_);
  return settings_;
}

absl::Status Bill::ChangeSettings(const json& changes) {
  MutexLock lock(mutex_);
  return ApplySettings(changes, "", settings_);
}

absl::Status Bill::ExpireSession(const std::string& session_id) {
  MutexLock lock(mutex_);
  if (sessions_.End(session_id)) return absl::OkStatus();
  return absl::NotFoundError("there is no session of that id; GET /state lists the live ones");
}

int Bill::ExpireSessionsOf(absl::string_view organization_id) {
  MutexLock lock(mutex_);
  return sessions_.EndOf(organization_id);
}

absl::Status Bill::ChangeUser(const std::string& username, const json& changes) {
  MutexLock lock(mutex_);
  if (absl::Status status = CheckOrganizations(world_, changes); !status.ok()) return status;
  return ChangeNamed(world_.users, username, changes, "user", &billsim::ChangeUser);
}

absl::Status Bill::ChangeOrganization(const std::string& id, const json& changes) {
  MutexLock lock(mutex_);
  return ChangeNamed(world_.organizations, id, changes, "organization",
                     &billsim::ChangeOrganization);
}

absl::Status Bill::ChangeDevKey(const std::string& key, const json& changes) {
  MutexLock lock(mutex_);
  return ChangeNamed(world_.dev_keys, key, changes, "devKey", &billsim::ChangeDevKey);
}

}  // namespace billbroker::billsim

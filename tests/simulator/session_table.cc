#include "tests/simulator/session_table.h"

#include <algorithm>
#include <utility>

namespace billbroker::billsim {

absl::Time DeadlineOf(const BillSession& session, const Settings& settings) {
  const absl::Duration idle = session.sync_token ? settings.sync_token_idle : settings.session_idle;
  const bool sliding = settings.sliding && (settings.sync_token_sliding || !session.sync_token);
  const absl::Time deadline = (sliding ? session.last_use : session.created) + idle;
  if (settings.max_session_age <= absl::ZeroDuration()) return deadline;
  return std::min(deadline, session.created + settings.max_session_age);
}

BillSession& SessionTable::Add(BillSession session, const Settings& settings) {
  if (sessions_.size() >= next_sweep_) DropDead(settings, session.created);
  const std::string id = session.id;
  return sessions_[id] = std::move(session);
}

void SessionTable::DropDead(const Settings& settings, absl::Time now) {
  std::erase_if(sessions_,
                [&](const auto& entry) { return DeadlineOf(entry.second, settings) <= now; });
  next_sweep_ = 2 * sessions_.size() + 1024;
}

BillSession* SessionTable::Find(const std::string& id, const Settings& settings, absl::Time now) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return nullptr;
  if (DeadlineOf(found->second, settings) > now) return &found->second;
  sessions_.erase(found);
  return nullptr;
}

bool SessionTable::End(const std::string& id) { return sessions_.erase(id) > 0; }

int SessionTable::EndOf(absl::string_view organization_id) {
  return static_cast<int>(std::erase_if(sessions_, [&](const auto& entry) {
    return entry.second.organization_id == organization_id;
  }));
}

int SessionTable::EndOf(absl::string_view username, absl::string_view organization_id) {
  return static_cast<int>(std::erase_if(sessions_, [&](const auto& entry) {
    return entry.second.organization_id == organization_id && entry.second.username == username;
  }));
}

std::vector<BillSession> SessionTable::Living(const Settings& settings, absl::Time now) const {
  std::vector<BillSession> living;
  for (const auto& [id, session] : sessions_) {
    if (DeadlineOf(session, settings) > now) living.push_back(session);
  }
  return living;
}

}  // namespace billbroker::billsim

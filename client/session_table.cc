#include "client/session_table.h"

#include <algorithm>
#include <utility>

namespace billbroker {

bool SessionTable::Add(const WatchedOrganization& which, std::size_t limit) {
  MutexLock lock(mutex_);
  if (entries_.size() >= limit) return false;
  return entries_.try_emplace(which).second;
}

std::vector<WatchedOrganization> SessionTable::All() const {
  MutexLock lock(mutex_);
  std::vector<WatchedOrganization> all;
  all.reserve(entries_.size());
  for (const auto& [which, entry] : entries_) all.push_back(which);
  return all;
}

bool SessionTable::Serves(Entry& entry, const GetSessionOptions& options) {
  // Kept while the stream is down too: the report still counts when it is back.
  entry.reported = std::max(entry.reported, options.stale_generation);
  if (entry.session == nullptr) return false;
  if (options.stale_generation != 0 && options.stale_generation >= entry.first_generation) {
    entry.barred_at = entry.session->verify_time;
  }
  if (entry.stream != stream_ || entry.barred_at.has_value()) return false;
  const absl::Duration remaining = entry.deadline - clock_.SinceBoot();
  if (remaining <= absl::ZeroDuration() || remaining < options.min_remaining) return false;
  if (options.require_trusted && !entry.session->trusted) return false;
  return (secrets_.dev_key || !options.include_dev_key) &&
         (secrets_.headers || !options.include_headers);
}

absl::optional<ClientSession> SessionTable::Find(const WatchedOrganization& which,
                                                 const GetSessionOptions& options) {
  std::shared_ptr<const ClientSession> session;
  absl::Duration deadline;
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(which);
    if (found == entries_.end() || !Serves(found->second, options)) return absl::nullopt;
    session = found->second.session;
    deadline = found->second.deadline;
  }
  ClientSession copy = CloneOf(*session);
  if (!options.include_dev_key) copy.dev_key = SecretString();
  if (!options.include_headers) copy.headers.clear();
  copy.remaining = deadline - clock_.SinceBoot();
  if (copy.remaining <= absl::ZeroDuration()) return absl::nullopt;
  return copy;
}

void SessionTable::Lose() {
  MutexLock lock(mutex_);
  ++stream_;
}

void SessionTable::Tell(const WatchedOrganization& which, absl::StatusOr<ClientSession> state) {
  const absl::Duration now = clock_.SinceBoot();
  std::shared_ptr<const ClientSession> session;
  if (state.ok()) session = std::make_shared<const ClientSession>(*std::move(state));
  MutexLock lock(mutex_);
  const auto found = entries_.find(which);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.stream = stream_;
  if (session != nullptr) {
    // A restarted broker gives a restored session another generation.
    const bool same = entry.session != nullptr && entry.session->session_id == session->session_id;
    if (!same) {
      entry.first_generation = session->generation;
      entry.barred_at.reset();
      // A caller that received it from the broker by a call reported it before this message.
      if (session->generation <= entry.reported) entry.barred_at = session->verify_time;
    } else if (entry.barred_at.has_value() && session->verify_time > *entry.barred_at) {
      entry.barred_at.reset();
    }
    entry.deadline = now + std::min(session->remaining, session->expire_time - clock_.Now());
  }
  entry.session = std::move(session);
}

void SessionTable::Confirm(const WatchedOrganization& which, const ClientSession& session) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(which);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (session.generation <= entry.reported) entry.reported = 0;
  if (entry.session != nullptr && entry.session->generation == session.generation) {
    entry.barred_at.reset();
  }
}

}  // namespace billbroker

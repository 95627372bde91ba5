#include "server/app/doors.h"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {

absl::StatusOr<std::shared_ptr<Doors::Door>> Doors::Open(CallerPtr caller, Origin origin) {
  auto door = std::make_shared<Door>(std::move(origin), origins_);
  door->identity.Bind(std::move(caller));
  absl::StatusOr<std::unique_ptr<GrpcServer>> server = start_(door->identity);
  if (!server.ok()) return server.status();
  door->server = *std::move(server);
  for (const auto& [name, serving] : serving_) door->server->SetServing(name, serving);
  if (closed_) door->server->StopServing();
  return door;
}

absl::Status Doors::CheckRoom(const UnixPeer& peer) const {
  const auto of_user = std::count_if(doors_.begin(), doors_.end(), [&peer](const auto& entry) {
    return entry.first.uid == peer.uid;
  });
  if (of_user >= kMaxDoorsOfAUser) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "user ", peer.uid, " called with more than ", kMaxDoorsOfAUser,
        " different sets of groups; restart the broker if its groups have changed so often"));
  }
  if (doors_.size() >= kMaxDoors) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMaxDoors, " different users called; restart the broker"));
  }
  return absl::OkStatus();
}

absl::Status Doors::Admit(int fd, const UnixPeer& peer) {
  MutexLock lock(mutex_);
  CallerPtr caller = callers_.Of(peer);  // under the lock: PolicyChanged() comes before or after
  if (caller == nullptr) return UnknownUser(peer.uid);
  auto known = doors_.find(peer);
  if (known == doors_.end()) {
    if (absl::Status room = CheckRoom(peer); !room.ok()) return room;
    absl::StatusOr<std::shared_ptr<Door>> opened = Open(std::move(caller), {peer.uid, {}, {}});
    if (!opened.ok()) return opened.status();
    known = doors_.emplace(peer, *std::move(opened)).first;
  }
  known->second->server->AddConnection(fd);
  return absl::OkStatus();
}

void Doors::PolicyChanged() {
  MutexLock lock(mutex_);
  for (const auto& [peer, door] : doors_) door->identity.Bind(callers_.Of(peer));
}

void Doors::CutUnknown() {
  std::vector<std::shared_ptr<Door>> unknown;
  {
    MutexLock lock(mutex_);
    for (auto entry = doors_.begin(); entry != doors_.end();) {
      const auto next = std::next(entry);
      if (entry->second->identity.caller() == nullptr) {
        unknown.push_back(std::move(entry->second));
        doors_.erase(entry);
      }
      entry = next;
    }
  }
  ShutDown(unknown, absl::InfinitePast());
}

std::vector<std::shared_ptr<Doors::Door>> Doors::All() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Door>> all;
  for (const auto& [peer, door] : doors_) all.push_back(door);
  return all;
}

void Doors::SetServing(const std::string& health_name, bool serving) {
  MutexLock lock(mutex_);
  serving_[health_name] = serving;
  for (const auto& [peer, door] : doors_) door->server->SetServing(health_name, serving);
}

void Doors::StopServing() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  for (const std::shared_ptr<Door>& door : All()) door->server->StopServing();
}

void Doors::Shutdown(absl::Time deadline) { ShutDown(All(), deadline); }

void Doors::ShutDown(const std::vector<std::shared_ptr<Door>>& doors, absl::Time deadline) {
  std::vector<std::thread> farewells;  // in parallel, because each may take until the deadline
  for (const std::shared_ptr<Door>& door : doors) {
    farewells.emplace_back([door, deadline] { door->server->Shutdown(deadline); });
  }
  for (std::thread& farewell : farewells) farewell.join();
}

}  // namespace billbroker

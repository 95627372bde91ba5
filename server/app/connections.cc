#include "server/app/connections.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {

Connections::Connections(Limits limits)
    : limits_(limits), closings_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (closings_ < 0) std::abort();
}

Connections::~Connections() {
  for (const auto& [fd, from] : open_) ::close(fd);
  ::close(closings_);
}

absl::Status Connections::Add(int fd, const std::string& from, const Origin& origin) {
  MutexLock lock(mutex_);
  ForgetClosedLocked();
  if (open_.size() >= static_cast<std::size_t>(limits_.most)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the listener has ", limits_.most, " connections, as many as its max_connections allow"));
  }
  const auto of_one = of_one_.find(from);
  if (of_one != of_one_.end() && of_one->second >= limits_.most_of_one) {
    return absl::ResourceExhaustedError(
        absl::StrCat(from, ": ", limits_.most_of_one,
                     " connections, as many as max_user_connections of the listener allow"));
  }
  const int ours = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (ours < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no descriptor for a connection: ", std::strerror(errno)));
  }
  epoll_event hang_up{};  // the kernel reports it without a request
  hang_up.data.fd = ours;
  if (::epoll_ctl(closings_, EPOLL_CTL_ADD, ours, &hang_up) != 0) {
    ::close(ours);
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot watch a connection: ", std::strerror(errno)));
  }
  open_.emplace(ours, from);
  origins_[fd] = origin;
  ++of_one_[from];
  return absl::OkStatus();
}

absl::optional<Origin> Connections::Find(absl::string_view peer) const {
  int fd = -1;
  if (!absl::ConsumePrefix(&peer, "fd:") || !absl::SimpleAtoi(peer, &fd)) return absl::nullopt;
  MutexLock lock(mutex_);
  const auto origin = origins_.find(fd);
  if (origin == origins_.end()) return absl::nullopt;
  return origin->second;
}

void Connections::ForgetClosed() {
  MutexLock lock(mutex_);
  ForgetClosedLocked();
}

void Connections::ForgetClosedLocked() {
  constexpr int kAtATime = 64;
  epoll_event closed[kAtATime];
  int count = 0;
  while ((count = ::epoll_wait(closings_, closed, kAtATime, 0)) > 0) {
    for (int i = 0; i < count; ++i) Forget(closed[i].data.fd);
  }
}

void Connections::Forget(int fd) {
  const auto connection = open_.find(fd);
  const auto of_one = of_one_.find(connection->second);
  if (--of_one->second == 0) of_one_.erase(of_one);
  open_.erase(connection);
  // By itself it would leave the set only after gRPC has closed its own descriptor too.
  ::epoll_ctl(closings_, EPOLL_CTL_DEL, fd, nullptr);
  ::close(fd);
}

}  // namespace billbroker

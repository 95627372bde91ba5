#include "server/app/refused_connections.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

using std::chrono::steady_clock;

// A client may have sent its flow-control window of 64 KiB, and headers, before it reads the
// answer. If the connection were closed before that is read, gRPC would drop the answer.
constexpr std::size_t kMostDropped = 128 << 10;

bool WouldBlock() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

RefusedConnections::RefusedConnections() {
  if (::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
  thread_ = std::thread([this] { Run(); });
}

RefusedConnections::~RefusedConnections() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  (void)!::write(wake_[1], "s", 1);
  thread_.join();
  for (const int end : wake_) ::close(end);
}

absl::Status RefusedConnections::Add(int fd, std::uint32_t uid, const grpc::Status& answer) {
  {
    MutexLock lock(mutex_);
    if (users_.size() >= kMost || users_.count(uid) >= kMostOfOne) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the policy does not name user ", uid, ", and ", users_.size(),
                       " connections are being refused already; an administrator adds the user"));
    }
    users_.insert(uid);
    added_.push_back({fd, uid, Http2Refusal(answer), steady_clock::now() + kLifetime});
  }
  (void)!::write(wake_[1], "a", 1);
  return absl::OkStatus();
}

void RefusedConnections::Run() {
  std::list<Connection> connections;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_) break;
      connections.splice(connections.end(), added_);
    }
    Await(connections);
    for (auto each = connections.begin(); each != connections.end();) {
      if (Serve(*each)) {
        ++each;
        continue;
      }
      ::close(each->fd);
      MutexLock lock(mutex_);
      users_.erase(users_.find(each->uid));
      each = connections.erase(each);
    }
  }
  MutexLock lock(mutex_);
  connections.splice(connections.end(), added_);
  for (const Connection& each : connections) ::close(each.fd);
}

void RefusedConnections::Await(std::list<Connection>& connections) const {
  std::vector<pollfd> waits = {{wake_[0], POLLIN, 0}};
  int timeout = -1;
  for (const Connection& each : connections) {
    const auto events = static_cast<short>(each.unsent.empty() ? POLLIN : POLLIN | POLLOUT);
    waits.push_back({each.fd, events, 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(each.end - steady_clock::now());
    const int until_end = std::max(0, static_cast<int>(left.count()));
    timeout = timeout < 0 ? until_end : std::min(timeout, until_end);
  }
  (void)::poll(waits.data(), waits.size(), timeout);
  char woken[16];
  while (::read(wake_[0], woken, sizeof woken) > 0) {
  }
}

bool RefusedConnections::Serve(Connection& connection) {
  if (steady_clock::now() >= connection.end) return false;
  if (!Receive(connection) || !Send(connection)) return false;
  if (connection.answered || !connection.refusal.ended() || !connection.unsent.empty()) return true;
  connection.answered = true;
  connection.end = std::min(connection.end, steady_clock::now() + kFarewell);
  return ::shutdown(connection.fd, SHUT_WR) == 0;
}

bool RefusedConnections::Receive(Connection& connection) {
  char bytes[16 << 10];
  const ssize_t count = ::recv(connection.fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (count < 0) return WouldBlock();
  if (count == 0) return false;
  if (connection.refusal.ended()) {
    connection.dropped += static_cast<std::size_t>(count);
    return connection.dropped <= kMostDropped;
  }
  connection.unsent +=
      connection.refusal.Read(absl::string_view(bytes, static_cast<std::size_t>(count)));
  return true;
}

bool RefusedConnections::Send(Connection& connection) {
  while (!connection.unsent.empty()) {
    const ssize_t count = ::send(connection.fd, connection.unsent.data(), connection.unsent.size(),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) return WouldBlock();
    connection.unsent.erase(0, static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace billbroker

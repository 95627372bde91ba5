#include "server/app/acceptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

// The pause while the system cannot accept, for example without a free descriptor.
constexpr std::chrono::milliseconds kPause(100);

absl::Status Silent(absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat("the kernel does not report ", what, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<UnixPeer> PeerOf(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return Silent("the caller");
  UnixPeer peer{who.uid, {}, who.pid};
  size = 0;
  // Returns the required size.
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, nullptr, &size) != 0 && errno != ERANGE) {
    return Silent("the caller's groups");
  }
  peer.groups.resize(size / sizeof(gid_t));
  if (size != 0 && ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size) != 0) {
    return Silent("the caller's groups");
  }
  peer.groups.push_back(who.gid);
  std::sort(peer.groups.begin(), peer.groups.end());
  peer.groups.erase(std::unique(peer.groups.begin(), peer.groups.end()), peer.groups.end());
  return peer;
}

Acceptor::Acceptor(int listening, Connections& connections, Accepted accepted)
    : listening_(listening), connections_(connections), accepted_(std::move(accepted)) {
  if (::pipe2(stop_, O_CLOEXEC) != 0) std::abort();
  thread_ = std::thread([this] { Run(); });
}

Acceptor::~Acceptor() {
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
}

void Acceptor::Run() {
  pollfd waits[] = {
      {listening_, POLLIN, 0}, {stop_[0], 0, 0}, {connections_.closings(), POLLIN, 0}};
  while (true) {
    if (::poll(waits, std::size(waits), -1) < 0) {
      if (errno != EINTR) std::this_thread::sleep_for(kPause);
      continue;
    }
    if (waits[1].revents != 0) return;
    if (waits[2].revents != 0) connections_.ForgetClosed();
    if (waits[0].revents != 0) AcceptOne();
  }
}

void Acceptor::AcceptOne() {
  const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    const bool passes = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    if (!passes) std::this_thread::sleep_for(kPause);
    return;
  }
  accepted_(fd);
}

}  // namespace billbroker

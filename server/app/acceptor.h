// Acceptor: takes the connections of a listening socket.
#pragma once

#include <functional>
#include <thread>

#include "absl/status/statusor.h"
#include "server/access/policy.h"
#include "server/app/connections.h"

namespace billbroker {

// Who is at the other end of a connected Unix socket. kUnavailable where the kernel does not say.
[[nodiscard]] absl::StatusOr<UnixPeer> PeerOf(int fd);

// A thread of its own, from the start to the end of its life.
class Acceptor final {
 public:
  // Gets a connection that does not block, and owns it.
  using Accepted = std::function<void(int fd)>;

  // Borrows `listening`, a listening socket, and `connections`, whose closings it watches.
  Acceptor(int listening, Connections& connections, Accepted accepted);
  // Accepts no more.
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  void Run();
  void AcceptOne();

  const int listening_;
  Connections& connections_;
  const Accepted accepted_;
  int stop_[2] = {-1, -1};  // a pipe; closed at its writing end to stop
  std::thread thread_;
};

}  // namespace billbroker

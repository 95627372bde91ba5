// Acceptor: accepts the connections of a listening socket.
#pragma once

#include <functional>
#include <thread>

#include "absl/status/statusor.h"
#include "server/access/policy.h"
#include "server/app/connections.h"

namespace billbroker {

// Returns the peer of a connected Unix socket. Fails with kUnavailable if the kernel does not
// report it.
[[nodiscard]] absl::StatusOr<UnixPeer> PeerOf(int fd);

// Runs a thread for its whole lifetime.
class Acceptor final {
 public:
  // Receives a non-blocking connection, and owns it.
  using Accepted = std::function<void(int fd)>;

  // Borrows `listening`, a listening socket, and `connections`, whose closings it watches.
  Acceptor(int listening, Connections& connections, Accepted accepted);
  // Stops accepting.
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

// RefusedConnections: the connections of users that the policy does not name.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <set>
#include <string>
#include <thread>

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "server/app/http2_refusal.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Answers the first call of each connection with a status, on a thread of its own, and closes the
// connection: see Http2Refusal. So a user that may only connect cannot make gRPC hold memory. A
// connection lives for 5 s at most; after the answer, the client's bytes are read and dropped for
// at most 1 s, so that it receives the answer. Thread-safe.
class RefusedConnections final {
 public:
  // The connections at the same time; the second number is of one user.
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostOfOne = 4;
  static constexpr std::chrono::seconds kLifetime = std::chrono::seconds(5);
  static constexpr std::chrono::seconds kFarewell = std::chrono::seconds(1);

  RefusedConnections();
  // Closes all connections.
  ~RefusedConnections();
  RefusedConnections(const RefusedConnections&) = delete;
  RefusedConnections& operator=(const RefusedConnections&) = delete;

  // Takes `fd`, which is non-blocking, unless it fails: kResourceExhausted if there are too many
  // connections, in all or of this user.
  [[nodiscard]] absl::Status Add(int fd, std::uint32_t uid, const grpc::Status& answer);

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Connection {
    int fd;
    std::uint32_t uid;
    Http2Refusal refusal;
    Time end;
    std::string unsent = {};
    bool answered = false;  // all is sent; the rest of the client's bytes are dropped
    std::size_t dropped = 0;
  };

  void Run();
  // Blocks until a connection needs attention, at most until the next end.
  void Await(std::list<Connection>& connections) const;
  // Returns false if the connection is over.
  [[nodiscard]] static bool Serve(Connection& connection);
  [[nodiscard]] static bool Receive(Connection& connection);
  [[nodiscard]] static bool Send(Connection& connection);

  int wake_[2] = {-1, -1};  // a pipe
  Mutex mutex_;
  std::list<Connection> added_ ABSL_GUARDED_BY(mutex_);         // since the thread last looked
  std::multiset<std::uint32_t> users_ ABSL_GUARDED_BY(mutex_);  // of all connections
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace billbroker

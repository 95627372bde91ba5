// Connections: the open connections of a listener, and their callers.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/access/caller.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Keeps a second descriptor of each connection, on which the kernel reports that either side has
// closed it: gRPC, which owns the first, shuts a connection down before it closes that. So the
// second descriptor keeps nothing open for the peer. Thread-safe.
class Connections final {
 public:
  struct Limits {
    int most;
    int most_of_one;  // of one user, or of one address
  };

  explicit Connections(Limits limits);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // Counts the connection until it is closed. Call it before gRPC gets `fd`, which stays the
  // caller's. If gRPC does not get the connection, shut it down. `from`, such as "user 1000", is
  // the owner of a share of the listener. Fails with kResourceExhausted if there are too many.
  [[nodiscard]] absl::Status Add(int fd, const std::string& from, const Origin& origin);

  // Returns the origin of the connection that gRPC calls `peer`, such as "fd:7", or of the last
  // connection with that number. A call on a connection that its peer has closed still has the
  // right origin, because gRPC (1.51) keeps the descriptor for as long. Still, do not base a
  // decision on such a number.
  [[nodiscard]] absl::optional<Origin> Find(absl::string_view peer) const;

  // Returns a descriptor that is readable (poll) when ForgetClosed() has something to do.
  [[nodiscard]] int closings() const { return closings_; }
  // Closes the descriptors of closed connections.
  void ForgetClosed();

 private:
  void ForgetClosedLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(int fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Limits limits_;
  const int closings_;  // an epoll set
  mutable Mutex mutex_;
  std::map<int, std::string> open_ ABSL_GUARDED_BY(mutex_);    // the second descriptor -> `from`
  std::map<int, Origin> origins_ ABSL_GUARDED_BY(mutex_);      // by gRPC's descriptor
  std::map<std::string, int> of_one_ ABSL_GUARDED_BY(mutex_);  // their number, by `from`
};

}  // namespace billbroker

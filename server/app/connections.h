// Connections: how many are open on a listener, and who made them.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/access/caller.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Keeps a second descriptor of each connection, on which the kernel tells when either side has
// closed it: gRPC, which owns the first, shuts a connection down before it closes that. So the
// second keeps nothing open for the peer. Thread-safe.
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

  // Counts the connection until it is closed. Before gRPC gets `fd`, which stays the caller's; one
  // that gRPC does not get has to be shut down. `from`, such as "user 1000", is who takes a share
  // of the listener. kResourceExhausted where there are too many.
  [[nodiscard]] absl::Status Add(int fd, const std::string& from, const Origin& origin);

  // Who made the connection that gRPC calls `peer`, such as "fd:7", or made the last one of that
  // number: a call on a connection that its peer has closed is still of who made it, since gRPC
  // (1.51) keeps the descriptor for as long. Still, nothing may be decided by a number.
  [[nodiscard]] absl::optional<Origin> Find(absl::string_view peer) const;

  // Can be read (poll) when there is something to forget.
  [[nodiscard]] int closings() const { return closings_; }
  // Lets go of what was closed.
  void ForgetClosed();

 private:
  void ForgetClosedLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(int fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Limits limits_;
  const int closings_;  // an epoll set
  mutable Mutex mutex_;
  std::map<int, std::string> open_ ABSL_GUARDED_BY(mutex_);    // our descriptor -> `from`
  std::map<int, Origin> origins_ ABSL_GUARDED_BY(mutex_);      // by gRPC's descriptor
  std::map<std::string, int> of_one_ ABSL_GUARDED_BY(mutex_);  // how many, by `from`
};

}  // namespace billbroker

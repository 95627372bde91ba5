// SessionWatch: one call of WatchSessions, whose messages go to a handler. Programs use
// SessionCache, which is built on it.
#pragma once

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/channel.h"
#include "client/client_session.h"

namespace billbroker {

struct WatchedOrganization {
  std::string organization_id;
  std::string credential = {};  // empty if only one credential serves the organization

  friend bool operator==(const WatchedOrganization& a, const WatchedOrganization& b) {
    return a.organization_id == b.organization_id && a.credential == b.credential;
  }
  template <typename H>
  friend H AbslHashValue(H h, const WatchedOrganization& watched) {
    return H::combine(std::move(h), watched.organization_id, watched.credential);
  }
};

struct WatchOptions {
  std::vector<WatchedOrganization> organizations;  // 1 to 10,000, each once
  bool include_dev_key = false;
  bool include_headers = false;
  bool keep_warm = false;       // the broker signs in for the stream and keeps sessions alive
  bool wait_for_ready = false;  // wait instead of ending with UNAVAILABLE without a broker
};

// Called one at a time, on gRPC's threads; must not block.
class WatchHandler {
 public:
  virtual ~WatchHandler() = default;
  // Receives the state of `which`, as it was named: its session, or the error if there is none.
  virtual void Told(const WatchedOrganization& which, absl::StatusOr<ClientSession> state) = 0;
  // Notes that the state of every organization was received once.
  virtual void Completed() = 0;
  // Receives the cause of the end, as the last call. `why` is never OK: a broker does not end a
  // working stream. DRAINING if the broker stops, and a status without details if the connection is
  // lost.
  virtual void Ended(const absl::Status& why) = 0;
};

class SessionWatch final {
 public:
  // Starts the watch. Borrows `handler`.
  SessionWatch(const std::shared_ptr<grpc::Channel>& channel, const WatchOptions& options,
               WatchHandler& handler);
  // Cancels the call, and waits until the handler has received the end. Do not call it from the
  // handler.
  ~SessionWatch();
  SessionWatch(const SessionWatch&) = delete;
  SessionWatch& operator=(const SessionWatch&) = delete;

 private:
  class Call;
  std::unique_ptr<Call> call_;
};

}  // namespace billbroker

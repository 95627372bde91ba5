// SessionWatch: one call of WatchSessions, handed to a handler message by message. What programs
// use is SessionCache, which stands on it.
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
  std::string credential = {};  // empty where just one credential serves the organization

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
  bool wait_for_ready = false;  // rather than end with UNAVAILABLE while no broker listens
};

// Called one at a time, on threads of gRPC's; must not block.
class WatchHandler {
 public:
  virtual ~WatchHandler() = default;
  // The state of `which`, as it was named: its session, or why there is none.
  virtual void Told(const WatchedOrganization& which, absl::StatusOr<ClientSession> state) = 0;
  // Every organization has been told once.
  virtual void Completed() = 0;
  // The last call. `why` is never OK: a broker does not end a stream that is well. DRAINING when it
  // stops, and a status without details when the connection went.
  virtual void Ended(const absl::Status& why) = 0;
};

class SessionWatch final {
 public:
  // Starts. `handler` is borrowed.
  SessionWatch(const std::shared_ptr<grpc::Channel>& channel, const WatchOptions& options,
               WatchHandler& handler);
  // Cancels, and waits until the handler has heard the end. Not from the handler.
  ~SessionWatch();
  SessionWatch(const SessionWatch&) = delete;
  SessionWatch& operator=(const SessionWatch&) = delete;

 private:
  class Call;
  std::unique_ptr<Call> call_;
};

}  // namespace billbroker

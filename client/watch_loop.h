// WatchLoop: keeps one watch running for its whole lifetime. Part of SessionCache; not for programs
// that use this library.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "client/session_cache.h"
#include "client/session_table.h"
#include "client/session_watch.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"

namespace billbroker {

// Watches every organization of the table and stores the states in it. Starts a new stream when the
// stream ends or organizations were added. Thread-safe.
class WatchLoop final : private WatchHandler {
 public:
  struct Parts {  // borrowed, except for the channel, which gRPC shares
    std::shared_ptr<grpc::Channel> channel;
    SessionTable& table;
    const Clock& clock;
    Random& random;
  };

  WatchLoop(const SessionCacheOptions& options, Parts parts);
  ~WatchLoop() override;
  WatchLoop(const WatchLoop&) = delete;
  WatchLoop& operator=(const WatchLoop&) = delete;

  // Notes that the table has an organization that is not watched yet.
  void Added();

  // See SessionCache::watch_status().
  [[nodiscard]] absl::Status status() const;

 private:
  // The reason for the end of one stream.
  enum class Ending { kStop, kAdded, kEnded };

  void Told(const WatchedOrganization& which, absl::StatusOr<ClientSession> state) override;
  void Completed() override;
  void Ended(const absl::Status& why) override;

  void Run();
  Ending WatchOnce();
  // These wait on the native mutex.
  bool AwaitOrganizations() ABSL_NO_THREAD_SAFETY_ANALYSIS;  // false: stop
  Ending AwaitEnding(std::size_t watched) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  void BackOff() ABSL_NO_THREAD_SAFETY_ANALYSIS;

  const SessionCacheOptions options_;
  const Parts parts_;
  mutable Mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool any_ ABSL_GUARDED_BY(mutex_);                // the table is not empty
  bool added_ ABSL_GUARDED_BY(mutex_) = false;      // since the present stream was started
  bool completed_ ABSL_GUARDED_BY(mutex_) = false;  // the present stream
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration completed_at_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;  // in a row
  std::thread thread_;
};

}  // namespace billbroker

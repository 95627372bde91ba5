// SessionCache: live BILL sessions from this program's own memory, which the broker keeps current.
//
//   auto cache = billbroker::SessionCache::Connect({}, {.include_dev_key = true});
//   if (!cache.ok()) return cache.status();
//   auto vendors = (*cache)->WithSession("00801ABCDEFGHIJKLMNO", {.include_dev_key = true}, call);
//
// For programs that ask hundreds of times a second; for others SessionClient is sufficient.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/channel.h"
#include "client/session_source.h"
#include "client/session_watch.h"
#include "vault/base/clock.h"
#include "vault/base/random.h"

namespace billbroker {

struct SessionCacheOptions {
  std::vector<WatchedOrganization> organizations = {};  // to watch from the start, each once
  bool add_on_use = true;          // also watch organizations that are asked for
  int max_organizations = 10'000;  // 1 to 10,000; further ones are asked for each time
  // Keep devKeys or headers too. If not, a call that needs one is a call to the broker.
  bool include_dev_key = false;
  bool include_headers = false;
  bool keep_warm = false;  // the broker signs in by itself, and keeps sessions alive

  // The time for which new organizations are collected before the watch is restarted, which costs
  // one message for each watched organization; grows by a millisecond with each of these.
  absl::Duration collect = absl::Seconds(1);
  // The wait before the watch is tried again after a failure: doubled each time, with jitter. There
  // is no wait after a stream that worked.
  absl::Duration first_backoff = absl::Milliseconds(100);
  absl::Duration longest_backoff = absl::Seconds(5);
};

// GetSession() answers from memory while the watch is up, the session's deadline has not passed on
// this machine's clock, and the session satisfies `options`. Every other request is a call of the
// broker, like that of SessionClient and with its errors: there is no live session, its remaining
// time is too short, it is not trusted or was reported dead, the organization or credential is not
// watched (each named credential is watched separately), or the watch is down.
//
// A read from memory does not count as demand: without `keep_warm` the broker lets a session lapse
// some hours after a call last asked for it, and the next GetSession() then waits for a sign-in.
//
// Thread-safe. Has one thread, which the destructor ends.
class SessionCache final : public SessionSource {
 public:
  // Connects without waiting for the broker. Fails with INVALID_ARGUMENT for malformed options.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SessionCache>> Connect(
      const ClientOptions& client, const SessionCacheOptions& options = {});

  // Uses an existing channel and ignores `client.address`. Borrows clock and random.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SessionCache>> Create(
      const std::shared_ptr<grpc::Channel>& channel, const ClientOptions& client,
      const SessionCacheOptions& options, const Clock& clock, Random& random);

  ~SessionCache() override;

  // Returns OK while the stream is up and has sent the state of every watched organization, else
  // the cause: UNAVAILABLE, or the broker's refusal of the watch. For logs and health checks.
  [[nodiscard]] absl::Status watch_status() const;
  // Returns the number of organizations that are watched, or will be when the watch is next
  // started.
  [[nodiscard]] int watched() const;

 private:
  class Impl;
  struct System;

  explicit SessionCache(std::unique_ptr<Impl> impl);
  absl::StatusOr<ClientSession> DoGetSession(absl::string_view organization_id,
                                             const GetSessionOptions& options) override;

  std::unique_ptr<System> system_;  // null if clock and random are borrowed; outlives `impl_`
  const std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker

// SessionCache: live BILL sessions from this program's own memory, which the broker keeps current.
//
//   auto cache = billbroker::SessionCache::Connect({}, {.include_dev_key = true});
//   if (!cache.ok()) return cache.status();
//   auto vendors = (*cache)->WithSession("00801ABCDEFGHIJKLMNO", {.include_dev_key = true}, call);
//
// For programs that ask hundreds of times a second; others are as well off with SessionClient.
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
  bool add_on_use = true;          // watch what is asked for too, once the broker gave a session
  int max_organizations = 10'000;  // 1 to 10,000; those beyond are asked for each time
  // Keep devKeys or headers too. If not, a call that wants one is a call to the broker.
  bool include_dev_key = false;
  bool include_headers = false;
  bool keep_warm = false;  // the broker signs in without being asked, and keeps alive

  // How long organizations to add are collected before the watch is started anew, which costs one
  // message for each that is watched; grows by a millisecond with each of those.
  absl::Duration collect = absl::Seconds(1);
  // The wait before the watch is tried again after a failure: doubled each time, with jitter. After
  // a stream that was well there is none.
  absl::Duration first_backoff = absl::Milliseconds(100);
  absl::Duration longest_backoff = absl::Seconds(5);
};

// GetSession() answers from memory while the watch is up, the session's deadline has not come on
// this machine's own clock, and `options` are met by it. Everything else is a call of the broker,
// as by SessionClient, with its errors: no live session, one that is too short, not trusted or
// reported dead, an organization or credential that is not watched (each named credential is
// watched for itself), and all of it while the watch is down.
//
// What is read from memory is no demand: without `keep_warm` the broker lets a session lapse some
// hours after a call last asked for it, and the next GetSession() then waits for a sign-in.
//
// Thread-safe. One thread of its own, which the destructor ends.
class SessionCache final : public SessionSource {
 public:
  // Does not wait for the broker. INVALID_ARGUMENT for options out of shape.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SessionCache>> Connect(
      const ClientOptions& client, const SessionCacheOptions& options = {});

  // Over a channel that is there already; `client.address` is not used. Clock and random are
  // borrowed.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SessionCache>> Create(
      const std::shared_ptr<grpc::Channel>& channel, const ClientOptions& client,
      const SessionCacheOptions& options, const Clock& clock, Random& random);

  ~SessionCache() override;

  // OK while everything that is watched has been told and the stream is up; else why not:
  // UNAVAILABLE, or what the broker refused the watch with. For logs and health checks.
  [[nodiscard]] absl::Status watch_status() const;
  // How many organizations are watched, or will be when the watch is next started.
  [[nodiscard]] int watched() const;

 private:
  class Impl;
  struct System;

  explicit SessionCache(std::unique_ptr<Impl> impl);
  absl::StatusOr<ClientSession> DoGetSession(absl::string_view organization_id,
                                             const GetSessionOptions& options) override;

  std::unique_ptr<System> system_;  // null where clock and random are borrowed; outlives `impl_`
  const std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker

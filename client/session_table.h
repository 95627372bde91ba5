// SessionTable: what a SessionCache remembers, and when that may be handed out. Knows no gRPC. Not
// for programs that use this library.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "client/client_session.h"
#include "client/session_source.h"
#include "client/session_watch.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe.
class SessionTable final {
 public:
  // The optional secrets that the watched sessions have.
  struct Secrets {
    bool dev_key = false;
    bool headers = false;
  };

  // Borrows `clock`.
  SessionTable(const Clock& clock, const Secrets& secrets) : clock_(clock), secrets_(secrets) {}

  // Adds an organization of which nothing is known; false where it is there, or `limit` are.
  bool Add(const WatchedOrganization& which, std::size_t limit);
  [[nodiscard]] std::vector<WatchedOrganization> All() const;

  // A copy of the session, if it satisfies `options` without the broker. nullopt: ask the broker. A
  // report of it bars the session until the broker has confirmed it since.
  [[nodiscard]] absl::optional<ClientSession> Find(const WatchedOrganization& which,
                                                   const GetSessionOptions& options);

  // The stream that told everything is gone: nothing is handed out until it is told again.
  void Lose();

  // What the stream tells. Its deadline is the earlier of `remaining` from now and of `expire_time`
  // on the wall clock, which the broker shares: so time that the message lay about is taken off.
  void Tell(const WatchedOrganization& which, absl::StatusOr<ClientSession> state);

  // The broker answered a report with `session`: if that is the one that is known, it lives.
  void Confirm(const WatchedOrganization& which, const ClientSession& session);

 private:
  struct Entry {
    // Null where none is live. Shared with readers, which copy it after the lock is released.
    std::shared_ptr<const ClientSession> session;
    absl::Duration deadline;               // on Clock::SinceBoot()
    std::uint64_t first_generation = 0;    // of those that this session has had
    std::uint64_t reported = 0;            // the highest that a caller called dead
    absl::optional<absl::Time> barred_at;  // reported: the verify_time that is not enough
    std::uint64_t stream = 0;              // that told it
  };

  [[nodiscard]] bool Serves(Entry& entry, const GetSessionOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const Secrets secrets_;
  mutable Mutex mutex_;
  std::uint64_t stream_ ABSL_GUARDED_BY(mutex_) = 1;  // the present one
  absl::flat_hash_map<WatchedOrganization, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker

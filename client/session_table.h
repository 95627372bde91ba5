// SessionTable: the memory of a SessionCache, and the rules for returning a session from it. Does
// not depend on gRPC. Not for programs that use this library.
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

  // Adds an organization without a known state. Returns false if it exists already, or if `limit`
  // organizations do.
  bool Add(const WatchedOrganization& which, std::size_t limit);
  [[nodiscard]] std::vector<WatchedOrganization> All() const;

  // Returns a copy of the session if it satisfies `options` without the broker; nullopt means: ask
  // the broker. A report bars the session until the broker has confirmed it later.
  [[nodiscard]] absl::optional<ClientSession> Find(const WatchedOrganization& which,
                                                   const GetSessionOptions& options);

  // Forgets the state of the lost stream: nothing is returned until a new stream has sent it again.
  void Lose();

  // Stores a state from the stream. Its deadline is the earlier of `remaining` from now and of
  // `expire_time` on the wall clock, which the broker shares. So the time that the message spent in
  // buffers is subtracted.
  void Tell(const WatchedOrganization& which, absl::StatusOr<ClientSession> state);

  // Receives the broker's answer to a report: if `session` is the stored one, it is alive.
  void Confirm(const WatchedOrganization& which, const ClientSession& session);

 private:
  struct Entry {
    // Null without a live session. Shared with readers, which copy it after the lock is released.
    std::shared_ptr<const ClientSession> session;
    absl::Duration deadline;               // on Clock::SinceBoot()
    std::uint64_t first_generation = 0;    // the first one that this session had
    std::uint64_t reported = 0;            // the highest one that a caller reported dead
    absl::optional<absl::Time> barred_at;  // reported: needs a later verify_time
    std::uint64_t stream = 0;              // the stream that sent it
  };

  [[nodiscard]] bool Serves(Entry& entry, const GetSessionOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const Secrets secrets_;
  mutable Mutex mutex_;
  std::uint64_t stream_ ABSL_GUARDED_BY(mutex_) = 1;  // the current stream
  absl::flat_hash_map<WatchedOrganization, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker

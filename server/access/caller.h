// Caller: one principal while the broker runs, with its present grants and limits. Callers: all of
// them. Identity: the caller that a connection belongs to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/access/policy.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Returns CALLER_UNKNOWN for a user of the machine that the policy does not name. `uid` is the one
// that the kernel reports; nullopt if it is not known any more.
[[nodiscard]] absl::Status UnknownUser(absl::optional<std::uint32_t> uid);

// Further facts about a caller for the audit log. Nothing is decided by them.
struct Origin {
  absl::optional<std::uint32_t> uid;  // of a Unix socket's caller
  absl::optional<std::int64_t> pid;   // of the process that connected
  std::string certificate_serial;     // of a TLS caller, hexadecimal
};

// The kinds of calls. They are counted separately, so that calls that wait leave room for calls
// that do not.
enum class CallKind {
  kAtOnce,   // answered from memory
  kWaiting,  // for BILL, the keyring or another caller's change
  kWatch,    // a stream of states, open for as long as the caller likes
};

// A batch or a watch counts as one call for each so many organizations, rounded up. Otherwise a
// batch of a thousand would cost the caller's limits as little as one call.
inline constexpr int kOrganizationsOfACall = 100;

// Thread-safe.
class Caller final {
 public:
  // `name` is the principal, such as "unix:payments".
  Caller(std::string name, Grants grants, const CallerLimits& limits);

  [[nodiscard]] const std::string& name() const { return name_; }

  // Returns the present grants. They are shared because a call may be under way when the policy
  // changes.
  [[nodiscard]] std::shared_ptr<const Grants> grants() const;
  void Replace(Grants grants, const CallerLimits& limits);

  // Begins a call that counts as `calls`; Leave() ends it. Fails with CALLER_LIMIT and a retry time
  // if the caller exceeds its limits. `now` is Clock::SinceBoot().
  [[nodiscard]] absl::Status Enter(absl::Duration now, int calls = 1,
                                   CallKind kind = CallKind::kAtOnce);
  // Counts a call that began with kAtOnce as one that waits. Fails with CALLER_LIMIT if too many
  // calls wait already; the call then counts as before.
  [[nodiscard]] absl::Status StartWaiting(int calls = 1);
  void Leave(int calls = 1, CallKind kind = CallKind::kAtOnce);

 private:
  int& InFlight(CallKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return in_flight_[static_cast<std::size_t>(kind)];
  }
  // Returns CALLER_LIMIT if `calls` more would exceed the limit of their kind.
  [[nodiscard]] absl::Status CheckInFlight(int calls, CallKind kind)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] absl::Status CheckWatches(int calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string name_;
  mutable Mutex mutex_;
  std::shared_ptr<const Grants> grants_ ABSL_GUARDED_BY(mutex_);
  CallerLimits limits_ ABSL_GUARDED_BY(mutex_);
  double tokens_ ABSL_GUARDED_BY(mutex_);
  absl::Duration refilled_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  std::array<int, 3> in_flight_ ABSL_GUARDED_BY(mutex_) = {};  // calls, by their kind
  int watches_ ABSL_GUARDED_BY(mutex_) = 0;                    // streams
};

// Shared by the identities of one principal and by the calls that belong to them.
using CallerPtr = std::shared_ptr<Caller>;

// Identifies the caller of all connections of one Unix user or listener. Thread-safe.
class Identity final {
 public:
  // Returns the origin of the connection that gRPC calls `peer`; nullopt if it is not known.
  using FindOrigin = std::function<absl::optional<Origin>(absl::string_view peer)>;

  // `origin` has the facts that are the same for all connections.
  explicit Identity(Origin origin = {}, FindOrigin find = nullptr)
      : origin_(std::move(origin)), find_(std::move(find)) {}

  [[nodiscard]] Origin OriginOf(absl::string_view peer) const;
  // Returns the caller; null if the policy does not name it.
  [[nodiscard]] CallerPtr caller() const;
  void Bind(CallerPtr caller);

 private:
  const Origin origin_;
  const FindOrigin find_;
  mutable Mutex mutex_;
  CallerPtr caller_ ABSL_GUARDED_BY(mutex_);
};

// Keeps one Caller for each principal across changes of the policy. Thread-safe.
class Callers final {
 public:
  explicit Callers(Policy policy) : policy_(std::make_shared<const Policy>(std::move(policy))) {}

  // Returns the current policy.
  [[nodiscard]] std::shared_ptr<const Policy> policy() const;
  // Replaces the policy. Every Caller that was returned before has its new grants when this
  // returns.
  void SetPolicy(Policy policy);

  [[nodiscard]] CallerPtr Of(const std::string& principal);
  // Returns the caller; null if the policy does not name a principal for the peer.
  [[nodiscard]] CallerPtr Of(const UnixPeer& peer);
  // Returns the caller; null if the policy grants nothing to the principal. The number of such
  // principals is unbounded.
  [[nodiscard]] CallerPtr OfGranted(const std::string& principal);

 private:
  [[nodiscard]] CallerPtr OfLocked(const std::string& principal)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::shared_ptr<const Policy> policy_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, CallerPtr> callers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker

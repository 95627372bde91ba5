// SessionSource: the source of a program's live BILL sessions. SessionClient asks the broker each
// time; SessionCache answers from memory.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/client_session.h"
#include "client/session_dead.h"

namespace billbroker {

// Every member has an initializer, so that callers may name some and not all.
struct GetSessionOptions {
  std::string credential = {};         // empty if only one credential serves the organization
  absl::Duration min_remaining = {};   // 0 to half of BILL's idle window; less is renewed first
  std::uint64_t stale_generation = 0;  // BILL answered BDC_1109 to it; 0 for no report
  bool require_trusted = false;        // MFA_REQUIRED rather than a session that is not trusted
  bool include_dev_key = false;        // return the devKey too
  bool include_headers = false;        // return the headers too
  bool cached_only = false;            // NO_LIVE_SESSION rather than a sign-in; not together with
                                       // `stale_generation` or `min_remaining`
};

// Thread-safe. Calls block the thread that makes them.
//
// Errors of the calls: DetailsOf() of vault/base/error.h returns the published reason, and the time
// to wait if waiting helps. A status without details is from gRPC itself: UNAVAILABLE means that no
// broker listens, DEADLINE_EXCEEDED that it did not answer in time. The client never retries an
// error by itself: the broker retries at BILL, and its RetryInfo has the time at which another call
// is useful.
class SessionSource {
 public:
  virtual ~SessionSource() = default;

  // Returns a live session of `organization_id`: from memory if there is one, else after one
  // sign-in that all callers share.
  [[nodiscard]] absl::StatusOr<ClientSession> GetSession(absl::string_view organization_id,
                                                         const GetSessionOptions& options = {}) {
    return DoGetSession(organization_id, options);
  }

  // Runs `call(const ClientSession&)`, which returns absl::Status or absl::StatusOr<T>, with a
  // session. If it returns SessionDead(), reports the generation and runs the call once more with
  // the new session (the same generation, if BILL confirms to the broker that it is alive). Never
  // runs it a third time, and only once with `cached_only`. Returns the result of the last run, or
  // the error if there was no session for it. `call` must be harmless to run twice up to the point
  // where BILL refuses its session.
  template <typename Call>
  auto WithSession(absl::string_view organization_id, const GetSessionOptions& options, Call&& call)
      -> std::invoke_result_t<Call&, const ClientSession&> {
    absl::StatusOr<ClientSession> session = GetSession(organization_id, options);
    if (!session.ok()) return session.status();
    auto result = call(std::as_const(*session));
    if (!IsSessionDead(StatusOf(result)) || options.cached_only) return result;
    GetSessionOptions again = options;
    again.stale_generation = session->generation;
    session = GetSession(organization_id, again);
    if (!session.ok()) return session.status();
    return call(std::as_const(*session));
  }

 private:
  virtual absl::StatusOr<ClientSession> DoGetSession(absl::string_view organization_id,
                                                     const GetSessionOptions& options) = 0;

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }
};

}  // namespace billbroker

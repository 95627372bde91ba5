// SessionSource: where a program gets live BILL sessions from, and how it uses one. SessionClient
// asks the broker each time; SessionCache answers from memory.
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
  std::string credential = {};         // empty where just one credential serves the organization
  absl::Duration min_remaining = {};   // 0 to half of BILL's idle window; less is renewed first
  std::uint64_t stale_generation = 0;  // BILL said BDC_1109 to this one; 0 for no report
  bool require_trusted = false;        // MFA_REQUIRED rather than a session that is not trusted
  bool include_dev_key = false;        // return the devKey too
  bool include_headers = false;        // return the headers too
  bool cached_only = false;            // NO_LIVE_SESSION rather than a sign-in; not together with
                                       // `stale_generation` or `min_remaining`
};

// Thread-safe. Calls block the thread that makes them.
//
// Errors of the calls: DetailsOf() of vault/base/error.h gives the published reason, and the time
// to wait where waiting helps. Statuses without details are of gRPC itself: UNAVAILABLE means that
// no broker listens, DEADLINE_EXCEEDED that it did not answer in time. The client never retries an
// error by itself: the broker does so at BILL, and its RetryInfo says when asking again makes
// sense.
class SessionSource {
 public:
  virtual ~SessionSource() = default;

  // A live session of `organization_id`: from memory where there is one, else after one sign-in
  // that all callers share.
  [[nodiscard]] absl::StatusOr<ClientSession> GetSession(absl::string_view organization_id,
                                                         const GetSessionOptions& options = {}) {
    return DoGetSession(organization_id, options);
  }

  // Runs `call(const ClientSession&)`, which returns absl::Status or absl::StatusOr<T>, with a
  // session. When it returns SessionDead() the generation is reported and the call is run once more
  // with what comes back (the same generation where BILL, asked by the broker, says that it lives);
  // never more than once more, and not at all with `cached_only`. Returns what the last run
  // returned, or why there was no session for it. `call` must be harmless to run twice up to the
  // point where BILL refuses its session.
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

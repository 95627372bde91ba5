// Gate: authorizes calls, and records each refusal in the audit log. Every handler asks it once the
// shape of the request is checked and before anything is done. A call that had to wait asks again
// afterwards. Design: docs/adr/0018-principals-and-policy.md.
#pragma once

#include <grpcpp/server_context.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/caller.h"
#include "server/rpc/need.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "server/session/cause.h"
#include "vault/base/clock.h"
#include "vault/credential_index.h"

namespace billbroker {

// Checks each call against the policy and the caller's limits.
//
// Errors of all calls:
//   CALLER_UNKNOWN, NOT_GRANTED  the call is refused; neither reveals which objects exist
//   CALLER_LIMIT                 the caller has too many calls
class Gate final {
 public:
  struct Pass {
    CallerPtr caller;
    std::string credential;  // of the request; empty if it need not be named
    Record record;
  };

  // Borrows all arguments.
  Gate(ServingState& state, const CredentialIndex& credentials, const Clock& clock,
       const Recorder& recorder)
      : state_(state), credentials_(credentials), clock_(clock), recorder_(recorder) {}

  // Identifies the caller, counts the call towards its limits, and checks that its grants cover
  // `need`. Call it once for each call.
  [[nodiscard]] absl::StatusOr<Pass> Check(grpc::CallbackServerContext& context,
                                           const Need& need) const;
  // Does the same as Check(), and fails with DRAINING while the broker drains. For calls that a
  // drain waits for.
  [[nodiscard]] absl::StatusOr<Pass> Admit(grpc::CallbackServerContext& context,
                                           const Need& need) const;

  // Counts a call of kAtOnce that has to wait apart from calls that do not wait. Returns
  // CALLER_LIMIT if too many calls of the caller wait already. Call it before the handler returns.
  [[nodiscard]] absl::Status StartWaiting(grpc::CallbackServerContext& context,
                                          const Caller& caller, const Need& need) const;

  // Checks a call again that was admitted and had to wait: its connection's current principal must
  // have a current grant for `need`. Fails with CANCELLED if the caller no longer waits. If a
  // session is returned, `credential` is the one that signed it in.
  [[nodiscard]] absl::Status AskAgain(grpc::CallbackServerContext& context, const Need& need,
                                      absl::string_view credential = {}) const;

  // Does `work`, which returns a Status or StatusOr, as Record::Do() does. For a change that waited
  // for its turn: AskAgain() and CheckComplete() come first. Until the keyring was read once, the
  // audit log has no key either, so the error must name the keyring. An error does not name a
  // credential that the caller may not see.
  template <typename Work>
  auto Do(grpc::CallbackServerContext& context, const Need& need, Record& record, Work work) const
      -> decltype(work()) {
    if (absl::Status status = AskAgain(context, need); !status.ok()) return status;
    if (absl::Status status = credentials_.CheckComplete(); !status.ok()) return status;
    auto result = record.Do(std::move(work));
    if (Record::StatusOf(result).ok()) return result;
    return Veil(context, need, Record::StatusOf(result));
  }

  // Returns the audit log's description of a call that causes a sign-in. `record` belongs to the
  // call.
  [[nodiscard]] CausePtr CauseOf(const grpc::CallbackServerContext& context, const Need& need,
                                 const Record& record) const {
    return recorder_.CauseOf(context, need.rpc, record);
  }

  // Returns the credential that a request for an organization uses: the one that it names, or the
  // only one granted to the caller. Returns an empty string if the caller may use all credentials
  // that serve the organization.
  //
  // Errors:
  //   NOT_GRANTED           no grant covers the request
  //   AMBIGUOUS_CREDENTIAL  several granted credentials serve the organization
  //   VaultError()          it is not known yet which organizations the granted credentials serve
  //   UNKNOWN_CREDENTIAL    the organization is granted, but the named credential is not granted
  //                         and does not serve it, whether it exists or not
  [[nodiscard]] absl::StatusOr<std::string> Resolve(const grpc::CallbackServerContext& context,
                                                    const Caller& caller, const Need& need) const;

 private:
  // Returns `status`, which is an error. If it names another credential that is in the way, and
  // neither the request nor the policy lets the caller see that name, returns the error without it.
  [[nodiscard]] static absl::Status Veil(grpc::CallbackServerContext& context, const Need& need,
                                         const absl::Status& status);
  [[nodiscard]] absl::StatusOr<Pass> Ask(const grpc::CallbackServerContext& context,
                                         CallerPtr caller, const Need& need) const;
  [[nodiscard]] absl::StatusOr<std::string> ResolvePair(const Caller& caller,
                                                        const Need& need) const;
  // Records `status` in the audit log if it is a refusal.
  void Note(const grpc::CallbackServerContext& context, absl::string_view principal,
            const Need& need, const absl::Status& status) const;

  ServingState& state_;
  const CredentialIndex& credentials_;
  const Clock& clock_;
  const Recorder& recorder_;
};

}  // namespace billbroker

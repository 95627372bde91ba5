// Authorizer: the first steps of every call: counts it towards its caller's limits, checks the
// request's shape, authorizes it, and records each refusal in the audit log. A call that had to
// wait is authorized again afterwards. Design: docs/adr/0018-principals-and-policy.md.
#pragma once

#include <grpcpp/server_context.h>

#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/caller.h"
#include "server/rpc/permission_request.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "server/rpc/shape.h"
#include "server/session/cause.h"
#include "vault/base/clock.h"
#include "vault/credential_index.h"

namespace billbroker {

// A call that was authorized.
struct CallInfo {
  CallerPtr caller;
  PermissionRequest permission;
  std::string credential;  // of the request; empty if it need not be named
  Record record;
};

// Checks each call against the caller's limits and the policy.
//
// Errors of all calls:
//   CALLER_UNKNOWN, NOT_GRANTED  the call is refused; neither reveals which objects exist
//   CALLER_LIMIT                 the caller has too many calls
//   MALFORMED_REQUEST            the request breaks a rule of its proto
class Authorizer final {
 public:
  // Borrows all arguments.
  Authorizer(ServingState& state, const CredentialIndex& credentials, const Clock& clock,
             const Recorder& recorder)
      : state_(state), credentials_(credentials), clock_(clock), recorder_(recorder) {}

  // Identifies the caller, counts the call towards its limits, checks the request's shape, and that
  // the caller's grants cover PermissionFor(request). Call it, or Admit(), once for each call.
  template <typename Request>
  [[nodiscard]] absl::StatusOr<CallInfo> Check(grpc::CallbackServerContext& context,
                                               const Request& request) const {
    return Check(context, PermissionFor(request), [&request] { return CheckShape(request); });
  }
  // Does the same as Check(), and fails with DRAINING while the broker drains. For calls that a
  // drain waits for. A unary call ends with ServingState::Refuse() then.
  template <typename Request>
  [[nodiscard]] absl::StatusOr<CallInfo> Admit(grpc::CallbackServerContext& context,
                                               const Request& request) const {
    return Admit(Check(context, request), context);
  }
  // Counts a call whose request cannot be read towards its caller's limits, and records it as
  // refused. `malformed` is the reason. Returns the error to answer with.
  [[nodiscard]] absl::Status Reject(grpc::CallbackServerContext& context,
                                    PermissionRequest permission,
                                    const absl::Status& malformed) const;

  // Counts a call of kAtOnce that has to wait apart from calls that do not wait. Returns
  // CALLER_LIMIT if too many calls of the caller wait already. Call it before the handler returns.
  [[nodiscard]] absl::Status StartWaiting(grpc::CallbackServerContext& context,
                                          const CallInfo& call) const;

  // Checks a call again that was admitted and had to wait: its connection's current principal must
  // have a current grant for `permission`. Fails with CANCELLED if the caller no longer waits. If a
  // session is returned, `credential` is the one that signed it in.
  [[nodiscard]] absl::Status Reauthorize(grpc::CallbackServerContext& context,
                                         const PermissionRequest& permission,
                                         absl::string_view credential = {}) const;

  // Checks a change again whose turn has come, like Reauthorize(). Until the keyring was read once,
  // fails with its error: the audit log has no key either, so the change could not be recorded.
  [[nodiscard]] absl::Status CheckTurn(grpc::CallbackServerContext& context,
                                       const CallInfo& call) const;

  // Returns `status`. If it names another credential that is in the way, and neither the request
  // nor the policy lets the caller see that name, returns the error without it.
  [[nodiscard]] static absl::Status RedactHiddenCredential(grpc::CallbackServerContext& context,
                                                           const PermissionRequest& permission,
                                                           const absl::Status& status);

  // Returns the audit log's description of a call that causes a sign-in.
  [[nodiscard]] CausePtr CauseOf(const grpc::CallbackServerContext& context,
                                 const CallInfo& call) const {
    return recorder_.CauseOf(context, call.permission.rpc, call.record);
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
                                                    const Caller& caller,
                                                    const PermissionRequest& permission) const;

 private:
  [[nodiscard]] absl::StatusOr<CallInfo> Check(grpc::CallbackServerContext& context,
                                               PermissionRequest permission,
                                               absl::FunctionRef<absl::Status()> check_shape) const;
  [[nodiscard]] absl::StatusOr<CallInfo> Admit(absl::StatusOr<CallInfo> call,
                                               grpc::CallbackServerContext& context) const;
  // Returns the credential of the request; see CallInfo.
  [[nodiscard]] absl::StatusOr<std::string> Authorize(const grpc::CallbackServerContext& context,
                                                      const Caller& caller,
                                                      const PermissionRequest& permission) const;
  [[nodiscard]] absl::StatusOr<std::string> ResolvePair(const Caller& caller,
                                                        const PermissionRequest& permission) const;
  // Records `status` in the audit log if it is a refusal.
  void RecordRefusal(const grpc::CallbackServerContext& context, absl::string_view principal,
                     const PermissionRequest& permission, const absl::Status& status) const;

  ServingState& state_;
  const CredentialIndex& credentials_;
  const Clock& clock_;
  const Recorder& recorder_;
};

}  // namespace billbroker

// Gate: lets calls in, and puts those that it does not on the audit log. Every handler asks it once
// its request's shape is right, before anything is done; and what had to wait since asks again.
// Design: docs/adr/0018-principals-and-policy.md.
#pragma once

#include <grpcpp/server_context.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "billbroker/v1/audit.pb.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/session.pb.h"
#include "server/access/audit/audit_entry.h"
#include "server/access/caller.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "server/session/cause.h"
#include "vault/base/clock.h"
#include "vault/credential.h"
#include "vault/credential_index.h"

namespace billbroker {

// The permission that a request needs, and its entry in the audit log. Owns its strings: a change
// moves the request's parts away while the check after it still needs them.
struct Need {
  enum class Of {
    kAnything,    // some grant in the role; what is covered is looked at one by one
    kPair,        // the organization, with the credential where one is named
    kCredential,  // the credential as a whole, and with `attaches` each of the organizations
  };
  // "SessionService/Login"; a literal.
  absl::string_view rpc;
  // Unset: only a refusal is recorded.
  absl::optional<AuditEvent> event;
  Role role = Role::kAdmin;
  Of of = Of::kCredential;
  std::string organization_id = {};
  std::string credential = {};
  std::uint64_t version = 0;                    // of the credential, as the caller read it
  std::vector<std::string> organizations = {};  // named by a change of a credential
  bool attaches = false;                        // the change attaches `organizations`
  // Of kPair: a grant of the organization is not enough, the credential has to be granted.
  bool whole_credential = false;
  int calls = 1;  // how many calls the request counts as for the caller's limits
  // kAtOnce: counts so until StartWaiting().
  CallKind kind = CallKind::kWaiting;
};

// The rule of each RPC. A request without one does not compile where it is admitted.
[[nodiscard]] Need NeedOf(const v1::GetSessionRequest& request);
[[nodiscard]] Need NeedOf(const v1::BatchGetSessionsRequest& request);
[[nodiscard]] Need NeedOf(const v1::LoginRequest& request);
[[nodiscard]] Need NeedOf(const v1::LogoutRequest& request);
[[nodiscard]] Need NeedOf(const v1::WatchSessionsRequest& request);
[[nodiscard]] Need NeedOf(const v1::WatchedOrganization& watched, bool with_secrets);
[[nodiscard]] Need NeedOf(const v1::ListSessionsRequest& request);
[[nodiscard]] Need NeedOf(const v1::GetStatusRequest& request);
[[nodiscard]] Need NeedOf(const v1::GetCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::ListCredentialsRequest& request);
[[nodiscard]] Need NeedOf(const v1::DeleteCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::RotateCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::ResumeRotationRequest& request);
[[nodiscard]] Need NeedOf(const v1::CancelRotationRequest& request);
[[nodiscard]] Need NeedOf(const v1::RollbackCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::VerifyCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::GetRotationProgressRequest& request);
[[nodiscard]] Need NeedOf(const v1::DetachOrganizationsRequest& request);
[[nodiscard]] Need NeedOf(const v1::DiscoverOrganizationsRequest& request);
[[nodiscard]] Need NeedOf(const v1::StartChallengeRequest& request);
[[nodiscard]] Need NeedOf(const v1::CompleteChallengeRequest& request);
[[nodiscard]] Need NeedOf(const v1::StepUpRequest& request);
[[nodiscard]] Need NeedOf(const v1::VerifyAuditRequest& request);
// Of the credential that the challenge turns out to be of.
[[nodiscard]] Need NeedToComplete(absl::string_view credential);
// For calls whose request message has been freed.
[[nodiscard]] Need NeedToRotate(absl::string_view credential, std::uint64_t version);
[[nodiscard]] Need NeedToCreate(const Credential& draft);
[[nodiscard]] Need NeedToAttach(absl::string_view credential, std::uint64_t version,
                                const std::vector<Organization>& organizations);

// Errors of all calls: CALLER_UNKNOWN and NOT_GRANTED, which tell nothing of what exists;
// CALLER_LIMIT.
class Gate final {
 public:
  struct Pass {
    CallerPtr caller;
    std::string credential;  // that the request means; empty where it need not be named
    Record record;
  };

  // Borrows all.
  Gate(ServingState& state, const CredentialIndex& credentials, const Clock& clock,
       const Recorder& recorder)
      : state_(state), credentials_(credentials), clock_(clock), recorder_(recorder) {}

  // Who calls, whether it asks too much, and whether what it needs is granted. Once for a call.
  [[nodiscard]] absl::StatusOr<Pass> Check(grpc::CallbackServerContext& context,
                                           const Need& need) const;
  // The same, and DRAINING: for calls that a drain waits for.
  [[nodiscard]] absl::StatusOr<Pass> Admit(grpc::CallbackServerContext& context,
                                           const Need& need) const;

  // Counts a call of kAtOnce, which has to wait, apart from calls that do not. Returns CALLER_LIMIT
  // if too many calls of the caller wait already. Call it before the handler returns.
  [[nodiscard]] absl::Status StartWaiting(grpc::CallbackServerContext& context,
                                          const Caller& caller, const Need& need) const;

  // For a call that was let in and had to wait: whether somebody still waits for it (else
  // CANCELLED), and whether what it needs is granted by now to whom its connection is of by now.
  // `credential`: where a pair's session is handed out, the one that signed it in.
  [[nodiscard]] absl::Status AskAgain(grpc::CallbackServerContext& context, const Need& need,
                                      absl::string_view credential = {}) const;

  // Does `work`, which returns a Status or StatusOr, as Record::Do() does: a change that waited for
  // its turn. AskAgain() comes before, and CheckComplete(): until the keyring was read once there
  // is no key for the audit log either, and it is the keyring that wants mending. An error names no
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

  // What the audit log says of a call that causes a sign-in. `record` is of the call.
  [[nodiscard]] CausePtr CauseOf(const grpc::CallbackServerContext& context, const Need& need,
                                 const Record& record) const {
    return recorder_.CauseOf(context, need.rpc, record);
  }

  // Which credential a caller means by a pair, of those that it may use: the one named, or the only
  // one granted to it; empty where it may use all that serve the organization.
  //
  // NOT_GRANTED; AMBIGUOUS_CREDENTIAL; VaultError() while it is not known which organizations the
  // granted credentials serve; UNKNOWN_CREDENTIAL where the one named is not granted and
  // does not serve the organization, which is, whether it exists or not.
  [[nodiscard]] absl::StatusOr<std::string> Resolve(const grpc::CallbackServerContext& context,
                                                    const Caller& caller, const Need& need) const;

 private:
  // `status`, which is an error, or where it names a credential that is in the way, and that neither
  // the request named nor the policy lets the caller see, the same without the name.
  [[nodiscard]] static absl::Status Veil(grpc::CallbackServerContext& context, const Need& need,
                                         const absl::Status& status);
  [[nodiscard]] absl::StatusOr<Pass> Ask(CallerPtr caller, const Need& need) const;
  [[nodiscard]] absl::StatusOr<std::string> ResolvePair(const Caller& caller,
                                                        const Need& need) const;
  // Puts it on the log, if it is a refusal.
  void Note(const grpc::CallbackServerContext& context, absl::string_view principal,
            const Need& need, const absl::Status& status) const;

  ServingState& state_;
  const CredentialIndex& credentials_;
  const Clock& clock_;
  const Recorder& recorder_;
};

}  // namespace billbroker

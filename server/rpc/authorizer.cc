#include "server/rpc/authorizer.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "server/rpc/translate.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

Recorded RecordedOf(const PermissionRequest& permission) {
  Recorded what = {permission.rpc, permission.event, permission.organization_id,
                   permission.credential, permission.version};
  if (permission.organizations.size() == 1) {
    what.organization_id = permission.organizations.front();
  } else {
    what.organizations = permission.organizations.size();
  }
  return what;
}

// Names only facts from the caller's own request.
absl::Status NotGranted(const Caller& caller, const PermissionRequest& permission) {
  ErrorDetails details{Reason::kNotGranted, {}, {}};
  details.metadata = {{"principal", caller.name()},
                      {"role", std::string(RoleName(permission.role))}};
  std::string what =
      permission.scope == PermissionRequest::Scope::kEverything ? "everything" : "anything";
  if (!permission.credential.empty()) {
    details.metadata.emplace("credential", permission.credential);
    what = absl::StrCat("credential \"", permission.credential, "\"");
  }
  if (!permission.organization_id.empty()) {
    details.metadata.emplace("organization_id", permission.organization_id);
    what = absl::StrCat(permission.whole_credential ? "the whole credential of " : "",
                        "organization \"", permission.organization_id, "\"");
  }
  return MakeError(std::move(details),
                   absl::StrCat("the policy does not grant ", what, " to ", caller.name(),
                                " in the role ", RoleName(permission.role), " that this takes"));
}

// A grant of the credential is not enough to attach an organization: everyone who may use the
// credential gains access to it, and a second credential makes the organization ambiguous for
// others.
absl::Status Covers(const Caller& caller, const PermissionRequest& permission) {
  const std::shared_ptr<const Grants> grants = caller.grants();
  if (!grants->CoversCredential(permission.role, permission.credential))
    return NotGranted(caller, permission);
  if (!permission.attaches) return absl::OkStatus();
  for (const std::string& id : permission.organizations) {
    if (!grants->CoversOrganization(permission.role, id)) {
      return NotGranted(caller, {permission.rpc, permission.event, permission.role,
                                 PermissionRequest::Scope::kPair, id, permission.credential});
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLocal(const grpc::CallbackServerContext& context, const Caller& caller,
                        const PermissionRequest& permission) {
  if (!permission.local_only || ServingState::UidOf(context).has_value()) return absl::OkStatus();
  return MakeError(
      {Reason::kNotGranted,
       {},
       {{"principal", caller.name()}, {"role", std::string(RoleName(permission.role))}}},
      "this is permitted over a Unix socket of the broker only, because it concerns "
      "the keyring of the broker's machine; call from there");
}

// Returns true if the organization is granted, whichever credential serves it.
bool CoversPair(const Grants& grants, const PermissionRequest& permission) {
  return !permission.whole_credential &&
         grants.CoversOrganization(permission.role, permission.organization_id);
}

// Checks the grants that do not depend on which credentials exist. Of a pair, `credential` is the
// result of ResolvePair(): it serves the organization.
absl::Status CheckGrant(const Caller& caller, const PermissionRequest& permission,
                        absl::string_view credential) {
  if (permission.scope == PermissionRequest::Scope::kCredential) return Covers(caller, permission);
  if (permission.scope == PermissionRequest::Scope::kEverything) {
    const bool all = caller.grants()->CoversCredential(permission.role, {});
    return all ? absl::OkStatus() : NotGranted(caller, permission);
  }
  const std::shared_ptr<const Grants> grants = caller.grants();
  const bool granted = permission.scope == PermissionRequest::Scope::kAnything
                           ? grants->Any(permission.role)
                           : CoversPair(*grants, permission) ||
                                 grants->CoversCredential(permission.role, credential);
  return granted ? absl::OkStatus() : NotGranted(caller, permission);
}

}  // namespace

void Authorizer::RecordRefusal(const grpc::CallbackServerContext& context,
                               absl::string_view principal, const PermissionRequest& permission,
                               const absl::Status& status) const {
  // A malformed request is recorded without its names: a secret may have been put into their place.
  if (HasReason(status, Reason::kMalformedRequest)) {
    return recorder_.Refuse(context, principal, {permission.rpc, permission.event}, status);
  }
  const bool refusal = HasReason(status, Reason::kCallerUnknown) ||
                       HasReason(status, Reason::kNotGranted) ||
                       HasReason(status, Reason::kCallerLimit);
  if (refusal) recorder_.Refuse(context, principal, RecordedOf(permission), status);
}

absl::Status Authorizer::Reauthorize(grpc::CallbackServerContext& context,
                                     const PermissionRequest& permission,
                                     absl::string_view credential) const {
  if (context.IsCancelled()) return absl::CancelledError("nobody waits for the answer");
  const absl::StatusOr<CallerPtr> caller = ServingState::CallerOf(context);
  absl::Status status = caller.ok() ? CheckLocal(context, **caller, permission) : caller.status();
  if (status.ok()) status = CheckGrant(**caller, permission, credential);
  RecordRefusal(context, caller.ok() ? (*caller)->name() : "", permission, status);
  return status;
}

absl::Status Authorizer::CheckTurn(grpc::CallbackServerContext& context,
                                   const CallInfo& call) const {
  absl::Status status = Reauthorize(context, call.permission);
  return status.ok() ? credentials_.CheckComplete() : status;
}

absl::Status Authorizer::RedactHiddenCredential(grpc::CallbackServerContext& context,
                                                const PermissionRequest& permission,
                                                const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value() || details->reason != Reason::kCredentialExists) return status;
  const auto name = details->metadata.find("credential");
  if (name == details->metadata.end() || name->second == permission.credential) return status;
  const absl::StatusOr<CallerPtr> caller = ServingState::CallerOf(context);
  if (caller.ok() && (*caller)->grants()->CoversCredential(Role::kOperator, name->second)) {
    return status;
  }
  return MakeError(Reason::kCredentialExists,
                   "this BILL user belongs to a credential that is not granted to you; have an "
                   "administrator of that one attach the organizations to it");
}

absl::Status Authorizer::StartWaiting(grpc::CallbackServerContext& context,
                                      const CallInfo& call) const {
  absl::Status status = ServingState::StartWaiting(context);
  RecordRefusal(context, call.caller->name(), call.permission, status);
  return status;
}

absl::StatusOr<CallInfo> Authorizer::Check(grpc::CallbackServerContext& context,
                                           PermissionRequest permission,
                                           absl::FunctionRef<absl::Status()> check_shape) const {
  absl::StatusOr<CallerPtr> caller =
      state_.Enter(context, clock_.SinceBoot(), permission.calls, permission.kind);
  if (!caller.ok()) {
    const absl::StatusOr<CallerPtr> known = ServingState::CallerOf(context);
    // No name in a malformed request is recorded for any refusal.
    const PermissionRequest recorded = check_shape().ok()
                                           ? std::move(permission)
                                           : PermissionRequest{permission.rpc, permission.event};
    RecordRefusal(context, known.ok() ? (*known)->name() : "", recorded, caller.status());
    return caller.status();
  }
  const absl::Status shape = check_shape();
  absl::StatusOr<std::string> credential =
      shape.ok() ? Authorize(context, **caller, permission) : shape;
  if (!credential.ok()) {
    RecordRefusal(context, (*caller)->name(), permission, credential.status());
    return credential.status();
  }
  Record record = recorder_.Begin(context, (*caller)->name(), RecordedOf(permission));
  return CallInfo{*std::move(caller), std::move(permission), *std::move(credential),
                  std::move(record)};
}

absl::StatusOr<std::string> Authorizer::Authorize(const grpc::CallbackServerContext& context,
                                                  const Caller& caller,
                                                  const PermissionRequest& permission) const {
  if (absl::Status local = CheckLocal(context, caller, permission); !local.ok()) return local;
  if (permission.scope == PermissionRequest::Scope::kPair) return ResolvePair(caller, permission);
  if (absl::Status status = CheckGrant(caller, permission, {}); !status.ok()) return status;
  return std::string();
}

absl::Status Authorizer::Reject(grpc::CallbackServerContext& context, PermissionRequest permission,
                                const absl::Status& malformed) const {
  return Check(context, std::move(permission), [&malformed] { return malformed; }).status();
}

absl::StatusOr<CallInfo> Authorizer::Admit(absl::StatusOr<CallInfo> call,
                                           grpc::CallbackServerContext& context) const {
  if (!call.ok()) return call;
  if (absl::Status admitted = state_.Admit(context); !admitted.ok()) return admitted;
  return call;
}

absl::StatusOr<std::string> Authorizer::Resolve(const grpc::CallbackServerContext& context,
                                                const Caller& caller,
                                                const PermissionRequest& permission) const {
  absl::StatusOr<std::string> credential = ResolvePair(caller, permission);
  RecordRefusal(context, caller.name(), permission, credential.status());
  return credential;
}

absl::StatusOr<std::string> Authorizer::ResolvePair(const Caller& caller,
                                                    const PermissionRequest& permission) const {
  const std::shared_ptr<const Grants> grants = caller.grants();
  const bool organization_granted = CoversPair(*grants, permission);
  if (organization_granted && permission.credential.empty()) return std::string();
  if (!permission.credential.empty() &&
      grants->CoversCredential(permission.role, permission.credential)) {
    return permission.credential;
  }
  if (!organization_granted && !permission.credential.empty())
    return NotGranted(caller, permission);
  std::vector<CredentialInfoPtr> meant;
  for (const CredentialInfoPtr& info : credentials_.Serving(permission.organization_id)) {
    if (organization_granted ? info->name == permission.credential
                             : grants->CoversCredential(permission.role, info->name)) {
      meant.push_back(info);
    }
  }
  if (meant.size() == 1) return meant.front()->name;
  if (meant.size() > 1) return AmbiguousCredential(permission.organization_id, meant);
  // It may not be known yet which organizations the granted credentials serve.
  const bool covers_all =
      permission.whole_credential && grants->CoversCredential(permission.role, {});
  const bool may_serve =
      organization_granted || covers_all || grants->NamesCredentials(permission.role);
  if (may_serve) {
    if (absl::Status read = credentials_.CheckComplete(); !read.ok()) return read;
  }
  if (covers_all) return std::string();  // UNKNOWN_ORGANIZATION
  if (!organization_granted) return NotGranted(caller, permission);
  return MakeError({Reason::kUnknownCredential, {}, {{"credential", permission.credential}}},
                   absl::StrCat("no credential \"", permission.credential,
                                "\" serves organization \"", permission.organization_id, "\""));
}

}  // namespace billbroker

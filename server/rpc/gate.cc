#include "server/rpc/gate.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "server/rpc/translate.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

Recorded RecordedOf(const Need& need) {
  Recorded what = {need.rpc, need.event, need.organization_id, need.credential, need.version};
  if (need.organizations.size() == 1) {
    what.organization_id = need.organizations.front();
  } else {
    what.organizations = need.organizations.size();
  }
  return what;
}

// Names only facts from the caller's own request.
absl::Status NotGranted(const Caller& caller, const Need& need) {
  ErrorDetails details{Reason::kNotGranted, {}, {}};
  details.metadata = {{"principal", caller.name()}, {"role", std::string(RoleName(need.role))}};
  std::string what = need.of == Need::Of::kEverything ? "everything" : "anything";
  if (!need.credential.empty()) {
    details.metadata.emplace("credential", need.credential);
    what = absl::StrCat("credential \"", need.credential, "\"");
  }
  if (!need.organization_id.empty()) {
    details.metadata.emplace("organization_id", need.organization_id);
    what = absl::StrCat(need.whole_credential ? "the whole credential of " : "", "organization \"",
                        need.organization_id, "\"");
  }
  return MakeError(std::move(details),
                   absl::StrCat("the policy does not grant ", what, " to ", caller.name(),
                                " in the role ", RoleName(need.role), " that this takes"));
}

// A grant of the credential is not enough to attach an organization: everyone who may use the
// credential gains access to it, and a second credential makes the organization ambiguous for
// others.
absl::Status Covers(const Caller& caller, const Need& need) {
  const std::shared_ptr<const Grants> grants = caller.grants();
  if (!grants->CoversCredential(need.role, need.credential)) return NotGranted(caller, need);
  if (!need.attaches) return absl::OkStatus();
  for (const std::string& id : need.organizations) {
    if (!grants->CoversOrganization(need.role, id)) {
      return NotGranted(caller,
                        {need.rpc, need.event, need.role, Need::Of::kPair, id, need.credential});
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLocal(const grpc::CallbackServerContext& context, const Caller& caller,
                        const Need& need) {
  if (!need.local_only || ServingState::UidOf(context).has_value()) return absl::OkStatus();
  return MakeError({Reason::kNotGranted,
                    {},
                    {{"principal", caller.name()}, {"role", std::string(RoleName(need.role))}}},
                   "this is permitted over a Unix socket of the broker only, because it concerns "
                   "the keyring of the broker's machine; call from there");
}

// Returns true if the organization is granted, whichever credential serves it.
bool CoversPair(const Grants& grants, const Need& need) {
  return !need.whole_credential && grants.CoversOrganization(need.role, need.organization_id);
}

// Checks the grants that do not depend on which credentials exist. Of a pair, `credential` is the
// result of ResolvePair(): it serves the organization.
absl::Status CheckGrant(const Caller& caller, const Need& need, absl::string_view credential) {
  if (need.of == Need::Of::kCredential) return Covers(caller, need);
  if (need.of == Need::Of::kEverything) {
    const bool all = caller.grants()->CoversCredential(need.role, {});
    return all ? absl::OkStatus() : NotGranted(caller, need);
  }
  const std::shared_ptr<const Grants> grants = caller.grants();
  const bool granted =
      need.of == Need::Of::kAnything
          ? grants->Any(need.role)
          : CoversPair(*grants, need) || grants->CoversCredential(need.role, credential);
  return granted ? absl::OkStatus() : NotGranted(caller, need);
}

}  // namespace

void Gate::Note(const grpc::CallbackServerContext& context, absl::string_view principal,
                const Need& need, const absl::Status& status) const {
  const bool refusal = HasReason(status, Reason::kCallerUnknown) ||
                       HasReason(status, Reason::kNotGranted) ||
                       HasReason(status, Reason::kCallerLimit);
  if (refusal) recorder_.Refuse(context, principal, RecordedOf(need), status);
}

absl::Status Gate::AskAgain(grpc::CallbackServerContext& context, const Need& need,
                            absl::string_view credential) const {
  if (context.IsCancelled()) return absl::CancelledError("nobody waits for the answer");
  const absl::StatusOr<CallerPtr> caller = ServingState::CallerOf(context);
  absl::Status status = caller.ok() ? CheckLocal(context, **caller, need) : caller.status();
  if (status.ok()) status = CheckGrant(**caller, need, credential);
  Note(context, caller.ok() ? (*caller)->name() : "", need, status);
  return status;
}

absl::Status Gate::Veil(grpc::CallbackServerContext& context, const Need& need,
                        const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value() || details->reason != Reason::kCredentialExists) return status;
  const auto name = details->metadata.find("credential");
  if (name == details->metadata.end() || name->second == need.credential) return status;
  const absl::StatusOr<CallerPtr> caller = ServingState::CallerOf(context);
  if (caller.ok() && (*caller)->grants()->CoversCredential(Role::kOperator, name->second)) {
    return status;
  }
  return MakeError(Reason::kCredentialExists,
                   "this BILL user belongs to a credential that is not granted to you; have an "
                   "administrator of that one attach the organizations to it");
}

absl::Status Gate::StartWaiting(grpc::CallbackServerContext& context, const Caller& caller,
                                const Need& need) const {
  absl::Status status = ServingState::StartWaiting(context);
  Note(context, caller.name(), need, status);
  return status;
}

absl::StatusOr<Gate::Pass> Gate::Check(grpc::CallbackServerContext& context,
                                       const Need& need) const {
  absl::StatusOr<CallerPtr> caller =
      state_.Enter(context, clock_.SinceBoot(), need.calls, need.kind);
  if (!caller.ok()) {
    const absl::StatusOr<CallerPtr> known = ServingState::CallerOf(context);
    Note(context, known.ok() ? (*known)->name() : "", need, caller.status());
    return caller.status();
  }
  absl::StatusOr<Pass> pass = Ask(context, *caller, need);
  if (pass.ok()) {
    pass->record = recorder_.Begin(context, (*caller)->name(), RecordedOf(need));
  } else {
    Note(context, (*caller)->name(), need, pass.status());
  }
  return pass;
}

absl::StatusOr<Gate::Pass> Gate::Ask(const grpc::CallbackServerContext& context, CallerPtr caller,
                                     const Need& need) const {
  if (absl::Status local = CheckLocal(context, *caller, need); !local.ok()) return local;
  if (need.of == Need::Of::kPair) {
    absl::StatusOr<std::string> credential = ResolvePair(*caller, need);
    if (!credential.ok()) return credential.status();
    return Pass{std::move(caller), *std::move(credential), {}};
  }
  if (absl::Status status = CheckGrant(*caller, need, {}); !status.ok()) return status;
  return Pass{std::move(caller), {}, {}};
}

absl::StatusOr<Gate::Pass> Gate::Admit(grpc::CallbackServerContext& context,
                                       const Need& need) const {
  absl::StatusOr<Pass> pass = Check(context, need);
  if (!pass.ok()) return pass;
  if (absl::Status admitted = state_.Admit(context); !admitted.ok()) return admitted;
  return pass;
}

absl::StatusOr<std::string> Gate::Resolve(const grpc::CallbackServerContext& context,
                                          const Caller& caller, const Need& need) const {
  absl::StatusOr<std::string> credential = ResolvePair(caller, need);
  Note(context, caller.name(), need, credential.status());
  return credential;
}

absl::StatusOr<std::string> Gate::ResolvePair(const Caller& caller, const Need& need) const {
  const std::shared_ptr<const Grants> grants = caller.grants();
  const bool organization_granted = CoversPair(*grants, need);
  if (organization_granted && need.credential.empty()) return std::string();
  if (!need.credential.empty() && grants->CoversCredential(need.role, need.credential)) {
    return need.credential;
  }
  if (!organization_granted && !need.credential.empty()) return NotGranted(caller, need);
  std::vector<CredentialInfoPtr> meant;
  for (const CredentialInfoPtr& info : credentials_.Serving(need.organization_id)) {
    if (organization_granted ? info->name == need.credential
                             : grants->CoversCredential(need.role, info->name)) {
      meant.push_back(info);
    }
  }
  if (meant.size() == 1) return meant.front()->name;
  if (meant.size() > 1) return AmbiguousCredential(need.organization_id, meant);
  // It may not be known yet which organizations the granted credentials serve.
  const bool covers_all = need.whole_credential && grants->CoversCredential(need.role, {});
  const bool may_serve = organization_granted || covers_all || grants->NamesCredentials(need.role);
  if (may_serve) {
    if (absl::Status read = credentials_.CheckComplete(); !read.ok()) return read;
  }
  if (covers_all) return std::string();  // UNKNOWN_ORGANIZATION
  if (!organization_granted) return NotGranted(caller, need);
  return MakeError({Reason::kUnknownCredential, {}, {{"credential", need.credential}}},
                   absl::StrCat("no credential \"", need.credential, "\" serves organization \"",
                                need.organization_id, "\""));
}

}  // namespace billbroker

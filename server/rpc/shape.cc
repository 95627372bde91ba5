#include "server/rpc/shape.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/rpc/page.h"
#include "vault/base/error.h"
#include "vault/typed_text.h"

namespace billbroker {
namespace {

constexpr std::size_t kMaxBatch = 1000;
constexpr std::size_t kUidDigits = 32;
constexpr std::size_t kCodeDigits = 6;

absl::Status CheckOptionalName(absl::string_view path, absl::string_view name) {
  return name.empty() ? absl::OkStatus() : ValidateCredentialName(name, path);
}

// Checks the fields that GetSession, Login and Logout share.
template <typename Request>
absl::Status CheckPair(const Request& request, absl::string_view prefix) {
  const auto check = [&request](absl::string_view id_path, absl::string_view name_path) {
    absl::Status status = ValidateOrganizationId(request.organization_id(), id_path);
    return status.ok() ? CheckOptionalName(name_path, request.credential()) : status;
  };
  absl::Status status = check("organization_id", "credential");
  if (status.ok() || prefix.empty()) return status;
  return check(absl::StrCat(prefix, "organization_id"), absl::StrCat(prefix, "credential"));
}

absl::Status CheckCount(absl::string_view path, int count, std::size_t limit) {
  if (count >= 1 && static_cast<std::size_t>(count) <= limit) return absl::OkStatus();
  return Malformed(path, absl::StrCat("has ", count, " entries; send 1 to ", limit));
}

// Returns true if `duration` is valid by protobuf's rules (both parts of the same sign, nanos below
// one second) and not negative.
bool IsNonNegative(const google::protobuf::Duration& duration) {
  constexpr std::int64_t kMaxSeconds = 315'576'000'000;
  return duration.seconds() >= 0 && duration.seconds() <= kMaxSeconds && duration.nanos() >= 0 &&
         duration.nanos() < 1'000'000'000;
}

absl::Status NamedTwice(absl::string_view path, absl::string_view id) {
  return Malformed(path, absl::StrCat("\"", id, "\" is named twice; name each once"));
}

// Errors contain the indexes of the request.
absl::Status CheckOrganizations(
    const google::protobuf::RepeatedPtrField<v1::OrganizationSpec>& specs) {
  if (static_cast<std::size_t>(specs.size()) > kMaxOrganizations) {
    return Malformed("organizations", absl::StrCat("has ", specs.size(), " entries; send at most ",
                                                   kMaxOrganizations));
  }
  std::set<absl::string_view> seen;
  for (int i = 0; i < specs.size(); ++i) {
    const std::string path = absl::StrCat("organizations[", i, "].organization_id");
    absl::Status status = ValidateOrganizationId(specs[i].organization_id(), path);
    if (!status.ok()) return status;
    if (!seen.insert(specs[i].organization_id()).second) {
      return NamedTwice(path, specs[i].organization_id());
    }
    if (!specs[i].user_id().empty()) {
      const std::string user = absl::StrCat("organizations[", i, "].user_id");
      status = ValidateOrganizationId(specs[i].user_id(), user);  // BILL's ids are of one shape
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// Rejects clear_dev_key, because CreateCredential and AttachOrganizations have nothing to clear: an
// empty devKey means the default for a new organization, and an attached one keeps its own.
absl::Status CheckNothingCleared(
    const google::protobuf::RepeatedPtrField<v1::OrganizationSpec>& specs) {
  for (int i = 0; i < specs.size(); ++i) {
    if (!specs[i].clear_dev_key()) continue;
    return Malformed(absl::StrCat("organizations[", i, "].clear_dev_key"),
                     "is allowed in RotateCredential only; leave it out");
  }
  return absl::OkStatus();
}

absl::Status CheckRotated(const v1::OrganizationSpec& spec, absl::string_view prefix) {
  if (!spec.user_id().empty()) {
    return Malformed(absl::StrCat(prefix, "user_id"),
                     "cannot be rotated; change it with AttachOrganizations");
  }
  if (spec.clear_dev_key() && !spec.dev_key().empty()) {
    return Malformed(absl::StrCat(prefix, "clear_dev_key"),
                     "cannot be combined with dev_key; leave one out");
  }
  if (!spec.clear_dev_key() && spec.dev_key().empty()) {
    return Malformed(absl::StrCat(prefix, "dev_key"),
                     "is empty; set it, or set clear_dev_key to use the credential's devKey");
  }
  return absl::OkStatus();
}

absl::Status CheckClears(const v1::RotateCredentialRequest& request) {
  if (request.clear_dev_key() && !request.dev_key().empty()) {
    return Malformed("clear_dev_key", "cannot be combined with dev_key; leave one out");
  }
  if (request.clear_remember_me() &&
      !(request.remember_me_id().empty() && request.device().empty())) {
    return Malformed("clear_remember_me",
                     "cannot be combined with remember_me_id or device; leave them out");
  }
  return absl::OkStatus();
}

// Checks the fields credential, uid and version.
template <typename Request>
absl::Status CheckVersion(const Request& request) {
  absl::Status name = ValidateCredentialName(request.credential(), "credential");
  if (!name.ok()) return name;
  const std::string& uid = request.uid();
  if (uid.size() != kUidDigits || !std::all_of(uid.begin(), uid.end(), absl::ascii_isxdigit)) {
    return Malformed("uid", "must be the 32 hexadecimal digits that GetCredential gave");
  }
  if (request.version() == 0) {
    return Malformed("version", "must be the version that GetCredential gave");
  }
  return absl::OkStatus();
}

// Checks the fields that name a credential version and the organization of its proof.
template <typename Request>
absl::Status CheckProved(const Request& request) {
  absl::Status version = CheckVersion(request);
  if (!version.ok() || request.organization_id().empty()) return version;
  return ValidateOrganizationId(request.organization_id());
}

// Checks the fields that name a credential version and its pending rotation.
template <typename Request>
absl::Status CheckPending(const Request& request) {
  absl::Status version = CheckVersion(request);
  if (!version.ok() || !request.rotation_id().empty()) return version;
  return Malformed("rotation_id", "is missing; GetCredential returns it");
}

// Checks the fields of requests that name a credential and perhaps one of its organizations.
template <typename Request>
absl::Status CheckCredential(const Request& request) {
  absl::Status name = ValidateCredentialName(request.credential(), "credential");
  if (!name.ok() || request.organization_id().empty()) return name;
  return ValidateOrganizationId(request.organization_id());
}

}  // namespace

absl::Status CheckShape(const v1::GetSessionRequest& request, absl::string_view prefix) {
  if (absl::Status status = CheckPair(request, prefix); !status.ok()) return status;
  if (!IsNonNegative(request.min_remaining())) {
    return Malformed(absl::StrCat(prefix, "min_remaining"), "must be 0 or more");
  }
  if (!request.cached_only()) return absl::OkStatus();
  if (request.stale_generation() != 0) {
    return Malformed(absl::StrCat(prefix, "stale_generation"),
                     "does not go together with cached_only; leave one out");
  }
  if (request.has_min_remaining()) {
    return Malformed(absl::StrCat(prefix, "min_remaining"),
                     "does not go together with cached_only; leave one out");
  }
  return absl::OkStatus();
}

absl::Status CheckShape(const v1::BatchGetSessionsRequest& request) {
  // The outcome of each request reports its own shape.
  return CheckCount("requests", request.requests_size(), kMaxBatch);
}

absl::Status CheckShape(const v1::LoginRequest& request) { return CheckPair(request, ""); }

absl::Status CheckShape(const v1::LogoutRequest& request) { return CheckPair(request, ""); }

absl::Status CheckShape(const v1::WatchSessionsRequest& request) {
  absl::Status count = CheckCount("organizations", request.organizations_size(), kMaxOrganizations);
  if (!count.ok()) return count;
  std::set<std::pair<absl::string_view, absl::string_view>> seen;
  for (int i = 0; i < request.organizations_size(); ++i) {
    const v1::WatchedOrganization& watched = request.organizations(i);
    const std::string prefix = absl::StrCat("organizations[", i, "].");
    if (absl::Status status = CheckPair(watched, prefix); !status.ok()) return status;
    if (!seen.emplace(watched.organization_id(), watched.credential()).second) {
      return NamedTwice(absl::StrCat(prefix, "organization_id"), watched.organization_id());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckShape(const v1::ListSessionsRequest& request) {
  absl::Status name = CheckOptionalName("credential", request.credential());
  if (!name.ok()) return name;
  return PageOf(kSessionList, request.page_size(), request.page_token()).status();
}

absl::Status CheckShape(const v1::CreateCredentialRequest& request) {
  absl::Status name = ValidateCredentialName(request.credential(), "credential");
  if (!name.ok()) return name;
  if (!v1::CredentialKind_IsValid(request.kind()) ||
      request.kind() == v1::CREDENTIAL_KIND_UNSPECIFIED) {
    return Malformed("kind",
                     "must be CREDENTIAL_KIND_USER, CREDENTIAL_KIND_CONSOLE or "
                     "CREDENTIAL_KIND_PARTNER");
  }
  absl::Status organizations = CheckOrganizations(request.organizations());
  return organizations.ok() ? CheckNothingCleared(request.organizations()) : organizations;
}

absl::Status CheckShape(const v1::GetCredentialRequest& request) {
  return ValidateCredentialName(request.credential(), "credential");
}

absl::Status CheckShape(const v1::ListCredentialsRequest& request) {
  return PageOf(kCredentialList, request.page_size(), request.page_token()).status();
}

absl::Status CheckShape(const v1::DeleteCredentialRequest& request) {
  return CheckVersion(request);
}

absl::Status CheckShape(const v1::RotateCredentialRequest& request) {
  absl::Status status = CheckProved(request);
  if (status.ok()) status = CheckClears(request);
  if (status.ok()) status = CheckOrganizations(request.organizations());
  for (int i = 0; status.ok() && i < request.organizations_size(); ++i) {
    status = CheckRotated(request.organizations(i), absl::StrCat("organizations[", i, "]."));
  }
  return status;
}

absl::Status CheckShape(const v1::ResumeRotationRequest& request) { return CheckPending(request); }

absl::Status CheckShape(const v1::CancelRotationRequest& request) { return CheckPending(request); }

absl::Status CheckShape(const v1::RollbackCredentialRequest& request) {
  return CheckProved(request);
}

absl::Status CheckShape(const v1::VerifyCredentialRequest& request) { return CheckProved(request); }

absl::Status CheckShape(const v1::GetRotationProgressRequest& request) {
  return ValidateCredentialName(request.credential(), "credential");
}

absl::Status CheckShape(const v1::AttachOrganizationsRequest& request) {
  absl::Status status = CheckVersion(request);
  if (status.ok()) {
    status = CheckCount("organizations", request.organizations_size(), kMaxOrganizations);
  }
  if (status.ok()) status = CheckNothingCleared(request.organizations());
  return status.ok() ? CheckOrganizations(request.organizations()) : status;
}

absl::Status CheckShape(const v1::DetachOrganizationsRequest& request) {
  absl::Status status = CheckVersion(request);
  const int count = request.organization_ids_size();
  if (status.ok()) status = CheckCount("organization_ids", count, kMaxOrganizations);
  std::set<absl::string_view> seen;
  for (int i = 0; status.ok() && i < count; ++i) {
    const std::string& id = request.organization_ids(i);
    const std::string path = absl::StrCat("organization_ids[", i, "]");
    status = ValidateOrganizationId(id, path);
    if (status.ok() && !seen.insert(id).second) return NamedTwice(path, id);
  }
  return status;
}

absl::Status CheckShape(const v1::DiscoverOrganizationsRequest& request) {
  return CheckCredential(request);
}

absl::Status CheckShape(const v1::StartChallengeRequest& request) {
  return CheckCredential(request);
}

absl::Status CheckShape(const v1::CompleteChallengeRequest& request) {
  if (request.challenge_id().empty()) {
    return Malformed("challenge_id", "is missing; StartChallenge gives it");
  }
  const std::string& code = request.code();
  if (code.size() != kCodeDigits || !std::all_of(code.begin(), code.end(), absl::ascii_isdigit)) {
    return Malformed("code", "must be the six digits that BILL sent to the phone");
  }
  if (absl::Status device = ValidateDevice(request.device()); !device.ok()) return device;
  return ValidateTypedText("device", request.device());
}

absl::Status CheckShape(const v1::StepUpRequest& request) {
  return ValidateCredentialName(request.credential(), "credential");
}

}  // namespace billbroker

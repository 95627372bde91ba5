// The table of docs/permissions.md is the one that the broker enforces.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/rpc/permission_request.h"
#include "server/rpc/recorder.h"

namespace billbroker {
namespace {

std::string GrantOf(const PermissionRequest& permission) {
  switch (permission.scope) {
    case PermissionRequest::Scope::kAnything:
      return "any in this role";
    case PermissionRequest::Scope::kPair:
      return permission.whole_credential ? "the credential" : "the organization, or its credential";
    case PermissionRequest::Scope::kCredential:
      return permission.attaches ? "the credential and each organization" : "the credential";
    case PermissionRequest::Scope::kEverything:
      return "everything";
  }
  return "";
}

std::string AuditOf(const PermissionRequest& permission) {
  switch (AuditModeOf(permission.event)) {
    case AuditMode::kNone:
      return "refusals";
    case AuditMode::kOutcome:
      return "the outcome (`session_reads`)";
    case AuditMode::kIntentPosted:
      return "intent and outcome, without waiting";
    case AuditMode::kIntentDurable:
      return "a stored intent, then the outcome";
  }
  return "";
}

std::string NameOf(CallKind kind) {
  switch (kind) {
    case CallKind::kAtOnce:
      return "answered at once";
    case CallKind::kWaiting:
      return "waits";
    case CallKind::kWatch:
      return "a watch";
  }
  return "";
}

std::string Row(const PermissionRequest& permission, const std::string& variant = "") {
  const std::vector<std::string> cells = {
      absl::StrCat("`", std::string(permission.rpc), "`", variant.empty() ? "" : ", ", variant),
      std::string(RoleName(permission.role)),
      GrantOf(permission),
      permission.local_only ? "a Unix socket" : "any listener",
      NameOf(permission.kind),
      AuditOf(permission)};
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

template <typename Request>
std::string Row() {
  return Row(PermissionFor(Request()));
}

template <typename Request>
std::string RowsWithSecrets() {
  Request request;
  request.set_include_dev_key(true);
  return Row<Request>() + Row(PermissionFor(request), "with the devKey");
}

std::string ForcedLogin() {
  v1::LoginRequest request;
  request.set_force(true);
  return Row(PermissionFor(request), "`force`");
}

std::string AdoptPreview() {
  v1::AdoptKeyringRequest request;
  request.set_validate_only(true);
  return Row(PermissionFor(request), "`validate_only`");
}

std::string Table() {
  return absl::StrCat(
      "| RPC | role | a grant of | comes over | for the limits | audit log |\n"
      "|---|---|---|---|---|---|\n",
      RowsWithSecrets<v1::GetSessionRequest>(), Row<v1::BatchGetSessionsRequest>(),
      Row<v1::LoginRequest>(), ForcedLogin(), Row<v1::LogoutRequest>(),
      RowsWithSecrets<v1::WatchSessionsRequest>(), Row<v1::ListSessionsRequest>(),
      Row<v1::GetStatusRequest>(), Row<v1::CreateCredentialRequest>(),
      Row<v1::GetCredentialRequest>(), Row<v1::ListCredentialsRequest>(),
      Row<v1::DeleteCredentialRequest>(), Row<v1::RotateCredentialRequest>(),
      Row<v1::ResumeRotationRequest>(), Row<v1::CancelRotationRequest>(),
      Row<v1::RollbackCredentialRequest>(), Row<v1::VerifyCredentialRequest>(),
      Row<v1::GetRotationProgressRequest>(), Row<v1::AttachOrganizationsRequest>(),
      Row<v1::DetachOrganizationsRequest>(), Row<v1::DiscoverOrganizationsRequest>(),
      Row<v1::AdoptKeyringRequest>(), AdoptPreview(), Row<v1::StartChallengeRequest>(),
      Row<v1::CompleteChallengeRequest>(), Row<v1::StepUpRequest>(), Row<v1::VerifyAuditRequest>());
}

TEST(PermissionsDocTest, HoldsTheEnforcedTable) {
  std::ifstream file(PROTO_FOLDER "/../docs/permissions.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(Table()), std::string::npos)
      << "docs/permissions.md does not hold this table:\n"
      << Table();
}

TEST(PermissionsDocTest, HasEveryRpc) {
  const std::string table = Table();
  for (const char* const name : {"session", "credential", "mfa", "audit"}) {
    const auto* const file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
        absl::StrCat("billbroker/v1/", name, ".proto"));
    ASSERT_NE(file, nullptr) << name;
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const std::string rpc =
            absl::StrCat(file->service(i)->name(), "/", file->service(i)->method(j)->name());
        EXPECT_NE(table.find(absl::StrCat("`", rpc, "`")), std::string::npos) << rpc;
      }
    }
  }
}

}  // namespace
}  // namespace billbroker

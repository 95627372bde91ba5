#include "server/rpc/credential_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/sample_ids.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;

using CredentialStub = v1::CredentialService::Stub;

template <typename Request>
Request Naming(const v1::Credential& credential) {
  Request request;
  request.set_credential(credential.name());
  request.set_uid(credential.uid());
  request.set_version(credential.version());
  return request;
}

std::vector<std::string> OrganizationIdsOf(const v1::Credential& credential) {
  std::vector<std::string> ids;
  for (const v1::Organization& each : credential.organizations()) {
    ids.push_back(each.organization_id());
  }
  return ids;
}

class CredentialServiceTest : public RpcTest {
 protected:
  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (CredentialStub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                    const Request& request, Response* response) {
    return RpcTest::Call(*credentials_, method, request, response);
  }

  absl::StatusOr<v1::Credential> Get(const std::string& name) {
    v1::GetCredentialRequest request;
    request.set_credential(name);
    v1::GetCredentialResponse response;
    const absl::Status status = Call(&CredentialStub::GetCredential, request, &response);
    if (!status.ok()) return status;
    return response.credential();
  }
};

TEST_F(CredentialServiceTest, ResponseNamesSecretsWithoutValues) {
  v1::CreateCredentialRequest request = NewUser(kAcme, {kSecondOrganization, kFirstOrganization});
  request.mutable_organizations(0)->set_dev_key("s3cret-own-dev-key");
  request.set_remember_me_id("s3cret-remember");
  request.set_device("billbroker-of-acme");
  const v1::Credential created = Create(request);
  EXPECT_EQ(created.name(), kAcme);
  EXPECT_EQ(created.uid().size(), 32U);
  EXPECT_EQ(created.version(), 1U);
  EXPECT_EQ(created.environment(), "sandbox");
  EXPECT_EQ(created.kind(), v1::CREDENTIAL_KIND_USER);
  EXPECT_EQ(created.username(), absl::StrCat(kAcme, "@acme.example"));
  EXPECT_EQ(created.device(), "billbroker-of-acme");
  ASSERT_EQ(created.secrets_size(), 3);
  EXPECT_EQ(created.secrets(0).field(), "dev_key");
  EXPECT_EQ(created.secrets(0).fingerprint().size(), 16U);
  EXPECT_THAT(OrganizationIdsOf(created), ElementsAre(kFirstOrganization, kSecondOrganization));
  EXPECT_EQ(created.organizations(0).dev_key_id(), "");
  EXPECT_EQ(created.organizations(1).dev_key_id().size(), 16U);
  EXPECT_EQ(created.organization_count(), 2);
  EXPECT_EQ(Get(kAcme)->SerializeAsString(), created.SerializeAsString());
}

TEST_F(CredentialServiceTest, ConsoleSignsInWithTokenAndDevKey) {
  v1::CreateCredentialRequest request = NewUser("accountant-console", {"00800000000000000090"});
  request.set_kind(v1::CREDENTIAL_KIND_CONSOLE);
  request.clear_password();
  request.clear_dev_key();
  request.set_console_api_token("s3cret-token");
  request.mutable_organizations(0)->set_dev_key("s3cret-dev-key-of-console");
  EXPECT_EQ(Create(request).kind(), v1::CREDENTIAL_KIND_CONSOLE);
  ASSERT_THAT(GetSession("00800000000000000090"), IsOk());
  EXPECT_EQ(broker_.bill.sign_ins().at(0).secret, "s3cret-token");
  EXPECT_EQ(broker_.bill.sign_ins().at(0).dev_key, "s3cret-dev-key-of-console");
}

v1::CreateCredentialRequest NewPartner(v1::CreateCredentialRequest request) {
  request.set_kind(v1::CREDENTIAL_KIND_PARTNER);
  request.set_app_key("s3cret-app-key");
  for (v1::OrganizationSpec& each : *request.mutable_organizations()) {
    each.set_user_id("user-of-" + each.organization_id());
  }
  return request;
}

TEST_F(CredentialServiceTest, PartnerSignsInAsUserOfEachOrganization) {
  const v1::Credential created = Create(
      NewPartner(NewUser("firm-of-bookkeepers", {"00800000000000000095", "00800000000000000096"})));
  EXPECT_EQ(created.kind(), v1::CREDENTIAL_KIND_PARTNER);
  EXPECT_EQ(created.organizations(1).user_id(), "user-of-00800000000000000096");
  EXPECT_EQ(created.secrets(0).field(), "app_key");
  ASSERT_THAT(GetSession("00800000000000000095"), IsOk());
  ASSERT_THAT(GetSession("00800000000000000096"), IsOk());
  EXPECT_EQ(broker_.bill.partner_sign_ins().size(), 1U);
  EXPECT_EQ(broker_.bill.partner_sign_ins().at(0).app_key, "s3cret-app-key");
  EXPECT_EQ(broker_.bill.sign_ins().at(1).user_id, "user-of-00800000000000000096");
  EXPECT_EQ(broker_.bill.sign_ins().at(1).dev_key, "s3cret-dev-key");
}

TEST_F(CredentialServiceTest, AttachChangesUserOfPartnerOrganization) {
  auto request = Naming<v1::AttachOrganizationsRequest>(Create(NewPartner(
      NewUser("firm-of-bookkeepers", {"00800000000000000095", "00800000000000000096"}))));
  v1::OrganizationSpec& known = *request.add_organizations();
  known.set_organization_id("00800000000000000095");
  known.set_user_id("00600000000000000001");
  v1::OrganizationSpec& added = *request.add_organizations();
  added.set_organization_id("00800000000000000097");
  v1::AttachOrganizationsResponse response;
  EXPECT_THAT(Call(&CredentialStub::AttachOrganizations, request, &response),
              HasReason(Reason::kMalformedRequest))
      << "a new one needs a user";
  request.mutable_organizations(1)->set_user_id("006 00000000000000002");
  EXPECT_THAT(Call(&CredentialStub::AttachOrganizations, request, &response),
              HasReason(Reason::kMalformedRequest));
  request.mutable_organizations(1)->set_user_id("00600000000000000002");
  EXPECT_THAT(Call(&CredentialStub::AttachOrganizations, request, &response), IsOk());
  EXPECT_EQ(response.credential().organizations(0).user_id(), "00600000000000000001");
  EXPECT_EQ(response.credential().organizations(1).user_id(), "user-of-00800000000000000096");
  EXPECT_EQ(response.credential().organizations(2).user_id(), "00600000000000000002");
}

// A change that makes one field of a valid CreateCredentialRequest malformed.
struct FieldRow {
  using Request = v1::CreateCredentialRequest;
  std::string field;
  void (*change)(Request& request);
};
void PrintTo(const FieldRow& row, std::ostream* out) { *out << row.field; }

class MalformedFieldTest : public CredentialServiceTest,
                           public ::testing::WithParamInterface<FieldRow> {};

TEST_P(MalformedFieldTest, CreateNamesTheField) {
  v1::CreateCredentialRequest request = NewUser(kAcme, {kFirstOrganization});
  GetParam().change(request);
  v1::CreateCredentialResponse response;
  EXPECT_THAT(Call(&CredentialStub::CreateCredential, request, &response),
              AllOf(HasReason(Reason::kMalformedRequest), HasMetadata("field", GetParam().field)));
  EXPECT_EQ(broker_.vault.writes(), 0);
}

const FieldRow kFieldRows[] = {
    {"credential", [](FieldRow::Request& r) { r.clear_credential(); }},
    {"credential", [](FieldRow::Request& r) { r.set_credential("-acme"); }},
    {"environment", [](FieldRow::Request& r) { r.clear_environment(); }},
    {"environment", [](FieldRow::Request& r) { r.set_environment("moon"); }},
    {"kind", [](FieldRow::Request& r) { r.clear_kind(); }},
    {"kind", [](FieldRow::Request& r) { r.set_kind(static_cast<v1::CredentialKind>(9)); }},
    {"username", [](FieldRow::Request& r) { r.clear_username(); }},
    {"username", [](FieldRow::Request& r) { r.set_username("a\nb"); }},
    {"dev_key", [](FieldRow::Request& r) { r.set_dev_key("a b"); }},
    {"organizations[0].dev_key", [](FieldRow::Request& r) { r.clear_dev_key(); }},
    {"password", [](FieldRow::Request& r) { r.clear_password(); }},
    {"password", [](FieldRow::Request& r) { r.set_password("s3cret-\x1B[2J-password"); }},
    {"password",
     [](FieldRow::Request& r) { r.set_password(std::string("s3cret-\0-password", 17)); }},
    {"username", [](FieldRow::Request& r) { r.set_username("payables-\u009B@acme.example"); }},
    {"device",
     [](FieldRow::Request& r) {
       r.set_remember_me_id("s3cret-remember-me");
       r.set_device("device-of-acme-\u009B");
     }},
    {"password", [](FieldRow::Request& r) { r.set_password(std::string(1025, 'x')); }},
    {"console_api_token", [](FieldRow::Request& r) { r.set_console_api_token("x"); }},
    {"app_key", [](FieldRow::Request& r) { r.set_app_key("x"); }},
    {"app_key", [](FieldRow::Request& r) { r.set_kind(v1::CREDENTIAL_KIND_PARTNER); }},
    {"organizations[0].user_id",
     [](FieldRow::Request& r) { r.mutable_organizations(0)->set_user_id("6"); }},
    {"organizations[0].user_id",
     [](FieldRow::Request& r) { r.mutable_organizations(0)->set_user_id("a\nb"); }},
    {"organizations[0].clear_dev_key",
     [](FieldRow::Request& r) { r.mutable_organizations(0)->set_clear_dev_key(true); }},
    {"device", [](FieldRow::Request& r) { r.set_device("x"); }},
    {"organizations[1].organization_id",
     [](FieldRow::Request& r) { r.add_organizations()->set_organization_id("?"); }},
    {"organizations[1].organization_id",
     [](FieldRow::Request& r) { r.add_organizations()->set_organization_id(kFirstOrganization); }},
    {"organizations",
     [](FieldRow::Request& r) {
       for (int i = 0; i < 10'000; ++i) {
         r.add_organizations()->set_organization_id(absl::StrCat("1", i));
       }
     }},
};

INSTANTIATE_TEST_SUITE_P(Rows, MalformedFieldTest, ::testing::ValuesIn(kFieldRows));

TEST_F(CredentialServiceTest, ChecksFormatBeforeAnythingElse) {
  callers_.SetPolicy({});
  v1::CreateCredentialRequest create = NewUser(kAcme, {});
  create.set_credential(std::string(3 << 20, 'x'));
  v1::CreateCredentialResponse created;
  const absl::Status too_long = Call(&CredentialStub::CreateCredential, create, &created);
  EXPECT_EQ(FieldOf(too_long), "credential");
  EXPECT_LT(too_long.message().size(), 200U) << "the name goes nowhere";
  v1::ListCredentialsRequest list;
  v1::ListCredentialsResponse listed;
  list.set_page_size(-1);
  EXPECT_EQ(FieldOf(Call(&CredentialStub::ListCredentials, list, &listed)), "page_size");
  list.clear_page_size();
  list.set_page_token("nonsense");
  EXPECT_EQ(FieldOf(Call(&CredentialStub::ListCredentials, list, &listed)), "page_token");
  for (const AuditEntry& entry : audit_.Take()) {
    EXPECT_EQ(entry.reason, "MALFORMED_REQUEST");
    EXPECT_EQ(entry.credential, "") << "the name goes nowhere";
  }
}

// The name is longer than the small-string buffer: the permission check that runs after the change
// must not read the draft that the change has moved away. AddressSanitizer shows it.
TEST_F(CredentialServiceTest, CreateRejectsTakenLongName) {
  const std::string taken = "acme-payables-of-the-west-coast";
  ASSERT_GE(taken.size(), 30U);
  Create(NewUser(taken, {"00802ABCDEFGHIJKLM"}));
  v1::CreateCredentialResponse response;
  const absl::Status status =
      Call(&CredentialStub::CreateCredential, NewUser(taken, {"00802ABCDEFGHIJKLN"}), &response);
  EXPECT_THAT(status,
              AllOf(HasReason(Reason::kCredentialExists), HasMetadata("credential", taken)));
}

// As above: the names do not fit into a small-string buffer, and the permission check after the
// failed change must not read the moved organizations.
TEST_F(CredentialServiceTest, AttachRejectsStaleVersionOfLongName) {
  const v1::Credential created =
      Create(NewUser("acme-payables-of-the-west-coast", {"00802ABCDEFGHIJKLM"}));
  v1::AttachOrganizationsRequest request;
  request.set_credential(created.name());
  request.set_uid(created.uid());
  request.set_version(created.version() + 1);
  request.add_organizations()->set_organization_id("00802-PAYABLES-OF-THE-NORTH-COAST");
  request.add_organizations()->set_organization_id("00802-PAYABLES-OF-THE-SOUTH-COAST");
  v1::AttachOrganizationsResponse response;
  EXPECT_THAT(Call(&CredentialStub::AttachOrganizations, request, &response),
              HasReason(Reason::kVersionConflict));
  EXPECT_THAT(OrganizationIdsOf(*Get(created.name())), ElementsAre("00802ABCDEFGHIJKLM"));
}

TEST_F(CredentialServiceTest, RejectsTakenNameOrUser) {
  Create(NewUser(kAcme, {kFirstOrganization}));
  v1::CreateCredentialRequest request = NewUser("acme-accounts-receivable", {kFirstOrganization});
  request.set_username(absl::StrCat(kAcme, "@acme.example"));
  v1::CreateCredentialResponse response;
  const absl::Status status = Call(&CredentialStub::CreateCredential, request, &response);
  EXPECT_THAT(status, HasReason(Reason::kCredentialExists));
  EXPECT_EQ(DetailsOf(status)->metadata["credential"], kAcme);
  EXPECT_THAT(FromGrpcStatus(last_), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(CredentialServiceTest, ListsCredentialsByNameInPages) {
  for (const char* name : {"credential-number-3", "credential-number-1", "credential-number-2"})
    Create(NewUser(name, {kFirstOrganization}));
  v1::ListCredentialsRequest request;
  request.set_page_size(2);
  v1::ListCredentialsResponse first;
  ASSERT_THAT(Call(&CredentialStub::ListCredentials, request, &first), IsOk());
  ASSERT_EQ(first.credentials_size(), 2);
  EXPECT_EQ(first.credentials(0).name(), "credential-number-1");
  EXPECT_EQ(first.credentials(0).organization_count(), 1);
  EXPECT_EQ(first.credentials(0).organizations_size(), 0);
  request.set_page_token(first.next_page_token());
  v1::ListCredentialsResponse second;
  ASSERT_THAT(Call(&CredentialStub::ListCredentials, request, &second), IsOk());
  ASSERT_EQ(second.credentials_size(), 1);
  EXPECT_EQ(second.credentials(0).name(), "credential-number-3");
  EXPECT_EQ(second.next_page_token(), "");
  request.set_page_token("nonsense");
  EXPECT_EQ(FieldOf(Call(&CredentialStub::ListCredentials, request, &second)), "page_token");
  request.set_page_size(-1);
  EXPECT_EQ(FieldOf(Call(&CredentialStub::ListCredentials, request, &second)), "page_size");
}

TEST_F(CredentialServiceTest, OnlyWritesNeedTheKeyring) {
  Create(NewUser(kAcme, {kFirstOrganization}));
  broker_.vault.set_state(VaultState::kLocked);
  broker_.vault_health.Set(VaultError(VaultState::kLocked));
  EXPECT_THAT(Get(kAcme), IsOk());
  v1::CreateCredentialResponse response;
  EXPECT_THAT(Call(&CredentialStub::CreateCredential,
                   NewUser("acme-accounts-receivable", {kFirstOrganization}), &response),
              HasReason(Reason::kVaultLocked));
  EXPECT_THAT(FromGrpcStatus(last_), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(CredentialServiceTest, AttachAndDetachChangeOrganizations) {
  const v1::Credential created = Create(NewUser(kAcme, {kFirstOrganization}));
  auto attach = Naming<v1::AttachOrganizationsRequest>(created);
  attach.add_organizations()->set_organization_id("00800000000000000080");
  v1::AttachOrganizationsResponse attached;
  ASSERT_THAT(Call(&CredentialStub::AttachOrganizations, attach, &attached), IsOk());
  EXPECT_THAT(OrganizationIdsOf(attached.credential()),
              ElementsAre("00800000000000000080", kFirstOrganization));
  EXPECT_EQ(attached.credential().version(), 2U);

  auto detach = Naming<v1::DetachOrganizationsRequest>(created);
  detach.add_organization_ids(kFirstOrganization);
  v1::DetachOrganizationsResponse detached;
  EXPECT_THAT(Call(&CredentialStub::DetachOrganizations, detach, &detached),
              HasReason(Reason::kVersionConflict));
  detach.set_version(2);
  ASSERT_THAT(Call(&CredentialStub::DetachOrganizations, detach, &detached), IsOk());
  EXPECT_THAT(OrganizationIdsOf(detached.credential()), ElementsAre("00800000000000000080"));
}

TEST_F(CredentialServiceTest, RejectsMalformedChanges) {
  const v1::Credential created = Create(NewUser(kAcme, {kFirstOrganization}));
  v1::AttachOrganizationsResponse attached;
  auto attach = Naming<v1::AttachOrganizationsRequest>(created);
  EXPECT_EQ(FieldOf(Call(&CredentialStub::AttachOrganizations, attach, &attached)),
            "organizations");
  attach.add_organizations()->set_organization_id(kThirdOrganization);
  attach.add_organizations()->set_organization_id(kThirdOrganization);
  EXPECT_EQ(FieldOf(Call(&CredentialStub::AttachOrganizations, attach, &attached)),
            "organizations[1].organization_id");

  v1::DetachOrganizationsResponse detached;
  auto detach = Naming<v1::DetachOrganizationsRequest>(created);
  EXPECT_EQ(FieldOf(Call(&CredentialStub::DetachOrganizations, detach, &detached)),
            "organization_ids");
  detach.add_organization_ids(kFirstOrganization);
  detach.add_organization_ids(kFirstOrganization);
  EXPECT_EQ(FieldOf(Call(&CredentialStub::DetachOrganizations, detach, &detached)),
            "organization_ids[1]");

  v1::DeleteCredentialResponse deleted;
  auto remove = Naming<v1::DeleteCredentialRequest>(created);
  remove.set_version(0);
  EXPECT_EQ(FieldOf(Call(&CredentialStub::DeleteCredential, remove, &deleted)), "version");
  remove.set_uid("short");
  EXPECT_EQ(FieldOf(Call(&CredentialStub::DeleteCredential, remove, &deleted)), "uid");
  remove.set_credential("");
  EXPECT_EQ(FieldOf(Call(&CredentialStub::DeleteCredential, remove, &deleted)), "credential");
  EXPECT_EQ(FieldOf(Get("?").status()), "credential");
}

TEST_F(CredentialServiceTest, DeleteWithLiveSessionsNeedsForce) {
  const v1::Credential created = Create(NewUser(kAcme, {kFirstOrganization}));
  ASSERT_THAT(GetSession(kFirstOrganization), IsOk());
  auto request = Naming<v1::DeleteCredentialRequest>(created);
  v1::DeleteCredentialResponse response;
  EXPECT_THAT(Call(&CredentialStub::DeleteCredential, request, &response),
              HasReason(Reason::kSessionsLive));
  request.set_force(true);
  ASSERT_THAT(Call(&CredentialStub::DeleteCredential, request, &response), IsOk());
  EXPECT_FALSE(broker_.bill.IsLive(FakeBill::SessionId(1)));
  EXPECT_THAT(Get(kAcme), HasReason(Reason::kUnknownCredential));
}

TEST_F(CredentialServiceTest, RejectsEveryCallWhileDraining) {
  const v1::Credential created = Create(NewUser(kAcme, {kFirstOrganization}));
  state_.StartDraining();
  EXPECT_THAT(Get(kAcme), HasReason(Reason::kDraining));
  v1::CreateCredentialResponse response;
  EXPECT_THAT(
      Call(&CredentialStub::CreateCredential, NewUser("acme-accounts-receivable", {}), &response),
      HasReason(Reason::kDraining));
  v1::DeleteCredentialResponse deleted;
  EXPECT_THAT(Call(&CredentialStub::DeleteCredential, Naming<v1::DeleteCredentialRequest>(created),
                   &deleted),
              HasReason(Reason::kDraining));
}

TEST_F(CredentialServiceTest, DiscoverListsAndMarksAttachedOrganizations) {
  Create(NewUser(kAcme, {kFirstOrganization}));
  broker_.bill.SetOrganizationPage(
      "", {{{kFirstOrganization, "First"}, {kSecondOrganization, "Second"}}, ""});
  v1::DiscoverOrganizationsRequest request;
  request.set_credential(kAcme);
  v1::DiscoverOrganizationsResponse response;
  ASSERT_THAT(Call(&CredentialStub::DiscoverOrganizations, request, &response), IsOk());
  ASSERT_EQ(response.organizations_size(), 2);
  EXPECT_EQ(response.organizations(0).organization_id(), kFirstOrganization);
  EXPECT_EQ(response.organizations(0).display_name(), "First");
  EXPECT_TRUE(response.organizations(0).attached());
  EXPECT_EQ(response.organizations(1).organization_id(), kSecondOrganization);
  EXPECT_FALSE(response.organizations(1).attached());
  EXPECT_EQ(Get(kAcme)->version(), 1U) << "nothing is changed";
}

TEST_F(CredentialServiceTest, DiscoverNamesMalformedField) {
  v1::DiscoverOrganizationsRequest request;
  v1::DiscoverOrganizationsResponse response;
  EXPECT_EQ(FieldOf(Call(&CredentialStub::DiscoverOrganizations, request, &response)),
            "credential");
  request.set_credential(kAcme);
  request.set_organization_id("00 81");
  EXPECT_EQ(FieldOf(Call(&CredentialStub::DiscoverOrganizations, request, &response)),
            "organization_id");
  request.clear_organization_id();
  EXPECT_THAT(Call(&CredentialStub::DiscoverOrganizations, request, &response),
              HasReason(Reason::kUnknownCredential));
  state_.StartDraining();
  EXPECT_THAT(Call(&CredentialStub::DiscoverOrganizations, request, &response),
              HasReason(Reason::kDraining));
}

}  // namespace
}  // namespace billbroker

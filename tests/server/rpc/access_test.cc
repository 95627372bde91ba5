// Every RPC in every role, with and without a grant, for existing and missing names.

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/server/rpc/rpc_catalog.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/server/rpc/watch_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using AccessTest = RpcCatalogTest;

// Returns "OK", or code and reason, such as "NOT_FOUND UNKNOWN_ORGANIZATION".
std::string Outcome(const absl::Status& status) {
  std::string outcome = absl::StatusCodeToString(status.code());
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (details.has_value()) absl::StrAppend(&outcome, " ", ReasonName(details->reason));
  return outcome;
}

TEST_F(AccessTest, CatalogHasEveryRpc) {
  std::set<std::string> rows;
  for (const Row& row : Rows()) rows.insert(row.rpc);
  std::set<std::string> rpcs;
  for (const auto& entry : std::filesystem::directory_iterator(PROTO_FOLDER "/billbroker/v1")) {
    const auto* const file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
        "billbroker/v1/" + entry.path().filename().string());
    ASSERT_NE(file, nullptr) << entry.path();
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        rpcs.insert(file->service(i)->method(j)->name());
      }
    }
  }
  EXPECT_EQ(rows, rpcs);
}

// A role, and whether the grant covers organizations and credentials.
using GrantParam = std::tuple<Role, bool, bool>;

// Every RPC with one grant, for granted, other, existing and missing names.
class EveryGrantTest : public RpcCatalogTest, public ::testing::WithParamInterface<GrantParam> {
 protected:
  EveryGrantTest() { Grant(role_, shape_); }

  [[nodiscard]] bool Covers(const Row& row, bool exists) const {
    switch (row.scope) {
      case Scope::kAnything:
        return true;
      case Scope::kPair:
        return shape_.organizations || exists;  // a grant of a credential covers its organizations
      case Scope::kCredentialOfOrganization:
        return shape_.credentials && exists;
      case Scope::kCredential:
        return shape_.credentials;
      case Scope::kAttachment:
        return shape_.credentials && shape_.organizations;
      case Scope::kEverything:
        return false;  // the grants are narrower
    }
    return false;
  }

  const Role role_ = std::get<0>(GetParam());
  const Shape shape_ = {std::get<1>(GetParam()), std::get<2>(GetParam())};
  const std::string kRefused = "PERMISSION_DENIED NOT_GRANTED";
};

TEST_P(EveryGrantTest, GrantCoversItsNamesOnly) {
  for (const Row& row : Rows()) {
    for (const bool exists : {true, false}) {
      const std::string name = exists ? "granted-name-here" : "granted-name-gone";
      const bool allowed = role_ >= row.least && Covers(row, exists);
      const std::string when_allowed = exists ? row.here : row.gone;
      EXPECT_EQ(Outcome(row.ask({name, name})), allowed ? when_allowed : kRefused)
          << row.rpc << " of " << name;
    }
  }
}

TEST_P(EveryGrantTest, RejectionDoesNotRevealExistence) {
  for (const Row& row : Rows()) {
    const absl::Status here = row.ask({"another-name-here", "another-name-here"});
    const absl::Status gone = row.ask({"another-name-gone", "another-name-gone"});
    const bool allowed = role_ >= row.least && row.scope == Scope::kAnything;
    EXPECT_EQ(Outcome(here), allowed ? row.here : kRefused) << row.rpc;
    EXPECT_EQ(Outcome(here), Outcome(gone)) << row.rpc;
    EXPECT_EQ(absl::StrReplaceAll(here.message(), {{"-here", "-gone"}}), gone.message());
    if (allowed) continue;
    auto facts = DetailsOf(here)->metadata;
    for (auto& [key, value] : facts) value = absl::StrReplaceAll(value, {{"-here", "-gone"}});
    EXPECT_EQ(facts, DetailsOf(gone)->metadata) << row.rpc;
    EXPECT_EQ(DetailsOf(here)->retry_after, DetailsOf(gone)->retry_after);
  }
}

constexpr Role kRoles[] = {Role::kReader, Role::kCaller, Role::kOperator, Role::kAdmin};

std::string GrantParamName(const ::testing::TestParamInfo<GrantParam>& info) {
  const auto& [role, organizations, credentials] = info.param;
  return absl::StrCat(RoleName(role), organizations ? "_organizations" : "",
                      credentials ? "_credentials" : "");
}

INSTANTIATE_TEST_SUITE_P(OfOrganizations, EveryGrantTest,
                         ::testing::Combine(::testing::ValuesIn(kRoles), ::testing::Values(true),
                                            ::testing::Bool()),
                         GrantParamName);
INSTANTIATE_TEST_SUITE_P(OfCredentialsAlone, EveryGrantTest,
                         ::testing::Combine(::testing::ValuesIn(kRoles), ::testing::Values(false),
                                            ::testing::Values(true)),
                         GrantParamName);

TEST_F(AccessTest, RejectsUnknownCallers) {
  identity_.Bind(nullptr);
  for (const Row& row : Rows()) {
    const absl::Status status = row.ask({"granted-name-here", "granted-name-here"});
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated)) << row.rpc;
    EXPECT_THAT(status, HasReason(Reason::kCallerUnknown)) << row.rpc << ": " << status;
  }
}

TEST_F(AccessTest, ChecksFormatBeforePermission) {
  callers_.SetPolicy({});
  EXPECT_EQ(FieldOf(GetSession("not an id").status()), "organization_id");
}

TEST_F(AccessTest, MalformedRequestsCountTowardsTheLimit) {
  Policy policy = EverythingGranted();
  policy.limits.calls_per_second = 1e-6;
  policy.limits.burst = 2;
  callers_.SetPolicy(policy);
  EXPECT_EQ(FieldOf(GetSession("not an id").status()), "organization_id");
  const v1::CreateCredentialRequest create = NewUser("not a name", {});
  EXPECT_EQ(FieldOf(Ask(*credentials_, &v1::CredentialService::Stub::CreateCredential, create)),
            "credential");
  EXPECT_THAT(GetSession("not an id"), HasReason(Reason::kCallerLimit));
}

TEST_F(AccessTest, SelectsTheOnlyGrantedCredential) {
  callers_.SetPolicy(EverythingGranted());
  Create(NewUser("granted-name-too", {"another-name-here"}));
  EXPECT_THAT(GetSession("another-name-here"), HasReason(Reason::kAmbiguousCredential));
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kReader, {}, {"granted-*"}}};
  callers_.SetPolicy(policy);
  const absl::StatusOr<v1::Session> session = GetSession("another-name-here");
  ASSERT_THAT(session, IsOk());
  EXPECT_EQ(session->credential(), "granted-name-too");
}

TEST_F(AccessTest, OrganizationGrantHidesCredentials) {
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kReader, {"granted-name-here"}, {}}};
  callers_.SetPolicy(policy);
  v1::GetSessionRequest request;
  request.set_organization_id("granted-name-here");
  request.set_credential("granted-name-here");
  EXPECT_THAT(GetSession(request), IsOk()) << "the credential serves a granted organization";
  request.set_credential("another-name-here");
  const absl::Status elsewhere = GetSession(request).status();
  request.set_credential("another-name-gone");
  const absl::Status nowhere = GetSession(request).status();
  EXPECT_THAT(elsewhere, HasReason(Reason::kUnknownCredential));
  EXPECT_EQ(absl::StrReplaceAll(elsewhere.message(), {{"-here\" serves", "-gone\" serves"}}),
            nowhere.message());
}

TEST_F(AccessTest, ForceNeedsGrantOfTheCredential) {
  v1::LoginRequest request;
  request.set_organization_id("granted-name-here");
  request.set_force(true);
  v1::LoginResponse response;
  const auto login = [&](const ::billbroker::Grant& grant) {
    Policy policy = EverythingGranted();
    policy.grants = {grant};
    callers_.SetPolicy(policy);
    return Call(*sessions_, &v1::SessionService::Stub::Login, request, &response);
  };
  EXPECT_THAT(login({{kPrincipal}, Role::kAdmin, {"granted-name-here"}, {}}),
              HasReason(Reason::kNotGranted));
  EXPECT_THAT(login({{kPrincipal}, Role::kCaller, {}, {"granted-name-here"}}),
              HasReason(Reason::kNotGranted));
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
  EXPECT_THAT(login({{kPrincipal}, Role::kOperator, {}, {"granted-name-here"}}), IsOk());
  EXPECT_EQ(response.session().credential(), "granted-name-here");
  EXPECT_THAT(login({{kPrincipal}, Role::kOperator, {"*"}, {}}), IsOk());
  request.set_organization_id("granted-name-gone");
  EXPECT_THAT(login({{kPrincipal}, Role::kOperator, {"*"}, {}}),
              HasReason(Reason::kUnknownOrganization));
}

TEST_F(AccessTest, ListsHoldOnlyGrantedEntries) {
  callers_.SetPolicy(EverythingGranted());
  ASSERT_THAT(GetSession("granted-name-here"), IsOk());
  ASSERT_THAT(GetSession("another-name-here"), IsOk());
  Grant(Role::kOperator);
  v1::ListSessionsResponse sessions;
  ASSERT_THAT(Call(*sessions_, &v1::SessionService::Stub::ListSessions, v1::ListSessionsRequest(),
                   &sessions),
              IsOk());
  ASSERT_EQ(sessions.sessions_size(), 1);
  EXPECT_EQ(sessions.sessions(0).organization_id(), "granted-name-here");
  v1::ListCredentialsResponse credentials;
  ASSERT_THAT(Call(*credentials_, &v1::CredentialService::Stub::ListCredentials,
                   v1::ListCredentialsRequest(), &credentials),
              IsOk());
  ASSERT_EQ(credentials.credentials_size(), 1);
  EXPECT_EQ(credentials.credentials(0).name(), "granted-name-here");
}

TEST_F(AccessTest, AdminAttachesOnlyGrantedOrganizations) {
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kAdmin, {"granted-*"}, {"granted-name-here"}}};
  callers_.SetPolicy(policy);
  auto request = OfVersion<v1::AttachOrganizationsRequest>({"", "granted-name-here"});
  request.add_organizations()->set_organization_id("granted-name-new");
  request.add_organizations()->set_organization_id("another-name-here");
  const absl::Status status =
      Ask(*credentials_, &v1::CredentialService::Stub::AttachOrganizations, request);
  EXPECT_THAT(status, HasReason(Reason::kNotGranted));
  EXPECT_THAT(status, HasMetadata("organization_id", "another-name-here"));
}

TEST_F(AccessTest, TakenBillUserHidesOtherCredentials) {
  const auto create = [this](const std::string& username) {
    v1::CreateCredentialRequest request = NewUser("granted-name-new", {"granted-name-new"});
    request.set_username(username);
    return Ask(*credentials_, &v1::CredentialService::Stub::CreateCredential, request);
  };
  Grant(Role::kAdmin);
  const absl::Status mine = create("granted-name-here@acme.example");
  EXPECT_THAT(mine, HasReason(Reason::kCredentialExists));
  EXPECT_THAT(mine, HasMetadata("credential", "granted-name-here"));
  const absl::Status another = create("another-name-here@acme.example");
  EXPECT_THAT(another, HasReason(Reason::kCredentialExists));
  EXPECT_THAT(another.ToString(), Not(HasSubstr("another-name-here")));
}

TEST_F(AccessTest, WatchesHaveALimitOfTheirOwn) {
  Policy policy = EverythingGranted();
  policy.limits.calls_in_flight = 1;
  policy.limits.watches = 1;
  callers_.SetPolicy(policy);
  v1::WatchSessionsRequest watch;
  watch.add_organizations()->set_organization_id("granted-name-here");
  {
    // gRPC releases a call and a stream some time after its end was reported.
    std::unique_ptr<WatchReader> stream;
    Await(
        [&] {
          stream = std::make_unique<WatchReader>(*sessions_, watch);
          return stream->Next().has_update();
        },
        "a stream within the limit");
    const absl::Status refused = WatchReader(*sessions_, watch).End();
    EXPECT_THAT(refused, HasReason(Reason::kCallerLimit));
    EXPECT_THAT(refused, HasRetryAfter(::testing::Ge(absl::ZeroDuration())));
    EXPECT_THAT(GetSession("granted-name-here"), IsOk()) << "a watch leaves room for calls";
  }
  Await([&] { return WatchReader(*sessions_, watch).Next().has_update(); },
        "gRPC to release the stream");
}

TEST_F(AccessTest, HundredOrganizationsCountAsOneCall) {
  Policy policy = EverythingGranted();
  policy.limits.calls_in_flight = 2;
  policy.limits.watched_organizations = 200;
  callers_.SetPolicy(policy);
  v1::BatchGetSessionsRequest batch;
  v1::WatchSessionsRequest watch;
  for (int i = 0; i < 200; ++i) {
    batch.add_requests()->set_organization_id(absl::StrCat("granted-organization-", i));
    watch.add_organizations()->set_organization_id(absl::StrCat("granted-organization-", i));
  }
  using Stub = v1::SessionService::Stub;
  // gRPC releases a call some time after its answer.
  Await([&] { return Ask(*sessions_, &Stub::BatchGetSessions, batch).ok(); }, "a batch of 200");
  Await([&] { return WatchReader(*sessions_, watch).Next().has_update(); }, "a watch of 200");
  batch.add_requests()->set_organization_id("granted-name-here");
  watch.add_organizations()->set_organization_id("granted-name-here");
  const absl::Status refused = Ask(*sessions_, &Stub::BatchGetSessions, batch);
  EXPECT_THAT(refused, HasReason(Reason::kCallerLimit));
  EXPECT_THAT(WatchReader(*sessions_, watch).End(), HasReason(Reason::kCallerLimit));
}

TEST_F(AccessTest, StreamFollowsChangesOfTheGrant) {
  callers_.SetPolicy(EverythingGranted());
  ASSERT_THAT(GetSession("granted-name-here"), IsOk());
  v1::WatchSessionsRequest request;
  request.set_keep_warm(true);
  request.add_organizations()->set_organization_id("granted-name-here");
  WatchReader stream(*sessions_, request);
  EXPECT_TRUE(stream.NextUpdate().has_session());
  EXPECT_TRUE(stream.Next().has_complete());

  callers_.SetPolicy({});
  hub_.EverythingChanged();
  EXPECT_THAT(stream.NextError(), HasReason(Reason::kNotGranted));

  callers_.SetPolicy(EverythingGranted());
  hub_.EverythingChanged();
  EXPECT_TRUE(stream.NextUpdate().has_session());
}

TEST_F(AccessTest, StreamFollowsChangesOfThePrincipal) {
  callers_.SetPolicy(EverythingGranted());
  ASSERT_THAT(GetSession("granted-name-here"), IsOk());
  v1::WatchSessionsRequest request;
  request.add_organizations()->set_organization_id("granted-name-here");
  WatchReader stream(*sessions_, request);
  EXPECT_TRUE(stream.NextUpdate().has_session());
  EXPECT_TRUE(stream.Next().has_complete());

  identity_.Bind(callers_.Of("unix:another"));  // the grants of the first principal stay
  hub_.EverythingChanged();
  EXPECT_THAT(stream.NextError(), HasReason(Reason::kNotGranted));
  identity_.Bind(nullptr);
  hub_.EverythingChanged();
  EXPECT_THAT(stream.NextError(), HasReason(Reason::kCallerUnknown));
}

TEST_F(AccessTest, WarmWatchUsesTheGrantedCredential) {
  callers_.SetPolicy(EverythingGranted());
  Create(NewUser("granted-name-too", {"another-name-here"}));
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kReader, {}, {"granted-*"}}};
  callers_.SetPolicy(policy);
  v1::WatchSessionsRequest request;
  request.set_keep_warm(true);
  request.add_organizations()->set_organization_id("another-name-here");
  WatchReader stream(*sessions_, request);
  stream.PresentState(1);
  executor_.RunLater();  // the session manager's maintenance
  EXPECT_EQ(stream.NextUpdate().session().credential(), "granted-name-too");
  for (const SlotInfo& pair : broker_.sessions.List())
    EXPECT_EQ(pair.credential, "granted-name-too");
}

TEST_F(AccessTest, UnreadKeyringHidesOrganizations) {
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kReader, {}, {"granted-*"}}};
  callers_.SetPolicy(policy);
  VaultHealth health;
  const CredentialIndex unread(health);
  health.Set(VaultError(VaultState::kLocked));
  const Authorizer authorizer(state_, unread, broker_.clock, recorder_);
  const CallerPtr caller = callers_.Of(kPrincipal);
  v1::GetSessionRequest request;
  request.set_organization_id("granted-name-here");
  const PermissionRequest permission = PermissionFor(request);
  const std::unique_ptr<grpc::ContextAllocator> contexts = state_.MakeContexts(identity_);
  grpc::CallbackServerContext* const context = contexts->NewCallbackServerContext();
  EXPECT_THAT(authorizer.Resolve(*context, *caller, permission), HasReason(Reason::kVaultLocked));
  callers_.SetPolicy({});
  EXPECT_THAT(authorizer.Resolve(*context, *caller, permission), HasReason(Reason::kNotGranted));
  contexts->Release(context);
}

TEST_F(AccessTest, ChangesHoldThePrincipal) {
  callers_.SetPolicy(EverythingGranted());
  const v1::Credential made = Create(NewUser("ledger", {}));
  v1::AttachOrganizationsRequest request;
  request.set_credential("ledger");
  request.set_uid(made.uid());
  request.set_version(made.version());
  request.add_organizations()->set_organization_id("00800000000000000089");
  v1::AttachOrganizationsResponse response;
  ASSERT_THAT(
      Call(*credentials_, &v1::CredentialService::Stub::AttachOrganizations, request, &response),
      IsOk());
  EXPECT_EQ(response.credential().history(0).principal(), kPrincipal);
}

}  // namespace
}  // namespace billbroker

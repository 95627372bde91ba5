// Every RPC in every role, with and without a grant, for existing and missing names.

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
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

constexpr Role kRoles[] = {Role::kReader, Role::kCaller, Role::kOperator, Role::kAdmin};

// Each row in each role and with each shape of a grant, for granted, other, existing and missing
// names.
class EveryGrantTest : public RpcCatalogTest {
 protected:
  static constexpr Shape kShapes[] = {{true, true}, {true, false}, {false, true}};

  static bool Covers(const Row& row, const Shape& shape, bool exists) {
    switch (row.scope) {
      case Scope::kAnything:
        return true;
      case Scope::kPair:
        return shape.organizations || exists;  // a grant of a credential covers its organizations
      case Scope::kCredential:
        return shape.credentials;
      case Scope::kAttachment:
        return shape.credentials && shape.organizations;
    }
    return false;
  }

  static std::string Case(const Row& row, Role role, const Shape& shape) {
    return absl::StrCat(row.rpc, " as ", RoleName(role),
                        shape.organizations ? ", organizations" : "",
                        shape.credentials ? ", credentials" : "");
  }

  void ExpectForGranted(const Row& row, Role role, const Shape& shape) {
    for (const bool exists : {true, false}) {
      const std::string name = exists ? "granted-here" : "granted-gone";
      const bool allowed = role >= row.least && Covers(row, shape, exists);
      const std::string when_allowed = exists ? row.here : row.gone;
      EXPECT_EQ(Outcome(row.ask({name, name})), allowed ? when_allowed : kRefused)
          << Case(row, role, shape) << " of " << name;
    }
  }

  // Expects a refusal whose text does not depend on whether the name exists.
  void ExpectForOthers(const Row& row, Role role, const Shape& shape) {
    const absl::Status here = row.ask({"another-here", "another-here"});
    const absl::Status gone = row.ask({"another-gone", "another-gone"});
    const bool allowed = role >= row.least && row.scope == Scope::kAnything;
    EXPECT_EQ(Outcome(here), allowed ? row.here : kRefused) << Case(row, role, shape);
    EXPECT_EQ(Outcome(here), Outcome(gone)) << Case(row, role, shape);
    EXPECT_EQ(absl::StrReplaceAll(here.message(), {{"-here", "-gone"}}), gone.message());
    if (allowed) return;
    auto facts = DetailsOf(here)->metadata;
    for (auto& [key, value] : facts) value = absl::StrReplaceAll(value, {{"-here", "-gone"}});
    EXPECT_EQ(facts, DetailsOf(gone)->metadata) << Case(row, role, shape);
    EXPECT_EQ(DetailsOf(here)->retry_after, DetailsOf(gone)->retry_after);
  }

  const std::string kRefused = "PERMISSION_DENIED NOT_GRANTED";
};

TEST_F(EveryGrantTest, RejectionDoesNotRevealExistence) {
  for (const Role role : kRoles) {
    for (const Shape& shape : kShapes) {
      Grant(role, shape);
      for (const Row& row : Rows()) {
        ExpectForGranted(row, role, shape);
        ExpectForOthers(row, role, shape);
      }
    }
  }
}

TEST_F(AccessTest, RejectsUnknownCallers) {
  identity_.Bind(nullptr);
  for (const Row& row : Rows()) {
    const absl::Status status = row.ask({"granted-here", "granted-here"});
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated)) << row.rpc;
    EXPECT_THAT(status, HasReason(Reason::kCallerUnknown)) << row.rpc << ": " << status;
  }
}

TEST_F(AccessTest, ChecksFormatBeforePermission) {
  callers_.SetPolicy({});
  EXPECT_EQ(FieldOf(GetSession("not an id").status()), "organization_id");
}

TEST_F(AccessTest, SelectsTheOnlyGrantedCredential) {
  callers_.SetPolicy(EverythingGranted());
  Create(NewUser("granted-too", {"another-here"}));
  EXPECT_THAT(GetSession("another-here"), HasReason(Reason::kAmbiguousCredential));
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kReader, {}, {"granted-*"}}};
  callers_.SetPolicy(policy);
  const absl::StatusOr<v1::Session> session = GetSession("another-here");
  ASSERT_THAT(session, IsOk());
  EXPECT_EQ(session->credential(), "granted-too");
}

TEST_F(AccessTest, OrganizationGrantHidesCredentials) {
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kReader, {"granted-here"}, {}}};
  callers_.SetPolicy(policy);
  v1::GetSessionRequest request;
  request.set_organization_id("granted-here");
  request.set_credential("granted-here");
  EXPECT_THAT(GetSession(request), IsOk()) << "the credential serves a granted organization";
  request.set_credential("another-here");
  const absl::Status elsewhere = GetSession(request).status();
  request.set_credential("another-gone");
  const absl::Status nowhere = GetSession(request).status();
  EXPECT_THAT(elsewhere, HasReason(Reason::kUnknownCredential));
  EXPECT_EQ(absl::StrReplaceAll(elsewhere.message(), {{"-here\" serves", "-gone\" serves"}}),
            nowhere.message());
}

TEST_F(AccessTest, ListsHoldOnlyGrantedEntries) {
  callers_.SetPolicy(EverythingGranted());
  ASSERT_THAT(GetSession("granted-here"), IsOk());
  ASSERT_THAT(GetSession("another-here"), IsOk());
  Grant(Role::kOperator);
  v1::ListSessionsResponse sessions;
  ASSERT_THAT(Call(*sessions_, &v1::SessionService::Stub::ListSessions, v1::ListSessionsRequest(),
                   &sessions),
              IsOk());
  ASSERT_EQ(sessions.sessions_size(), 1);
  EXPECT_EQ(sessions.sessions(0).organization_id(), "granted-here");
  v1::ListCredentialsResponse credentials;
  ASSERT_THAT(Call(*credentials_, &v1::CredentialService::Stub::ListCredentials,
                   v1::ListCredentialsRequest(), &credentials),
              IsOk());
  ASSERT_EQ(credentials.credentials_size(), 1);
  EXPECT_EQ(credentials.credentials(0).name(), "granted-here");
}

TEST_F(AccessTest, AdminAttachesOnlyGrantedOrganizations) {
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kAdmin, {"granted-*"}, {"granted-here"}}};
  callers_.SetPolicy(policy);
  auto request = OfVersion<v1::AttachOrganizationsRequest>({"", "granted-here"});
  request.add_organizations()->set_organization_id("granted-new");
  request.add_organizations()->set_organization_id("another-here");
  const absl::Status status =
      Ask(*credentials_, &v1::CredentialService::Stub::AttachOrganizations, request);
  EXPECT_THAT(status, HasReason(Reason::kNotGranted));
  EXPECT_THAT(status, HasMetadata("organization_id", "another-here"));
}

TEST_F(AccessTest, TakenBillUserHidesOtherCredentials) {
  const auto create = [this](const std::string& username) {
    v1::CreateCredentialRequest request = NewUser("granted-new", {"granted-new"});
    request.set_username(username);
    return Ask(*credentials_, &v1::CredentialService::Stub::CreateCredential, request);
  };
  Grant(Role::kAdmin);
  const absl::Status mine = create("granted-here@acme.example");
  EXPECT_THAT(mine, HasReason(Reason::kCredentialExists));
  EXPECT_THAT(mine, HasMetadata("credential", "granted-here"));
  const absl::Status another = create("another-here@acme.example");
  EXPECT_THAT(another, HasReason(Reason::kCredentialExists));
  EXPECT_THAT(another.ToString(), Not(HasSubstr("another-here")));
}

TEST_F(AccessTest, RejectsCallsAboveTheLimit) {
  Policy policy = EverythingGranted();
  policy.limits.calls_in_flight = 1;
  callers_.SetPolicy(policy);
  v1::WatchSessionsRequest watch;
  watch.add_organizations()->set_organization_id("granted-here");
  {
    // gRPC releases a call and a stream some time after its end was reported.
    std::unique_ptr<WatchReader> stream;
    Await(
        [&] {
          stream = std::make_unique<WatchReader>(*sessions_, watch);
          return stream->Next().has_update();
        },
        "a stream within the limit");
    const absl::Status refused = GetSession("granted-here").status();
    EXPECT_THAT(refused, HasReason(Reason::kCallerLimit));
    EXPECT_THAT(refused, HasRetryAfter(::testing::Ge(absl::ZeroDuration())));
  }
  Await([this] { return GetSession("granted-here").ok(); }, "gRPC to release the stream");
}

TEST_F(AccessTest, HundredOrganizationsCountAsOneCall) {
  Policy policy = EverythingGranted();
  policy.limits.calls_in_flight = 2;
  callers_.SetPolicy(policy);
  v1::BatchGetSessionsRequest batch;
  v1::WatchSessionsRequest watch;
  for (int i = 0; i < 200; ++i) {
    batch.add_requests()->set_organization_id(absl::StrCat("granted-", i));
    watch.add_organizations()->set_organization_id(absl::StrCat("granted-", i));
  }
  using Stub = v1::SessionService::Stub;
  // gRPC releases a call some time after its answer.
  Await([&] { return Ask(*sessions_, &Stub::BatchGetSessions, batch).ok(); }, "a batch of 200");
  Await([&] { return WatchReader(*sessions_, watch).Next().has_update(); }, "a watch of 200");
  batch.add_requests()->set_organization_id("granted-here");
  watch.add_organizations()->set_organization_id("granted-here");
  const absl::Status refused = Ask(*sessions_, &Stub::BatchGetSessions, batch);
  EXPECT_THAT(refused, HasReason(Reason::kCallerLimit));
  EXPECT_THAT(WatchReader(*sessions_, watch).End(), HasReason(Reason::kCallerLimit));
}

TEST_F(AccessTest, StreamFollowsChangesOfTheGrant) {
  callers_.SetPolicy(EverythingGranted());
  ASSERT_THAT(GetSession("granted-here"), IsOk());
  v1::WatchSessionsRequest request;
  request.set_keep_warm(true);
  request.add_organizations()->set_organization_id("granted-here");
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
  ASSERT_THAT(GetSession("granted-here"), IsOk());
  v1::WatchSessionsRequest request;
  request.add_organizations()->set_organization_id("granted-here");
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
  Create(NewUser("granted-too", {"another-here"}));
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kReader, {}, {"granted-*"}}};
  callers_.SetPolicy(policy);
  v1::WatchSessionsRequest request;
  request.set_keep_warm(true);
  request.add_organizations()->set_organization_id("another-here");
  WatchReader stream(*sessions_, request);
  stream.PresentState(1);
  executor_.RunLater();  // the sessions's upkeep
  EXPECT_EQ(stream.NextUpdate().session().credential(), "granted-too");
  for (const SlotInfo& pair : broker_.sessions.List()) EXPECT_EQ(pair.credential, "granted-too");
}

TEST_F(AccessTest, UnreadKeyringHidesOrganizations) {
  Policy policy = EverythingGranted();
  policy.grants = {{{kPrincipal}, Role::kReader, {}, {"granted-*"}}};
  callers_.SetPolicy(policy);
  Directory unread;
  unread.set_vault_state(VaultState::kLocked);
  const Gate gate(state_, unread, broker_.clock, recorder_);
  const CallerPtr caller = callers_.Of(kPrincipal);
  v1::GetSessionRequest request;
  request.set_organization_id("granted-here");
  const Need need = NeedOf(request);
  const std::unique_ptr<grpc::ContextAllocator> contexts = state_.MakeContexts(identity_);
  grpc::CallbackServerContext* const context = contexts->NewCallbackServerContext();
  EXPECT_THAT(gate.Resolve(*context, *caller, need), HasReason(Reason::kVaultLocked));
  callers_.SetPolicy({});
  EXPECT_THAT(gate.Resolve(*context, *caller, need), HasReason(Reason::kNotGranted));
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

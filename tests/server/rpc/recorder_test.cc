// The entries of calls in the audit log.
#include "server/rpc/recorder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/server/rpc/rpc_catalog.h"
#include "tests/server/rpc/watch_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Target kRecordedOrganization{"granted-name-here", "granted-name-here"};

std::string Summary(const AuditEntry& entry) {
  return absl::StrCat(AuditEventName(entry.event), " ", AuditPhaseName(entry.phase), " ", entry.rpc,
                      entry.outcome.empty() ? "" : " ", entry.outcome);
}

std::vector<std::string> Summaries(const std::vector<AuditEntry>& entries) {
  std::vector<std::string> summaries;
  for (const AuditEntry& entry : entries) summaries.push_back(Summary(entry));
  return summaries;
}

// Returns all text of an entry.
std::string TextOf(const AuditEntry& entry) {
  return absl::StrCat(entry.principal, " ", entry.certificate_serial, " ", entry.rpc, " ",
                      entry.organization, " ", entry.credential, " ", entry.outcome, " ",
                      entry.reason, " ", entry.request_id, " ", entry.traceparent);
}

class RecorderTest : public RpcCatalogTest {
 protected:
  RecorderTest() { Forget(); }
  explicit RecorderTest(bool session_reads) : RpcCatalogTest(session_reads) { Forget(); }

  // Drops the entries so far. An outcome is recorded before its call is answered.
  void Forget() { (void)audit_.Take(); }
};

class ReadRecorderTest : public RecorderTest {
 protected:
  ReadRecorderTest() : RecorderTest(true) {}
};

const std::map<std::string, std::string>& Changes() {
  static const auto* const changes = new std::map<std::string, std::string>{
      {"CreateCredential", "credential_change"},
      {"DeleteCredential", "credential_change"},
      {"RotateCredential", "credential_change"},
      {"ResumeRotation", "credential_change"},
      {"CancelRotation", "credential_change"},
      {"RollbackCredential", "credential_change"},
      {"AttachOrganizations", "credential_change"},
      {"DetachOrganizations", "credential_change"},
      {"StartChallenge", "mfa_change"},
      {"CompleteChallenge", "mfa_change"},
      {"StepUp", "mfa_change"},
      {"Logout", "log_out"},
  };
  return *changes;
}

// A secret may have been put into the place of a name.
TEST_F(RecorderTest, MalformedRequestIsRecordedWithoutItsNames) {
  v1::GetCredentialRequest request;
  request.set_credential("s3cret in the wrong field");
  EXPECT_THAT(Ask(*credentials_, &v1::CredentialService::Stub::GetCredential, request),
              HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(GetSession("s3cret in the wrong field"), HasReason(Reason::kMalformedRequest));
  const std::vector<AuditEntry> entries = audit_.Take();
  EXPECT_THAT(Summaries(entries),
              ElementsAre("refusal outcome CredentialService/GetCredential INVALID_ARGUMENT",
                          "refusal outcome SessionService/GetSession INVALID_ARGUMENT"));
  for (const AuditEntry& entry : entries) {
    EXPECT_EQ(entry.reason, "MALFORMED_REQUEST");
    EXPECT_EQ(entry.principal, kPrincipal);
    EXPECT_THAT(TextOf(entry), Not(HasSubstr("s3cret")));
  }
}

TEST_F(RecorderTest, MalformedRequestAboveTheLimitHidesItsNames) {
  Policy policy = EverythingGranted();
  policy.limits.calls_per_second = 1e-6;
  policy.limits.burst = 1;
  callers_.SetPolicy(policy);
  v1::GetCredentialRequest request;
  request.set_credential("s3cret in the wrong field");
  using Stub = v1::CredentialService::Stub;
  EXPECT_THAT(Ask(*credentials_, &Stub::GetCredential, request),
              HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(Ask(*credentials_, &Stub::GetCredential, request), HasReason(Reason::kCallerLimit));
  identity_.Bind(nullptr);
  EXPECT_THAT(Ask(*credentials_, &Stub::GetCredential, request), HasReason(Reason::kCallerUnknown));
  const std::vector<AuditEntry> entries = audit_.Take();
  EXPECT_EQ(entries.size(), 3U);
  for (const AuditEntry& entry : entries) EXPECT_THAT(TextOf(entry), Not(HasSubstr("s3cret")));
}

TEST_F(RecorderTest, OnlyChangesRecordIntentAndOutcome) {
  for (const Row& row : Rows()) {
    const absl::Status status = row.ask(kRecordedOrganization);
    const std::vector<AuditEntry> entries = audit_.Take();
    const auto change = Changes().find(row.rpc);
    if (change == Changes().end()) {
      EXPECT_THAT(Summaries(entries), IsEmpty()) << row.rpc;
      continue;
    }
    ASSERT_EQ(entries.size(), 2U) << row.rpc;
    const std::string rpc = entries[0].rpc;
    EXPECT_TRUE(absl::EndsWith(rpc, absl::StrCat("Service/", row.rpc))) << rpc;
    EXPECT_THAT(Summaries(entries),
                ElementsAre(absl::StrCat(change->second, " intent ", rpc),
                            absl::StrCat(change->second, " outcome ", rpc, " ",
                                         absl::StatusCodeToString(status.code()))));
    EXPECT_EQ(entries[0].principal, kPrincipal) << row.rpc;
    EXPECT_FALSE(entries[0].request_id.empty()) << row.rpc;
    EXPECT_EQ(entries[0].request_id, entries[1].request_id) << row.rpc;
  }
}

TEST_F(RecorderTest, UnwritableLogBlocksOnlyChanges) {
  for (const Row& row : Rows()) {
    audit_.Break(false);
    const absl::Status before = row.ask(kRecordedOrganization);
    audit_.Break();
    const absl::Status status = row.ask(kRecordedOrganization);
    const bool refused = Changes().contains(row.rpc) && std::string(row.rpc) != "Logout";
    const bool verifies = std::string(row.rpc) == "VerifyAudit";
    if (refused || verifies) {
      EXPECT_THAT(status, HasReason(Reason::kAuditUnavailable)) << row.rpc;
    } else {
      EXPECT_THAT(status, StatusIs(before.code())) << row.rpc;
      EXPECT_THAT(status, Not(HasReason(Reason::kAuditUnavailable))) << row.rpc;
    }
  }
  EXPECT_EQ(broker_.credentials.List().size(), 2U);
}

TEST_F(RecorderTest, OutcomeHoldsTheNewVersion) {
  const v1::Credential made = Create(NewUser("granted-name-new", {"granted-name-new"}));
  std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].credential, "granted-name-new");
  EXPECT_EQ(entries[0].version, 0U);
  EXPECT_EQ(entries[1].version, 1U);

  v1::DetachOrganizationsRequest request;
  request.set_credential(made.name());
  request.set_uid(made.uid());
  request.set_version(1);
  request.add_organization_ids("granted-name-new");
  v1::DetachOrganizationsResponse response;
  ASSERT_THAT(
      Call(*credentials_, &v1::CredentialService::Stub::DetachOrganizations, request, &response),
      IsOk());
  entries = audit_.Take();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].version, 1U);
  EXPECT_EQ(entries[1].version, 2U);
}

TEST_F(RecorderTest, RecordsRejectionOfEachRpc) {
  Grant(Role::kReader);
  for (const Row& row : Rows()) {
    const absl::Status status = row.ask({"another-name-here", "another-name-here"});
    if (!HasReason(status, Reason::kNotGranted)) continue;  // an empty list
    const std::vector<AuditEntry> entries = audit_.Take();
    ASSERT_EQ(entries.size(), 1U) << row.rpc;
    EXPECT_EQ(entries[0].event, AuditEvent::kRefusal);
    EXPECT_TRUE(absl::EndsWith(entries[0].rpc, absl::StrCat("/", row.rpc))) << entries[0].rpc;
    EXPECT_EQ(entries[0].reason, "NOT_GRANTED");
    EXPECT_EQ(entries[0].outcome, "PERMISSION_DENIED");
    EXPECT_EQ(entries[0].principal, kPrincipal);
    // A watch of devKeys is refused as a whole if no grant has the required role.
    if (row.scope == Scope::kPair && std::string(row.rpc) != "WatchSessions") {
      EXPECT_EQ(entries[0].organization, "another-name-here") << row.rpc;
    }
    if (row.scope == Scope::kCredential) {
      EXPECT_EQ(entries[0].credential, "another-name-here") << row.rpc;
    }
  }
}

TEST_F(RecorderTest, RecordsUnknownCallerWithoutPrincipal) {
  identity_.Bind(nullptr);
  EXPECT_THAT(GetSession("granted-name-here"), HasReason(Reason::kCallerUnknown));
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].reason, "CALLER_UNKNOWN");
  EXPECT_EQ(entries[0].principal, "");
}

TEST_F(RecorderTest, RejectionsAreLimitedPerPrincipal) {
  callers_.SetPolicy({});
  for (const char* principal : {kPrincipal, "unix:another"}) {
    identity_.Bind(callers_.Of(principal));
    for (int i = 0; i < 70; ++i) EXPECT_THAT(GetSession("another-name-here"), Not(IsOk()));
    EXPECT_EQ(audit_.Take().size(), static_cast<std::size_t>(Recorder::kRefusalsAtOnce));
  }
}

TEST_F(RecorderTest, CountsRejectionsAboveTheLimit) {
  Grant(Role::kReader);
  constexpr int kMore = 40;
  for (int i = 0; i < static_cast<int>(Recorder::kRefusalsAtOnce) + kMore; ++i) {
    EXPECT_THAT(GetSession("another-name-here"), Not(IsOk()));
  }
  EXPECT_EQ(audit_.Take().size(), static_cast<std::size_t>(Recorder::kRefusalsAtOnce));
  EXPECT_EQ(audit_.omitted(), kMore);
  broker_.clock.Advance(absl::Hours(1));
  EXPECT_THAT(GetSession("another-name-here"), Not(IsOk()));
  EXPECT_EQ(audit_.Take().size(), 1U);
}

TEST_F(RecorderTest, NamesOneOrganizationAndCountsSeveral) {
  using Stub = v1::CredentialService::Stub;
  auto attach = OfVersion<v1::AttachOrganizationsRequest>(kRecordedOrganization);
  auto detach = OfVersion<v1::DetachOrganizationsRequest>(kRecordedOrganization);
  for (const std::string id : {"granted-1", "granted-2", "granted-3"}) {
    attach.add_organizations()->set_organization_id(id);
    detach.add_organization_ids(id);
    (void)Ask(*credentials_, &Stub::CreateCredential, NewUser("granted-name-here", {id}));
    const std::size_t count = static_cast<std::size_t>(attach.organizations_size());
    (void)Ask(*credentials_, &Stub::AttachOrganizations, attach);
    (void)Ask(*credentials_, &Stub::DetachOrganizations, detach);
    const std::vector<AuditEntry> entries = audit_.Take();
    ASSERT_EQ(entries.size(), 6U);
    EXPECT_EQ(entries[0].organization, id) << "the new credential has one organization";
    EXPECT_EQ(entries[0].organizations, 0U);
    for (const AuditEntry& entry : {entries[2], entries[3], entries[4], entries[5]}) {
      EXPECT_EQ(entry.organization, count == 1 ? "granted-1" : "") << Summary(entry);
      EXPECT_EQ(entry.organizations, count == 1 ? 0 : count) << Summary(entry);
    }
  }
}

TEST_F(RecorderTest, RecordsRequestIdAndTraceParent) {
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "r-17");
  context.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  v1::LogoutRequest request;
  request.set_organization_id("granted-name-here");
  v1::LogoutResponse response;
  ASSERT_THAT(FromGrpcStatus(sessions_->Logout(&context, request, &response)), IsOk());
  for (const AuditEntry& entry : audit_.Take()) {
    EXPECT_EQ(entry.request_id, "r-17");
    EXPECT_THAT(entry.traceparent, HasSubstr("0af7651916cd43dd8448eb211c80319c"));
  }
}

TEST_F(RecorderTest, RecordsNoSecret) {
  for (const Row& row : Rows()) (void)row.ask(kRecordedOrganization);
  for (const AuditEntry& entry : audit_.Take()) {
    EXPECT_THAT(TextOf(entry), Not(HasSubstr("s3cret"))) << Summary(entry);
  }
}

TEST_F(ReadRecorderTest, RecordsEachReturnedSession) {
  const absl::StatusOr<v1::Session> session = GetSession("granted-name-here");
  ASSERT_THAT(session, IsOk());
  std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_THAT(Summaries(entries), ElementsAre("session_read outcome SessionService/GetSession OK"));
  EXPECT_EQ(entries[0].organization, "granted-name-here");
  EXPECT_EQ(entries[0].credential, "granted-name-here");
  EXPECT_EQ(entries[0].generation, session->generation());

  v1::BatchGetSessionsRequest batch;
  for (const char* id : {"granted-name-here", "another-name-here", "no-such"}) {
    batch.add_requests()->set_organization_id(id);
  }
  v1::BatchGetSessionsResponse response;
  ASSERT_THAT(Call(*sessions_, &v1::SessionService::Stub::BatchGetSessions, batch, &response),
              IsOk());
  std::set<std::string> organizations;
  for (const AuditEntry& entry : audit_.Take()) {
    EXPECT_EQ(entry.event, AuditEvent::kSessionRead);
    organizations.insert(entry.organization);
  }
  EXPECT_THAT(organizations, ElementsAre("another-name-here", "granted-name-here"));

  v1::WatchSessionsRequest watch;
  watch.add_organizations()->set_organization_id("granted-name-here");
  WatchReader reader(*sessions_, watch);
  (void)reader.NextUpdate();
  entries = audit_.Take();
  ASSERT_THAT(Summaries(entries),
              ElementsAre("session_read outcome SessionService/WatchSessions OK"));
  EXPECT_EQ(entries[0].organization, "granted-name-here");
}

}  // namespace
}  // namespace billbroker

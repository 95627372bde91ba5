// SessionService.ListSessions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/server/rpc/session_rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Not;

using ListSessionsTest = SessionRpcTest;

TEST_F(ListSessionsTest, ReturnsPagesWithoutSecrets) {
  for (const char* id : {"00800000000000000083", "00800000000000000081", "00800000000000000082"})
    ASSERT_THAT(GetSession(id), IsOk());
  v1::ListSessionsRequest request;
  request.set_page_size(2);
  v1::ListSessionsResponse first;
  ASSERT_THAT(Call(&SessionStub::ListSessions, request, &first), IsOk());
  ASSERT_EQ(first.sessions_size(), 2);
  const v1::SessionEntry& entry = first.sessions(0);
  EXPECT_EQ(entry.organization_id(), "00800000000000000081");
  EXPECT_EQ(entry.credential(), "acme-payables-user");
  EXPECT_EQ(entry.state(), v1::SESSION_STATE_LIVE);
  EXPECT_GT(entry.generation(), 0U);
  EXPECT_EQ(entry.sign_in_count(), 1);
  EXPECT_TRUE(entry.has_expire_time());
  EXPECT_FALSE(entry.has_quarantine());
  request.set_page_token(first.next_page_token());
  v1::ListSessionsResponse second;
  ASSERT_THAT(Call(&SessionStub::ListSessions, request, &second), IsOk());
  ASSERT_EQ(second.sessions_size(), 1);
  EXPECT_EQ(second.sessions(0).organization_id(), "00800000000000000083");
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(ListSessionsTest, FiltersByCredentialAndChecksPages) {
  Create(NewUser("other", {"00800000000000000090"}));
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  ASSERT_THAT(GetSession("00800000000000000090"), IsOk());
  v1::ListSessionsRequest request;
  request.set_credential("other");
  v1::ListSessionsResponse response;
  ASSERT_THAT(Call(&SessionStub::ListSessions, request, &response), IsOk());
  ASSERT_EQ(response.sessions_size(), 1);
  EXPECT_EQ(response.sessions(0).organization_id(), "00800000000000000090");
  request.set_page_token("nonsense");
  EXPECT_EQ(FieldOf(Call(&SessionStub::ListSessions, request, &response)), "page_token");
  request.set_page_size(-1);
  EXPECT_EQ(FieldOf(Call(&SessionStub::ListSessions, request, &response)), "page_size");
  request.set_credential("?");
  EXPECT_EQ(FieldOf(Call(&SessionStub::ListSessions, request, &response)), "credential");
}

TEST_F(ListSessionsTest, ChecksPageBeforePermission) {
  callers_.SetPolicy({});
  v1::ListSessionsRequest request;
  v1::ListSessionsResponse response;
  request.set_page_size(-1);
  EXPECT_EQ(FieldOf(Call(&SessionStub::ListSessions, request, &response)), "page_size");
  request.clear_page_size();
  request.set_page_token("nonsense");
  EXPECT_EQ(FieldOf(Call(&SessionStub::ListSessions, request, &response)), "page_token");
}

TEST_F(ListSessionsTest, RejectsUnknownCredential) {
  v1::ListSessionsRequest request;
  request.set_credential("ghost");
  v1::ListSessionsResponse response;
  const absl::Status unknown = Call(&SessionStub::ListSessions, request, &response);
  EXPECT_THAT(unknown, HasReason(Reason::kUnknownCredential));
  EXPECT_THAT(FromGrpcStatus(last_), StatusIs(absl::StatusCode::kNotFound));
  request.set_credential("acme-payables-user");
  EXPECT_THAT(Call(&SessionStub::ListSessions, request, &response), IsOk());
  EXPECT_EQ(response.sessions_size(), 0) << "a credential without sessions is an empty list";
}

TEST_F(ListSessionsTest, ListsQuarantine) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  ASSERT_THAT(GetSession("00800000000000000081"), Not(IsOk()));
  v1::ListSessionsResponse response;
  ASSERT_THAT(Call(&SessionStub::ListSessions, v1::ListSessionsRequest(), &response), IsOk());
  ASSERT_EQ(response.sessions_size(), 1);
  EXPECT_EQ(response.sessions(0).state(), v1::SESSION_STATE_QUARANTINED);
  EXPECT_EQ(response.sessions(0).quarantine().reason(), v1::REASON_CREDENTIAL_REJECTED);
  EXPECT_EQ(response.sessions(0).quarantine().bill_code(), "BDC_1101");
  EXPECT_TRUE(response.sessions(0).quarantine().has_start_time());
  EXPECT_FALSE(response.sessions(0).quarantine().has_end_time());
}

}  // namespace
}  // namespace billbroker

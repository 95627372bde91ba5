#include "server/rpc/session_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <string>
#include <vector>

#include "tests/server/rpc/session_rpc_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using SessionServiceTest = SessionRpcTest;

TEST_F(SessionServiceTest, SessionHoldsAllFields) {
  v1::GetSessionRequest request;
  request.set_organization_id("00800000000000000081");
  request.set_include_dev_key(true);
  const absl::StatusOr<v1::Session> session = GetSession(request);
  ASSERT_THAT(session, IsOk());
  EXPECT_EQ(session->session_id(), FakeBill::SessionId(1));
  EXPECT_EQ(session->dev_key(), "s3cret-dev-key");
  EXPECT_EQ(session->dev_key_id().size(), 16U);
  EXPECT_EQ(session->organization_id(), "00800000000000000081");
  EXPECT_EQ(session->credential(), "acme-payables-user");
  EXPECT_NE(session->user_id(), "");
  EXPECT_EQ(session->base_url(), "https://sandbox.test/connect");
  EXPECT_GT(session->generation(), 0U);
  EXPECT_EQ(session->sign_in_time().seconds(), absl::ToUnixSeconds(broker_.clock.Now()));
  EXPECT_EQ(session->remaining().seconds(), 34 * 60) << "the window less the safety margin";
  EXPECT_EQ(session->expire_time().seconds(), session->sign_in_time().seconds() + 34 * 60);
}

TEST_F(SessionServiceTest, ReturnsDevKeyAndHeadersOnlyOnRequest) {
  EXPECT_EQ(GetSession("00800000000000000081")->dev_key(), "");
  EXPECT_EQ(GetSession("00800000000000000081")->headers_size(), 0);
}

TEST_F(SessionServiceTest, EachCallReturnsHeadersOnRequest) {
  const auto expect_headers = [](const v1::Session& session) {
    EXPECT_EQ(session.dev_key(), "");
    ASSERT_EQ(session.headers_size(), 2);
    EXPECT_EQ(session.headers(0).name(), "sessionId");
    EXPECT_EQ(session.headers(0).value(), session.session_id());
    EXPECT_EQ(session.headers(1).name(), "devKey");
    EXPECT_EQ(session.headers(1).value(), "s3cret-dev-key");
  };
  v1::GetSessionRequest get;
  get.set_organization_id("00800000000000000081");
  get.set_include_headers(true);
  expect_headers(*GetSession(get));  // waits for the sign-in
  expect_headers(*GetSession(get));
  v1::BatchGetSessionsRequest batch;
  *batch.add_requests() = get;
  batch.add_requests()->set_organization_id("00800000000000000081");
  v1::BatchGetSessionsResponse outcomes;
  ASSERT_THAT(Call(&SessionStub::BatchGetSessions, batch, &outcomes), IsOk());
  expect_headers(outcomes.outcomes(0).session());
  EXPECT_EQ(outcomes.outcomes(1).session().headers_size(), 0);
  v1::LoginRequest login;
  login.set_organization_id("00800000000000000081");
  login.set_include_headers(true);
  v1::LoginResponse logged_in;
  ASSERT_THAT(Call(&SessionStub::Login, login, &logged_in), IsOk());
  expect_headers(logged_in.session());
}

TEST_F(SessionServiceTest, RejectsMalformedFields) {
  struct Row {
    std::string field;
    std::function<void(v1::GetSessionRequest&)> change;
  };
  const std::vector<Row> rows = {
      {"organization_id", [](auto& r) { r.clear_organization_id(); }},
      {"organization_id", [](auto& r) { r.set_organization_id("00 81"); }},
      {"organization_id", [](auto& r) { r.set_organization_id(std::string(65, '0')); }},
      {"credential", [](auto& r) { r.set_credential("Acme"); }},
      {"min_remaining", [](auto& r) { r.mutable_min_remaining()->set_seconds(-1); }},
      {"min_remaining", [](auto& r) { r.mutable_min_remaining()->set_nanos(-1); }},
      {"min_remaining", [](auto& r) { r.mutable_min_remaining()->set_nanos(1'000'000'000); }},
      {"min_remaining", [](auto& r) { r.mutable_min_remaining()->set_seconds(1051); }},
      {"stale_generation",
       [](auto& r) {
         r.set_cached_only(true);
         r.set_stale_generation(1);
       }},
      {"min_remaining",
       [](auto& r) {
         r.set_cached_only(true);
         r.mutable_min_remaining()->set_seconds(1);
       }},
  };
  for (const Row& row : rows) {
    v1::GetSessionRequest request;
    request.set_organization_id("00800000000000000081");
    row.change(request);
    const absl::Status status = GetSession(request).status();
    EXPECT_EQ(FieldOf(status), row.field) << status << " of " << request.ShortDebugString();
  }
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(SessionServiceTest, FailedCallHasReasonAndRetryTime) {
  EXPECT_THAT(GetSession("00800000000000000099"), HasReason(Reason::kUnknownOrganization));
  EXPECT_THAT(FromGrpcStatus(last_), StatusIs(absl::StatusCode::kNotFound));

  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  const absl::Status rejected = GetSession("00800000000000000081").status();
  EXPECT_THAT(rejected, HasReason(Reason::kCredentialRejected));
  EXPECT_THAT(FromGrpcStatus(last_), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(DetailsOf(rejected)->metadata["bill_code"], "BDC_1101");
}

TEST_F(SessionServiceTest, BillOutageHasRetryTime) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kUnavailable, ""));
  const absl::Status ill = GetSession("00800000000000000082").status();
  EXPECT_THAT(ill, HasReason(Reason::kBillUnavailable));
  EXPECT_THAT(FromGrpcStatus(last_), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_GT(DetailsOf(ill)->retry_after.value_or(absl::ZeroDuration()), absl::ZeroDuration());
}

TEST_F(SessionServiceTest, PassesOptionsToTheEngine) {
  v1::GetSessionRequest request;
  request.set_organization_id("00800000000000000081");
  request.set_cached_only(true);
  EXPECT_THAT(GetSession(request), HasReason(Reason::kNoLiveSession));
  request.set_cached_only(false);
  request.set_require_trusted(true);
  EXPECT_THAT(GetSession(request), HasReason(Reason::kMfaRequired));
  request.set_require_trusted(false);
  const std::uint64_t generation = GetSession(request)->generation();
  broker_.bill.KillAllSessions();
  request.set_stale_generation(generation);
  EXPECT_GT(GetSession(request)->generation(), generation);
  request.set_credential("ghost");
  EXPECT_THAT(GetSession(request), HasReason(Reason::kUnknownCredential));
}

TEST_F(SessionServiceTest, ConcurrentCallersShareOneSignIn) {
  std::vector<std::future<absl::StatusOr<v1::Session>>> callers;
  for (int i = 0; i < 32; ++i) {
    callers.push_back(std::async(std::launch::async, [this]() -> absl::StatusOr<v1::Session> {
      grpc::ClientContext context;
      context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Minutes(1)));
      v1::GetSessionRequest request;
      request.set_organization_id("00800000000000000081");
      v1::GetSessionResponse response;
      const grpc::Status status = sessions_->GetSession(&context, request, &response);
      if (!status.ok()) return FromGrpcStatus(status);
      return response.session();
    }));
  }
  for (auto& caller : callers) {
    const absl::StatusOr<v1::Session> session = caller.get();
    ASSERT_THAT(session, IsOk());
    EXPECT_EQ(session->session_id(), FakeBill::SessionId(1));
  }
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
}

TEST_F(SessionServiceTest, CancelledCallKeepsItsSignIn) {
  broker_.bill.Hold();
  grpc::ClientContext context;
  v1::GetSessionRequest request;
  request.set_organization_id("00800000000000000081");
  v1::GetSessionResponse response;
  std::promise<grpc::Status> ended;
  std::future<grpc::Status> end = ended.get_future();
  sessions_->async()->GetSession(&context, &request, &response,
                                 [&ended](const grpc::Status& status) { ended.set_value(status); });
  Await([this] { return broker_.bill.held() != 0; }, "a call to BILL");
  context.TryCancel();
  ASSERT_TRUE(AwaitReady(end, "the end of the call"));
  EXPECT_THAT(FromGrpcStatus(end.get()), StatusIs(absl::StatusCode::kCancelled));
  broker_.bill.ReleaseAll();
  EXPECT_THAT(GetSession("00800000000000000081"), IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
}

TEST_F(SessionServiceTest, BatchReturnsOutcomesInOrder) {
  broker_.bill.FailNextSignInsOf("00800000000000000082", 1,
                                 Refusal(Verdict::kDevKeyRejected, "BDC_1102"));
  v1::BatchGetSessionsRequest request;
  for (const char* id : {"00800000000000000081", "00800000000000000099", "00800000000000000082",
                         "00800000000000000081"}) {
    request.add_requests()->set_organization_id(id);
  }
  request.mutable_requests(0)->set_include_dev_key(true);
  v1::BatchGetSessionsResponse response;
  ASSERT_THAT(Call(&SessionStub::BatchGetSessions, request, &response), IsOk());
  ASSERT_EQ(response.outcomes_size(), 4);
  EXPECT_EQ(response.outcomes(0).session().organization_id(), "00800000000000000081");
  EXPECT_EQ(response.outcomes(0).session().dev_key(), "s3cret-dev-key");
  EXPECT_THAT(FromErrorStatus(response.outcomes(1).error()),
              HasReason(Reason::kUnknownOrganization));
  EXPECT_THAT(FromErrorStatus(response.outcomes(2).error()), HasReason(Reason::kDevKeyRejected));
  EXPECT_EQ(response.outcomes(3).session().session_id(),
            response.outcomes(0).session().session_id());
  EXPECT_EQ(response.outcomes(3).session().dev_key(), "");
}

TEST_F(SessionServiceTest, BatchIsLimitedToAThousand) {
  v1::BatchGetSessionsRequest request;
  for (int i = 0; i < 1000; ++i)
    request.add_requests()->set_organization_id("00800000000000000081");
  v1::BatchGetSessionsResponse response;
  ASSERT_THAT(Call(&SessionStub::BatchGetSessions, request, &response), IsOk());
  EXPECT_EQ(response.outcomes_size(), 1000);
  EXPECT_EQ(response.outcomes(999).session().session_id(), FakeBill::SessionId(1));
  request.add_requests()->set_organization_id("00800000000000000081");
  EXPECT_EQ(FieldOf(Call(&SessionStub::BatchGetSessions, request, &response)), "requests");
  EXPECT_EQ(FieldOf(Call(&SessionStub::BatchGetSessions, v1::BatchGetSessionsRequest(), &response)),
            "requests");
}

TEST_F(SessionServiceTest, MalformedRequestFailsAloneInBatch) {
  v1::BatchGetSessionsRequest request;
  request.add_requests()->set_organization_id("00800000000000000081");
  request.add_requests()->set_organization_id("?");
  v1::BatchGetSessionsResponse response;
  ASSERT_THAT(Call(&SessionStub::BatchGetSessions, request, &response), IsOk());
  EXPECT_TRUE(response.outcomes(0).has_session());
  EXPECT_THAT(FromErrorStatus(response.outcomes(1).error()), HasReason(Reason::kMalformedRequest));
}

TEST_F(SessionServiceTest, LoginReportsReuseAndForceSignsIn) {
  v1::LoginRequest request;
  request.set_organization_id("00800000000000000081");
  v1::LoginResponse response;
  ASSERT_THAT(Call(&SessionStub::Login, request, &response), IsOk());
  EXPECT_FALSE(response.reused());
  EXPECT_EQ(response.session().session_id(), FakeBill::SessionId(1));
  ASSERT_THAT(Call(&SessionStub::Login, request, &response), IsOk());
  EXPECT_TRUE(response.reused());
  request.set_force(true);
  request.set_include_dev_key(true);
  ASSERT_THAT(Call(&SessionStub::Login, request, &response), IsOk());
  EXPECT_FALSE(response.reused());
  EXPECT_EQ(response.session().session_id(), FakeBill::SessionId(2));
  EXPECT_EQ(response.session().dev_key(), "s3cret-dev-key");
  request.set_organization_id("");
  EXPECT_EQ(FieldOf(Call(&SessionStub::Login, request, &response)), "organization_id");
}

TEST_F(SessionServiceTest, LogoutEndsGivenGenerationOnce) {
  const std::uint64_t generation = GetSession("00800000000000000081")->generation();
  v1::LogoutRequest request;
  request.set_organization_id("00800000000000000081");
  request.set_if_generation(generation - 1);
  v1::LogoutResponse response;
  ASSERT_THAT(Call(&SessionStub::Logout, request, &response), IsOk());
  EXPECT_FALSE(response.ended());
  request.set_if_generation(generation);
  ASSERT_THAT(Call(&SessionStub::Logout, request, &response), IsOk());
  EXPECT_TRUE(response.ended());
  EXPECT_FALSE(broker_.bill.IsLive(FakeBill::SessionId(1)));
  ASSERT_THAT(Call(&SessionStub::Logout, request, &response), IsOk());
  EXPECT_FALSE(response.ended());
  request.set_credential("?");
  EXPECT_EQ(FieldOf(Call(&SessionStub::Logout, request, &response)), "credential");
}

TEST_F(SessionServiceTest, WaitsFiveMinutesAtMost) {
  const auto ask = [this](absl::Duration patience) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
    v1::LoginRequest request;
    request.set_organization_id("00800000000000000081");
    v1::LoginResponse response;
    return FromGrpcStatus(sessions_->Login(&context, request, &response));
  };
  BillError wait = Refusal(Verdict::kRateLimited, "BDC_1144");
  wait.retry_after = absl::Minutes(6);
  broker_.bill.FailNextSignIns(1, wait);
  const absl::Status status = ask(absl::Hours(2));
  EXPECT_THAT(status, HasReason(Reason::kBillRateLimited));
  EXPECT_THAT(status, HasRetryAfter(::testing::Ge(absl::Minutes(6))));
}

TEST_F(SessionServiceTest, StatusReportsTheBroker) {
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  broker_.vault_health.Set(VaultError(VaultState::kLocked));
  v1::GetStatusResponse response;
  ASSERT_THAT(Call(&SessionStub::GetStatus, v1::GetStatusRequest(), &response), IsOk());
  EXPECT_EQ(response.version(), "1.2.3");
  EXPECT_EQ(response.start_time().seconds(), 1'800'000'000);
  EXPECT_FALSE(response.draining());
  EXPECT_EQ(response.vault().state(), v1::VAULT_STATE_LOCKED);
  EXPECT_NE(response.vault().fix(), "");
  EXPECT_TRUE(response.vault().all_credentials_read());
  EXPECT_EQ(response.vault().credential_count(), 1);
  EXPECT_EQ(response.vault().organization_count(), 3);
  EXPECT_EQ(response.sessions().live_count(), 1);
  EXPECT_EQ(response.sessions().sign_in_count(), 1);
  ASSERT_EQ(response.environments_size(), 1);
  EXPECT_EQ(response.environments(0).name(), "sandbox");
  EXPECT_EQ(response.environments(0).base_url(), "https://sandbox.test/connect");
  EXPECT_GT(response.memory().secret_bytes(), 0);
}

TEST_F(SessionServiceTest, RejectsAllCallsButStatusWhileDraining) {
  state_.StartDraining();
  EXPECT_THAT(GetSession("00800000000000000081"), HasReason(Reason::kDraining));
  EXPECT_THAT(FromGrpcStatus(last_), StatusIs(absl::StatusCode::kUnavailable));
  v1::ListSessionsResponse list;
  EXPECT_THAT(Call(&SessionStub::ListSessions, v1::ListSessionsRequest(), &list),
              HasReason(Reason::kDraining));
  v1::GetStatusResponse status;
  ASSERT_THAT(Call(&SessionStub::GetStatus, v1::GetStatusRequest(), &status), IsOk());
  EXPECT_TRUE(status.draining());
}

}  // namespace
}  // namespace billbroker

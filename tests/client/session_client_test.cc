#include "client/session_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "client/client_session.h"
#include "tests/client/support/fake_broker.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::Not;
using ::testing::SizeIs;

class SessionClientTest : public ::testing::Test {
 protected:
  static std::unique_ptr<SessionClient> ClientOf(const std::string& socket) {
    return *SessionClient::Connect(
        {.address = "unix:" + socket, .call_timeout = absl::Seconds(20)});
  }

  TempFolder folder_;
  FakeBroker broker_{folder_ / "broker.sock"};
  std::unique_ptr<SessionClient> client_ = ClientOf(folder_ / "broker.sock");
};

TEST_F(SessionClientTest, SessionHoldsAllFields) {
  const absl::StatusOr<ClientSession> session = client_->GetSession("00800000000000000801");
  ASSERT_THAT(session, IsOk());
  EXPECT_EQ(session->session_id.Reveal(), kSessionIdSecret);
  EXPECT_TRUE(session->dev_key.empty());
  EXPECT_EQ(session->organization_id, "00800000000000000801");
  EXPECT_EQ(session->credential, "acme-payables-user");
  EXPECT_EQ(session->user_id, "00600000000000000601");
  EXPECT_EQ(session->base_url, "https://bill.test/connect");
  EXPECT_EQ(session->dev_key_id, "0123456789abcdef");
  EXPECT_EQ(session->generation, 1u);
  EXPECT_FALSE(session->trusted);
  EXPECT_EQ(session->expire_time, absl::FromUnixSeconds(1'800'002'040));
  EXPECT_EQ(session->remaining, absl::Minutes(34));
}

TEST_F(SessionClientTest, SendsEveryOption) {
  const absl::StatusOr<ClientSession> session =
      client_->GetSession("00800000000000000801", {.credential = "acme-payables-user",
                                                   .min_remaining = absl::Milliseconds(90'500),
                                                   .stale_generation = 7,
                                                   .require_trusted = true,
                                                   .include_dev_key = true,
                                                   .include_headers = true,
                                                   .cached_only = true});
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(session->headers, SizeIs(2));
  EXPECT_EQ(session->headers[0].name, "sessionId");
  EXPECT_EQ(session->headers[0].value.Reveal(), kSessionIdSecret);
  EXPECT_EQ(session->headers[1].name, "devKey");
  EXPECT_EQ(session->headers[1].value.Reveal(), kDevKeySecret);
  EXPECT_EQ(session->dev_key.Reveal(), kDevKeySecret);
  ASSERT_THAT(broker_.get_session_requests(), SizeIs(1));
  const v1::GetSessionRequest request = broker_.get_session_requests().front();
  EXPECT_EQ(request.credential(), "acme-payables-user");
  EXPECT_EQ(request.min_remaining().seconds(), 90);
  EXPECT_EQ(request.min_remaining().nanos(), 500'000'000);
  EXPECT_EQ(request.stale_generation(), 7u);
  EXPECT_TRUE(request.require_trusted());
  EXPECT_TRUE(request.include_dev_key());
  EXPECT_TRUE(request.include_headers());
  EXPECT_TRUE(request.cached_only());
}

TEST_F(SessionClientTest, FailureHasReasonAndRetryTime) {
  broker_.FailNext("GetSession",
                   MakeError(ErrorDetails{Reason::kLoginBudgetSpent, absl::Seconds(12), {}},
                             "sign-ins of this hour are spent"));
  const absl::Status status = client_->GetSession("00800000000000000801").status();
  ASSERT_THAT(status, HasReason(Reason::kLoginBudgetSpent));
  EXPECT_THAT(status, HasRetryAfter(absl::Seconds(12)));
}

TEST(TakeSessionTest, WipesSecretsOfInvalidSession) {
  v1::Session session = FakeSession("00801", 1, true, true);
  session.clear_session_id();
  EXPECT_THAT(TakeSession(session), StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(session.dev_key(), "");
  for (const v1::Header& header : session.headers()) EXPECT_EQ(header.value(), "");
}

TEST_F(SessionClientTest, DoesNotRetryFailures) {
  broker_.FailNext(
      "GetSession",
      MakeError(ErrorDetails{Reason::kBillUnavailable, absl::Milliseconds(1), {}}, "bill is down"));
  EXPECT_THAT(client_->GetSession("00800000000000000801"), Not(IsOk()));
  EXPECT_THAT(broker_.get_session_requests(), SizeIs(1));
}

TEST_F(SessionClientTest, UnreachableBrokerFailsAtOnce) {
  const auto client = ClientOf(folder_ / "nothing.sock");
  const absl::Status status = client->GetSession("00800000000000000801").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_FALSE(DetailsOf(status).has_value());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SessionClientTest, WaitForReadyWaitsUntilTheDeadline) {
  const auto client = SessionClient::Connect({.address = "unix:" + (folder_ / "nothing.sock"),
                                              .call_timeout = absl::Milliseconds(50),
                                              .wait_for_ready = true});
  EXPECT_TRUE(absl::IsDeadlineExceeded((*client)->GetSession("00800000000000000801").status()));
}

TEST_F(SessionClientTest, ClientServesManyThreads) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] {
      for (int call = 0; call < 20; ++call)
        EXPECT_THAT(client_->GetSession("00800000000000000801"), IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(broker_.get_session_requests(), SizeIs(160));
}

TEST_F(SessionClientTest, WithSessionRunsSuccessfulCallOnce) {
  int runs = 0;
  const absl::StatusOr<int> result = client_->WithSession(
      "00800000000000000801", {}, [&](const ClientSession&) -> absl::StatusOr<int> {
        ++runs;
        return 42;
      });
  EXPECT_EQ(*result, 42);
  EXPECT_EQ(runs, 1);
}

TEST_F(SessionClientTest, WithSessionRetriesAfterDeadSession) {
  std::vector<std::uint64_t> generations;
  const absl::StatusOr<std::string> result = client_->WithSession(
      "00800000000000000801", {.credential = "acme-payables-user", .include_dev_key = true},
      [&](const ClientSession& session) -> absl::StatusOr<std::string> {
        generations.push_back(session.generation);
        if (generations.size() == 1) return SessionDead();
        return "paid";
      });
  EXPECT_EQ(*result, "paid");
  EXPECT_EQ(generations, (std::vector<std::uint64_t>{1, 2}));
  ASSERT_THAT(broker_.get_session_requests(), SizeIs(2));
  const v1::GetSessionRequest report = broker_.get_session_requests()[1];
  EXPECT_EQ(report.stale_generation(), 1u);
  EXPECT_EQ(report.credential(), "acme-payables-user");
  EXPECT_TRUE(report.include_dev_key());
}

TEST_F(SessionClientTest, WithSessionRetriesOnlyOnce) {
  int runs = 0;
  const absl::Status status =
      client_->WithSession("00800000000000000801", {}, [&](const ClientSession&) -> absl::Status {
        ++runs;
        return SessionDead();
      });
  EXPECT_TRUE(IsSessionDead(status));
  EXPECT_EQ(runs, 2);
  EXPECT_THAT(broker_.get_session_requests(), SizeIs(2));
}

TEST_F(SessionClientTest, WithSessionReturnsOtherFailures) {
  int runs = 0;
  const absl::Status status =
      client_->WithSession("00800000000000000801", {}, [&](const ClientSession&) {
        ++runs;
        return absl::UnauthenticatedError("BDC_1361");
      });
  EXPECT_TRUE(absl::IsUnauthenticated(status));
  EXPECT_EQ(runs, 1);
}

TEST_F(SessionClientTest, WithSessionCachedOnlyDoesNotSignIn) {
  int runs = 0;
  const absl::Status status = client_->WithSession("00800000000000000801", {.cached_only = true},
                                                   [&](const ClientSession&) {
                                                     ++runs;
                                                     return SessionDead();
                                                   });
  EXPECT_TRUE(IsSessionDead(status));
  EXPECT_EQ(runs, 1);
  EXPECT_THAT(broker_.get_session_requests(), SizeIs(1));
}

TEST_F(SessionClientTest, WithSessionReturnsSecondFailure) {
  int runs = 0;
  const absl::Status status =
      client_->WithSession("00800000000000000801", {}, [&](const ClientSession&) -> absl::Status {
        ++runs;
        broker_.FailNext("GetSession", MakeError(Reason::kCredentialRejected, "wrong password"));
        return SessionDead();
      });
  EXPECT_THAT(status, HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(runs, 1);
}

TEST_F(SessionClientTest, WithSessionNeedsASession) {
  const absl::Status status =
      client_->WithSession("unknown", {}, [&](const ClientSession&) -> absl::Status {
        ADD_FAILURE() << "ran without a session";
        return absl::OkStatus();
      });
  EXPECT_THAT(status, HasReason(Reason::kUnknownOrganization));
}

TEST(SessionDeadTest, OnlySessionDeadCausesARetry) {
  EXPECT_TRUE(IsSessionDead(SessionDead()));
  EXPECT_FALSE(IsSessionDead(absl::OkStatus()));
  EXPECT_FALSE(IsSessionDead(absl::Status(SessionDead().code(), SessionDead().message())));
}

TEST(SessionClientConnectTest, AcceptsOnlyUnixSockets) {
  for (const char* address : {"localhost:443", "unix:relative.sock", "dns:///bill", ""}) {
    EXPECT_TRUE(absl::IsInvalidArgument(SessionClient::Connect({.address = address}).status()))
        << address;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(
      SessionClient::Connect({.address = "unix:/" + std::string(107, 'x')}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      SessionClient::Connect({.call_timeout = absl::ZeroDuration()}).status()));
}

}  // namespace
}  // namespace billbroker

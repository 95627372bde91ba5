// MfaService over gRPC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using MfaStub = v1::MfaService::Stub;

class MfaRpcTest : public RpcTest {
 protected:
  MfaRpcTest() {
    Create(NewUser("acme-payables-user", {"00800000000000000081", "00800000000000000082"}));
  }

  std::string Start() {
    v1::StartChallengeRequest request;
    request.set_credential("acme-payables-user");
    v1::StartChallengeResponse response;
    EXPECT_THAT(Call(*mfa_, &MfaStub::StartChallenge, request, &response), IsOk());
    EXPECT_EQ(response.organization_id(), "00800000000000000081");
    EXPECT_TRUE(response.has_expire_time());
    return response.challenge_id();
  }

  absl::Status Complete(const std::string& id, const std::string& code,
                        v1::CompleteChallengeResponse& response) {
    v1::CompleteChallengeRequest request;
    request.set_challenge_id(id);
    request.set_code(code);
    return Call(*mfa_, &MfaStub::CompleteChallenge, request, &response);
  }

  v1::Credential Shown() {
    v1::GetCredentialRequest request;
    request.set_credential("acme-payables-user");
    v1::GetCredentialResponse response;
    EXPECT_THAT(
        Call(*credentials_, &v1::CredentialService::Stub::GetCredential, request, &response),
        IsOk());
    return response.credential();
  }
};

TEST_F(MfaRpcTest, CodeMakesSessionsTrusted) {
  v1::CompleteChallengeResponse response;
  ASSERT_THAT(Complete(Start(), "123456", response), IsOk());
  EXPECT_EQ(response.sessions().trusted_count(), 1);
  EXPECT_EQ(response.credential().version(), 2u);
  EXPECT_EQ(response.credential().history(0).event(), v1::CREDENTIAL_EVENT_MFA_RENEWED);
  EXPECT_EQ(response.credential().remember_me_expire_time().seconds() -
                response.credential().remember_me_create_time().seconds(),
            30 * 24 * 3600);
  v1::GetSessionRequest trusted;
  trusted.set_organization_id("00800000000000000081");
  trusted.set_require_trusted(true);
  EXPECT_TRUE(GetSession(trusted)->trusted());
}

TEST_F(MfaRpcTest, ChecksFormatBeforeCallingBill) {
  v1::CompleteChallengeResponse response;
  for (const char* code : {"", "12345", "1234567", "12345a", "12 456"}) {
    EXPECT_EQ(FieldOf(Complete("id", code, response)), "code") << code;
  }
  EXPECT_EQ(FieldOf(Complete("", "123456", response)), "challenge_id");
  EXPECT_EQ(FieldOf(Complete("no such", "123456", response)), "challenge_id");
  v1::StartChallengeResponse started;
  EXPECT_EQ(FieldOf(Call(*mfa_, &MfaStub::StartChallenge, {}, &started)), "credential");
  v1::StartChallengeRequest start;
  start.set_credential("acme-payables-user");
  start.set_organization_id("not an id");
  EXPECT_EQ(FieldOf(Call(*mfa_, &MfaStub::StartChallenge, start, &started)), "organization_id");
  v1::StepUpResponse stepped_up;
  EXPECT_EQ(FieldOf(Call(*mfa_, &MfaStub::StepUp, {}, &stepped_up)), "credential");
}

TEST_F(MfaRpcTest, ShowsStaleIdUntilBillAcceptsAnother) {
  v1::CompleteChallengeResponse response;
  ASSERT_THAT(Complete(Start(), "123456", response), IsOk());
  EXPECT_FALSE(Shown().has_remember_me_refuse_time());
  broker_.bill.ForgetDevices();
  ASSERT_THAT(GetSession("00800000000000000082"), IsOk());
  EXPECT_TRUE(Shown().has_remember_me_refuse_time());
  v1::StepUpRequest request;
  request.set_credential("acme-payables-user");
  v1::StepUpResponse stepped_up;
  ASSERT_THAT(Call(*mfa_, &MfaStub::StepUp, request, &stepped_up), IsOk());
  EXPECT_EQ(stepped_up.sessions().trusted_count(), 1);
  EXPECT_EQ(stepped_up.sessions().refused_count(), 1);
  ASSERT_THAT(Complete(Start(), "123456", response), IsOk());
  EXPECT_EQ(response.sessions().trusted_count(), 2);
  EXPECT_FALSE(Shown().has_remember_me_refuse_time());
}

TEST_F(MfaRpcTest, NewIdThatBillDoesNotTakeIsShownAtOnce) {
  for (const char* organization : {"00800000000000000081", "00800000000000000082"}) {
    ASSERT_THAT(GetSession(organization), IsOk());
  }
  broker_.bill.SetRemembersDevices(false);
  v1::CompleteChallengeResponse response;
  ASSERT_THAT(Complete(Start(), "123456", response), IsOk());
  EXPECT_EQ(response.sessions().refused_count(), 1);
  EXPECT_TRUE(response.credential().has_remember_me_refuse_time());
}

TEST_F(MfaRpcTest, StatusCountsCredentialsThatNeedAPerson) {
  const auto shown = [this] {
    v1::GetStatusResponse response;
    EXPECT_THAT(Call(*sessions_, &v1::SessionService::Stub::GetStatus, {}, &response), IsOk());
    const v1::MfaStatus& mfa = response.mfa();
    return std::vector<int>{mfa.remembered_count(), mfa.expiring_count(), mfa.expired_count(),
                            mfa.refused_count()};
  };
  EXPECT_EQ(shown(), (std::vector<int>{0, 0, 0, 0}));
  v1::CompleteChallengeResponse response;
  ASSERT_THAT(Complete(Start(), "123456", response), IsOk());
  EXPECT_EQ(shown(), (std::vector<int>{1, 0, 0, 0}));
  broker_.clock.Advance(absl::Hours(24 * 24));
  EXPECT_EQ(shown(), (std::vector<int>{1, 1, 0, 0}));
  broker_.clock.Advance(absl::Hours(6 * 24));
  broker_.bill.ForgetDevices();
  ASSERT_THAT(GetSession("00800000000000000082"), IsOk());
  EXPECT_EQ(shown(), (std::vector<int>{1, 0, 1, 1}));
}

}  // namespace
}  // namespace billbroker

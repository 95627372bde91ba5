// RotateCredential, RollbackCredential and their related RPCs over gRPC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "proto/redacted.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/sample_ids.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::Not;

using CredentialStub = v1::CredentialService::Stub;

constexpr char kPartnerOrganization[] = "00800000000000000095";

class RotationRpcTest : public RpcTest {
 protected:
  RotationRpcTest() { acme_ = Create(NewUser(kAcme, {kFirstOrganization, kSecondOrganization})); }

  template <typename Request>
  [[nodiscard]] Request For(const v1::Credential& credential) const {
    Request request;
    request.set_credential(credential.name());
    request.set_uid(credential.uid());
    request.set_version(credential.version());
    return request;
  }
  absl::Status Rotate(const v1::RotateCredentialRequest& request) {
    v1::RotateCredentialResponse response;
    const absl::Status status =
        Call(*credentials_, &CredentialStub::RotateCredential, request, &response);
    if (status.ok()) acme_ = response.credential();
    return status;
  }
  [[nodiscard]] std::string StoredPassword() {
    return std::string((*broker_.vault.Load(kAcme))->password.Reveal());
  }

  v1::Credential acme_;
};

TEST_F(RotationRpcTest, RotateReplacesOnlyGivenFields) {
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_password("s3cret-next");
  request.set_organization_id(kSecondOrganization);
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(acme_.version(), 2u);
  EXPECT_EQ(StoredPassword(), "s3cret-next");
  EXPECT_EQ((*broker_.vault.Load(kAcme))->dev_key.Reveal(), "s3cret-dev-key");
  EXPECT_EQ(broker_.bill.sign_ins().back().organization_id, kSecondOrganization);
  ASSERT_EQ(acme_.history_size(), 1);
  EXPECT_EQ(acme_.history(0).event(), v1::CREDENTIAL_EVENT_ROTATED);
  EXPECT_EQ(acme_.history(0).fields(0), "password");
  EXPECT_TRUE(acme_.history(0).revertible());
  EXPECT_EQ(Redacted(acme_).find("s3cret"), std::string::npos);
}

TEST_F(RotationRpcTest, ShowsRememberMeIdThatBillDoesNotTrust) {
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_remember_me_id("s3cret-remember-me-of-no-one");
  request.set_device("device-that-bill-forgot");
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_TRUE(acme_.has_remember_me_expire_time());
  EXPECT_TRUE(acme_.has_remember_me_refuse_time());
}

// The keyring stores the rotation although its answer was lost, and sends no notification.
TEST_F(RotationRpcTest, ShowsRotationThatWasStoredLate) {
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_password("s3cret-next");
  broker_.vault.LoseNextAnswer(true);
  EXPECT_THAT(Rotate(request),
              AllOf(HasReason(Reason::kVaultUnreachable), HasMetadata("outcome", "unknown")));
  v1::GetCredentialRequest get;
  get.set_credential(kAcme);
  v1::GetCredentialResponse shown;
  ASSERT_THAT(Call(*credentials_, &CredentialStub::GetCredential, get, &shown), IsOk());
  ASSERT_TRUE(shown.credential().has_pending_rotation());
  auto resume = For<v1::ResumeRotationRequest>(shown.credential());
  resume.set_rotation_id(shown.credential().pending_rotation().rotation_id());
  v1::ResumeRotationResponse resumed;
  ASSERT_THAT(Call(*credentials_, &CredentialStub::ResumeRotation, resume, &resumed), IsOk());
  EXPECT_EQ(StoredPassword(), "s3cret-next");
}

TEST_F(RotationRpcTest, ProbesPartnerAppKeyByPartnerSignIn) {
  v1::CreateCredentialRequest partner = NewUser("firm-of-bookkeepers", {kPartnerOrganization});
  partner.set_kind(v1::CREDENTIAL_KIND_PARTNER);
  partner.set_app_key("s3cret-app-key");
  partner.mutable_organizations(0)->set_user_id("00600000000000000001");
  auto request = For<v1::RotateCredentialRequest>(Create(partner));
  request.set_app_key("s3cret-next-app-key");
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(acme_.history(0).fields(0), "app_key");
  ASSERT_EQ(broker_.bill.partner_sign_ins().size(), 1U);
  EXPECT_EQ(broker_.bill.partner_sign_ins()[0].app_key, "s3cret-next-app-key");
  ASSERT_THAT(GetSession(kPartnerOrganization), IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), 1) << "the session of the proof is in use";
}

TEST_F(RotationRpcTest, SkippedVerificationSendsNothingToBill) {
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_password("s3cret-next");
  request.set_skip_verification(true);
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(RotationRpcTest, RollBackAndVerifyUseCurrentVersion) {
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_password("s3cret-next");
  ASSERT_THAT(Rotate(request), IsOk());
  v1::RollbackCredentialResponse back;
  ASSERT_THAT(Call(*credentials_, &CredentialStub::RollbackCredential,
                   For<v1::RollbackCredentialRequest>(acme_), &back),
              IsOk());
  EXPECT_EQ(StoredPassword(), "s3cret-password");
  v1::VerifyCredentialResponse verified;
  EXPECT_THAT(Call(*credentials_, &CredentialStub::VerifyCredential,
                   For<v1::VerifyCredentialRequest>(back.credential()), &verified),
              IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), 3);
}

TEST_F(RotationRpcTest, ShowsResumesAndCancelsPendingRotation) {
  BillError lost;
  lost.verdict = Verdict::kUnavailable;
  lost.detail = "no answer";
  for (const bool resume : {true, false}) {
    broker_.bill.FailNextSignIns(1, lost);
    auto request = For<v1::RotateCredentialRequest>(acme_);
    request.set_password(resume ? "s3cret-resumed" : "s3cret-cancelled");
    const absl::Status pending = Rotate(request);
    EXPECT_THAT(pending, HasReason(Reason::kRotationPending));
    v1::GetCredentialRequest get;
    get.set_credential(kAcme);
    v1::GetCredentialResponse shown;
    ASSERT_THAT(Call(*credentials_, &CredentialStub::GetCredential, get, &shown), IsOk());
    const std::string id = shown.credential().pending_rotation().rotation_id();
    EXPECT_EQ(id, DetailsOf(pending)->metadata["rotation_id"]);
    if (resume) {
      auto again = For<v1::ResumeRotationRequest>(acme_);
      again.set_rotation_id(id);
      v1::ResumeRotationResponse response;
      ASSERT_THAT(Call(*credentials_, &CredentialStub::ResumeRotation, again, &response), IsOk());
      acme_ = response.credential();
    } else {
      auto cancel = For<v1::CancelRotationRequest>(acme_);
      cancel.set_rotation_id(id);
      v1::CancelRotationResponse response;
      ASSERT_THAT(Call(*credentials_, &CredentialStub::CancelRotation, cancel, &response), IsOk());
      EXPECT_FALSE(response.credential().has_pending_rotation());
    }
    EXPECT_EQ(StoredPassword(), "s3cret-resumed");
  }
}

TEST_F(RotationRpcTest, EmptyFieldsKeepTheirValues) {
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_username("another-user@acme.example");
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(StoredPassword(), "s3cret-password");
  EXPECT_EQ((*broker_.vault.Load(kAcme))->dev_key.Reveal(), "s3cret-dev-key");
  EXPECT_EQ(acme_.history(0).fields_size(), 1);
}

TEST_F(RotationRpcTest, ClearsRemembranceAndDevKey) {
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_remember_me_id("s3cret-remember-me");
  request.set_device("broker-of-acme");
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(acme_.device(), "broker-of-acme");

  request = For<v1::RotateCredentialRequest>(acme_);
  request.set_clear_remember_me(true);
  request.set_clear_dev_key(true);
  for (const char* id : {kFirstOrganization, kSecondOrganization}) {
    v1::OrganizationSpec& own = *request.add_organizations();
    own.set_organization_id(id);
    own.set_dev_key("s3cret-own-dev-key");
  }
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(acme_.device(), "");
  const auto stored = broker_.vault.Load(kAcme);
  EXPECT_TRUE((*stored)->dev_key.empty());
  EXPECT_TRUE((*stored)->remember_me_id.empty());
}

TEST_F(RotationRpcTest, ClearRefusesANewValueBesideIt) {
  auto dev_key = For<v1::RotateCredentialRequest>(acme_);
  dev_key.set_dev_key("s3cret-next-dev-key");
  dev_key.set_clear_dev_key(true);
  EXPECT_EQ(FieldOf(Rotate(dev_key)), "clear_dev_key");
  auto device = For<v1::RotateCredentialRequest>(acme_);
  device.set_device("broker-of-acme");
  device.set_clear_remember_me(true);
  EXPECT_EQ(FieldOf(Rotate(device)), "clear_remember_me");
}

TEST_F(RotationRpcTest, OrganizationsOwnDevKeyIsSetAndCleared) {
  auto request = For<v1::RotateCredentialRequest>(acme_);
  v1::OrganizationSpec& own = *request.add_organizations();
  own.set_organization_id(kSecondOrganization);
  own.set_dev_key("s3cret-own-dev-key");
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(acme_.organizations(0).dev_key_id(), "");
  EXPECT_EQ(acme_.organizations(1).dev_key_id().size(), 16U);

  request = For<v1::RotateCredentialRequest>(acme_);
  v1::OrganizationSpec& cleared = *request.add_organizations();
  cleared.set_organization_id(kSecondOrganization);
  cleared.set_clear_dev_key(true);
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(acme_.organizations(1).dev_key_id(), "");
}

TEST_F(RotationRpcTest, RejectsUnclearChangesOfOrganizations) {
  struct Row {
    std::string field;
    std::function<void(v1::OrganizationSpec&)> change;
  };
  const Row rows[] = {
      {"organizations[1].dev_key", [](auto& spec) { spec.clear_dev_key(); }},
      {"organizations[1].clear_dev_key", [](auto& spec) { spec.set_clear_dev_key(true); }},
      {"organizations[1].user_id", [](auto& spec) { spec.set_user_id("00600000000000000001"); }},
  };
  for (const Row& row : rows) {
    auto request = For<v1::RotateCredentialRequest>(acme_);
    request.set_password("s3cret-next");
    for (const char* id : {kFirstOrganization, kSecondOrganization}) {
      v1::OrganizationSpec& spec = *request.add_organizations();
      spec.set_organization_id(id);
      spec.set_dev_key("s3cret-own-dev-key");
    }
    row.change(*request.mutable_organizations(1));
    EXPECT_EQ(FieldOf(Rotate(request)), row.field);
  }
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(RotationRpcTest, AttachRejectsClearedDevKey) {
  auto request = For<v1::AttachOrganizationsRequest>(acme_);
  request.add_organizations()->set_organization_id(kThirdOrganization);
  request.add_organizations()->set_organization_id(kSecondOrganization);
  request.mutable_organizations(1)->set_clear_dev_key(true);
  v1::AttachOrganizationsResponse response;
  EXPECT_EQ(FieldOf(Call(*credentials_, &CredentialStub::AttachOrganizations, request, &response)),
            "organizations[1].clear_dev_key");
}

TEST_F(RotationRpcTest, RejectsRotationThatChangesNothing) {
  const absl::Status status = Rotate(For<v1::RotateCredentialRequest>(acme_));
  EXPECT_THAT(status, AllOf(HasReason(Reason::kMalformedRequest), HasMetadata("field", "request")));
}

TEST_F(RotationRpcTest, RejectsMalformedRequestsWithoutProbe) {
  auto no_uid = For<v1::RotateCredentialRequest>(acme_);
  no_uid.set_password("s3cret-next-password");
  no_uid.set_uid("?");
  EXPECT_EQ(FieldOf(Rotate(no_uid)), "uid");
  auto bad_organization = For<v1::RotateCredentialRequest>(acme_);
  bad_organization.set_password("s3cret-next-password");
  bad_organization.set_organization_id("a/b");
  EXPECT_EQ(FieldOf(Rotate(bad_organization)), "organization_id");
  auto twice = For<v1::RotateCredentialRequest>(acme_);
  twice.add_organizations()->set_organization_id(kFirstOrganization);
  twice.add_organizations()->set_organization_id(kFirstOrganization);
  EXPECT_EQ(FieldOf(Rotate(twice)), "organizations[1].organization_id");
  v1::ResumeRotationResponse response;
  EXPECT_EQ(FieldOf(Call(*credentials_, &CredentialStub::ResumeRotation,
                         For<v1::ResumeRotationRequest>(acme_), &response)),
            "rotation_id");
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(RotationRpcTest, ChecksFormatOfChangeBeforePermission) {
  callers_.SetPolicy({});
  auto twice = For<v1::RotateCredentialRequest>(acme_);
  twice.add_organizations()->set_organization_id(kFirstOrganization);
  twice.add_organizations()->set_organization_id(kFirstOrganization);
  EXPECT_EQ(FieldOf(Rotate(twice)), "organizations[1].organization_id");
  EXPECT_THAT(Rotate(For<v1::RotateCredentialRequest>(acme_)), HasReason(Reason::kNotGranted));
}

// All changes take turns on one thread.
TEST_F(RotationRpcTest, ProbeBlocksOtherChangesForAMinuteAtMost) {
  BillError wait;
  wait.verdict = Verdict::kRateLimited;
  wait.code = "BDC_1144";
  wait.retry_after = absl::Minutes(2);
  broker_.bill.FailNextSignIns(1, wait);
  EXPECT_THAT(GetSession(kFirstOrganization), Not(IsOk()));
  grpc::ClientContext verification;
  verification.set_deadline(absl::ToChronoTime(absl::Now() + absl::Hours(2)));
  v1::VerifyCredentialResponse verified;
  const absl::Status verify = FromGrpcStatus(credentials_->VerifyCredential(
      &verification, For<v1::VerifyCredentialRequest>(acme_), &verified));
  EXPECT_THAT(verify, HasReason(Reason::kBillRateLimited));

  grpc::ClientContext rotation;
  rotation.set_deadline(absl::ToChronoTime(absl::Now() + absl::Hours(2)));
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_password("s3cret-next");
  v1::RotateCredentialResponse rotated;
  const absl::Status rotate =
      FromGrpcStatus(credentials_->RotateCredential(&rotation, request, &rotated));
  EXPECT_THAT(rotate, HasReason(Reason::kBillRateLimited));

  grpc::ClientContext challenge;
  challenge.set_deadline(absl::ToChronoTime(absl::Now() + absl::Hours(2)));
  v1::StartChallengeRequest start;
  start.set_credential(kAcme);
  v1::StartChallengeResponse started;
  const absl::Status challenged = FromGrpcStatus(mfa_->StartChallenge(&challenge, start, &started));
  EXPECT_THAT(challenged, HasReason(Reason::kBillRateLimited));
}

TEST_F(RotationRpcTest, RejectsRotationWhileDraining) {
  state_.StartDraining();
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_password("s3cret-next-password");
  EXPECT_THAT(Rotate(request), HasReason(Reason::kDraining));
}

TEST_F(RotationRpcTest, ProgressCountsSessionsOfNewDevKey) {
  const auto progress = [this] {
    v1::GetRotationProgressRequest request;
    request.set_credential(kAcme);
    v1::GetRotationProgressResponse response;
    EXPECT_THAT(Call(*credentials_, &CredentialStub::GetRotationProgress, request, &response),
                IsOk());
    return response;
  };
  ASSERT_THAT(GetSession(kFirstOrganization), IsOk());
  ASSERT_THAT(GetSession(kSecondOrganization), IsOk());
  const auto subscription = hub_.Subscribe({kSecondOrganization}, {});
  EXPECT_EQ(progress().current_session_count(), 2);
  EXPECT_EQ(progress().watcher_count(), 1);
  EXPECT_EQ(progress().updated_watcher_count(), 0);
  auto request = For<v1::RotateCredentialRequest>(acme_);
  request.set_dev_key("s3cret-next-dev-key");
  ASSERT_THAT(Rotate(request), IsOk());
  EXPECT_EQ(progress().version(), 2u);
  EXPECT_EQ(progress().live_session_count(), 2);
  EXPECT_EQ(progress().current_session_count(), 1);  // the session of the proof
  v1::GetRotationProgressResponse response;
  EXPECT_EQ(FieldOf(Call(*credentials_, &CredentialStub::GetRotationProgress, {}, &response)),
            "credential");
}

}  // namespace
}  // namespace billbroker

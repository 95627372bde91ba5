#include "server/credentials/mfa_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/await.h"
#include "tests/support/awaited_answer.h"
#include "tests/support/held_timers.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

// kAcme is a user of two organizations without a rememberMeId.
class MfaManagerTest : public ::testing::Test {
 protected:
  MfaManagerTest() {
    Credential draft = SampleUser(kAcme);
    draft.remember_me_id = SecretString();
    draft.device = "";
    EXPECT_THAT(broker_.manager.Create(std::move(draft)), IsOk());
  }

  // Ends all work before the session manager is destroyed.
  ~MfaManagerTest() override { threads_.reset(); }

  absl::StatusOr<SessionPtr> Get(absl::string_view organization_id, bool trusted = false) {
    AwaitedAnswer<SessionPtr> answer;
    SessionDemand demand;
    demand.require_trusted = trusted;
    broker_.sessions.GetSession(organization_id, "", demand, answer.Callback());
    return answer.Take("a session");
  }
  absl::StatusOr<OpenChallenge> Start(const std::string& credential = kAcme,
                                      const std::string& organization_id = "") {
    return broker_.mfa.StartChallenge(credential, organization_id, "unix:operations-team",
                                      absl::Seconds(30));
  }
  absl::StatusOr<MfaRenewal> Complete(const std::string& id, absl::string_view code = "123456",
                                      const std::string& device = "") {
    return broker_.mfa.CompleteChallenge(id, SecretString::CopyOf(code), device,
                                         "unix:operations-team");
  }
  [[nodiscard]] CredentialVersion Now() const {
    const CredentialInfoPtr info = *broker_.credentials.Get(kAcme);
    return {info->name, info->uid, info->version};
  }
  CredentialPtr Stored() { return *broker_.vault.Load(kAcme); }

  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  HeldTimers executor_{*threads_};
  TestBroker broker_{executor_};
};

TEST_F(MfaManagerTest, OnlyItsPrincipalMayCompleteChallenge) {
  const absl::StatusOr<OpenChallenge> open = Start();
  ASSERT_THAT(open, IsOk());
  const absl::StatusOr<MfaRenewal> refused = broker_.mfa.CompleteChallenge(
      open->id, SecretString::CopyOf("123456"), "", "unix:another-operator");
  EXPECT_THAT(refused, HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(Complete(open->id), IsOk());
}

TEST_F(MfaManagerTest, CompletedChallengeStepsUpLiveSessions) {
  ASSERT_THAT(Get(kSecondOrganization), IsOk());
  const absl::StatusOr<OpenChallenge> open = Start();
  ASSERT_THAT(open, IsOk());
  EXPECT_EQ(open->organization_id, kSecondOrganization);  // the organization with a live session
  EXPECT_EQ(open->expire_time, broker_.clock.Now() + absl::Minutes(5));
  ASSERT_THAT(Get(kFirstOrganization), IsOk());

  broker_.clock.Advance(absl::Minutes(1));
  const absl::StatusOr<MfaRenewal> renewal = Complete(open->id);
  ASSERT_THAT(renewal, IsOk());
  EXPECT_THAT(renewal->sessions, ElementsAre(StepUpOutcome::kTrusted, StepUpOutcome::kTrusted));
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
  EXPECT_EQ(Stored()->device, "billbroker");
  EXPECT_EQ(Stored()->remember_me_time, broker_.clock.Now());
  EXPECT_EQ(renewal->credential->version, 2u);
  EXPECT_EQ(renewal->credential->remember_me_time, broker_.clock.Now());
  ASSERT_EQ(renewal->credential->history.size(), 1u);
  EXPECT_EQ(renewal->credential->history[0].kind, PastChangeKind::kMfaRenewed);
  EXPECT_EQ(renewal->credential->history[0].principal, "unix:operations-team");
  EXPECT_THAT(Get(kFirstOrganization, true), IsOk());
  EXPECT_THAT(Get(kSecondOrganization, true), IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(MfaManagerTest, LaterSignInsSendRememberMeId) {
  ASSERT_THAT(Complete(Start()->id, "123456", "the broker"), IsOk());
  EXPECT_EQ(Stored()->device, "the broker");
  ASSERT_THAT(Get(kSecondOrganization, true), IsOk());
}

// The limit of text messages has the code of the hourly limit.
TEST_F(MfaManagerTest, SmsLimitIsAWaitOfAMinute) {
  broker_.bill.FailNextMfaCalls(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  const absl::StatusOr<OpenChallenge> refused = Start();
  EXPECT_THAT(refused, AllOf(HasReason(Reason::kBillRateLimited),
                             HasRetryAfter(AllOf(Ge(absl::Minutes(1)), Le(absl::Seconds(70))))));
}

TEST_F(MfaManagerTest, RetryAfterOfSmsLimitIsKept) {
  BillError limited = Refusal(Verdict::kRateLimited, "BDC_1144");
  limited.retry_after = absl::ZeroDuration();
  broker_.bill.FailNextMfaCalls(1, limited);
  EXPECT_THAT(Start(),
              HasRetryAfter(AllOf(Ge(absl::Milliseconds(50)), Le(absl::Milliseconds(55)))));
}

TEST_F(MfaManagerTest, ThrottledChallengeIsAWaitOfSeconds) {
  broker_.bill.FailNextMfaCalls(1, Refusal(Verdict::kThrottled, ""));
  EXPECT_THAT(Start(), AllOf(HasReason(Reason::kBillUnavailable),
                             HasRetryAfter(AllOf(Ge(absl::Seconds(1)), Le(absl::Seconds(2))))));
}

TEST_F(MfaManagerTest, WrongCodeMayBeRetried) {
  const std::string id = Start()->id;
  const absl::Status wrong = Complete(id, "000000").status();
  EXPECT_THAT(wrong, HasReason(Reason::kMfaFailed));
  EXPECT_THAT(wrong, HasMetadata("bill_code", "BDC_1356"));
  EXPECT_TRUE(Stored()->remember_me_id.empty());
  EXPECT_THAT(Complete(id), IsOk());
}

TEST_F(MfaManagerTest, TooManyTriesEndChallenge) {
  const std::string id = Start()->id;
  broker_.bill.FailNextMfaCalls(1, Refusal(Verdict::kMfaFailed, "BDC_1358"));
  EXPECT_THAT(Complete(id),
              AllOf(HasReason(Reason::kMfaFailed), HasMetadata("bill_code", "BDC_1358")));
  EXPECT_THAT(Complete(id), HasReason(Reason::kMalformedRequest));
}

TEST_F(MfaManagerTest, ChallengeEndsByTimeOrByNextOne) {
  const std::string first = Start()->id;
  const std::string second = Start()->id;
  EXPECT_THAT(Complete(first), HasReason(Reason::kMalformedRequest));
  broker_.clock.Advance(MfaManager::kChallengeLifetime);
  EXPECT_THAT(Complete(second), HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(Complete("id-of-no-challenge"), HasReason(Reason::kMalformedRequest));
}

TEST_F(MfaManagerTest, KeepsRememberMeIdWhileKeyringIsLocked) {
  const std::string id = Start()->id;
  broker_.vault.set_state(VaultState::kLocked);
  EXPECT_THAT(Complete(id), HasReason(Reason::kVaultLocked));
  broker_.clock.Advance(absl::Minutes(30));
  broker_.vault.set_state(VaultState::kReady);
  const absl::StatusOr<MfaRenewal> renewal = Complete(id, "000000");  // no call to BILL
  ASSERT_THAT(renewal, IsOk());
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
}

TEST_F(MfaManagerTest, RepeatedRenewalIsStoredOnce) {
  const std::string id = Start()->id;
  broker_.vault.LoseNextAnswer(true);
  EXPECT_THAT(Complete(id),
              AllOf(HasReason(Reason::kVaultUnreachable), HasMetadata("outcome", "unknown")));
  const absl::StatusOr<MfaRenewal> renewal = Complete(id);
  ASSERT_THAT(renewal, IsOk());
  EXPECT_EQ(renewal->credential->version, 2u);
  EXPECT_EQ(Stored()->history.size(), 1u);
}

TEST_F(MfaManagerTest, ChallengeSurvivesChangeByAnotherOperator) {
  const std::string id = Start()->id;
  std::vector<Organization> more;
  more.push_back({kThirdOrganization, SecretString()});
  ASSERT_THAT(broker_.manager.Attach(Now(), std::move(more)), IsOk());
  const absl::StatusOr<MfaRenewal> renewal = Complete(id);
  ASSERT_THAT(renewal, IsOk());
  EXPECT_EQ(renewal->credential->organizations.size(), 3u);
}

TEST_F(MfaManagerTest, ReplacedCredentialDoesNotGetRememberMeId) {
  const std::string id = Start()->id;
  broker_.bill.FailNextSignOuts(1, Refusal(Verdict::kUnavailable, ""));  // its session stays live
  ASSERT_THAT(broker_.manager.Delete(Now(), true), IsOk());
  ASSERT_THAT(broker_.manager.Create(SampleUser(kAcme)), IsOk());
  EXPECT_THAT(Complete(id), HasReason(Reason::kVersionConflict));
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), "s3cret-remember-me");
}

TEST_F(MfaManagerTest, StepsUpSignInThatWasUnderWay) {
  const std::string id = Start()->id;  // with a session of kFirstOrganization
  // This sign-in is sent before the rememberMeId is stored, so it sends none.
  broker_.bill.Hold();
  AwaitedAnswer<SessionPtr> signed_in;
  broker_.sessions.GetSession(kSecondOrganization, "", {}, signed_in.Callback());
  ASSERT_TRUE(Await([this] { return broker_.bill.held() > 0; }, "the sign-in to be held"));
  broker_.bill.AnswerAtOnce();
  const absl::StatusOr<MfaRenewal> renewal = Complete(id);
  ASSERT_THAT(renewal, IsOk());
  EXPECT_EQ(renewal->sessions.size(), 1u);
  EXPECT_TRUE(broker_.bill.ReleaseOne());
  EXPECT_FALSE((*signed_in.Take("the session of the held sign-in"))->trusted);
  executor_.RunLater();
  EXPECT_THAT(Get(kSecondOrganization, true), IsOk());
}

TEST_F(MfaManagerTest, LaterStepUpReadsRememberMeIdAgain) {
  ASSERT_THAT(Complete(Start()->id), IsOk());
  const int reads = broker_.vault.reads();
  executor_.RunLater();
  EXPECT_EQ(broker_.vault.reads(), reads + 1);
}

TEST_F(MfaManagerTest, RollbackRevertsRotationBeforeRenewal) {
  CredentialChange change;
  change.password = SecretString::CopyOf("s3cret-next");
  ASSERT_THAT(broker_.manager.Rotate(Now(), std::move(change), {}), IsOk());
  ASSERT_THAT(Complete(Start()->id), IsOk());
  ASSERT_THAT(broker_.manager.Rollback(Now(), {}), IsOk());
  EXPECT_EQ(Stored()->password.Reveal(), SampleUser(kAcme).password.Reveal());
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
}

// A rotation with a rememberMeId is staged.
class StagedTrustTest : public MfaManagerTest {
 protected:
  static CredentialChange NewTrust() {
    CredentialChange change;
    change.remember_me_id = SecretString::CopyOf("s3cret-staged-remember-me");
    change.device = "device-of-the-rotation";
    return change;
  }
  // Stages `change` after a challenge was started, and completes the challenge.
  std::string RenewAfterStaging(CredentialChange change) {
    const std::string challenge = Start()->id;
    BillError lost;
    lost.verdict = Verdict::kUnavailable;
    broker_.bill.FailNextSignIns(1, lost);
    const absl::Status pending = broker_.manager.Rotate(Now(), std::move(change), {}).status();
    EXPECT_THAT(pending, HasReason(Reason::kRotationPending));
    EXPECT_THAT(Complete(challenge), IsOk());
    return DetailsOf(pending)->metadata["rotation_id"];
  }
};

TEST_F(StagedTrustTest, ResumedRotationKeepsRenewedTrust) {
  CredentialChange change = NewTrust();
  change.password = SecretString::CopyOf("s3cret-next-password");
  const std::string id = RenewAfterStaging(std::move(change));
  const absl::Time renewed = Stored()->remember_me_time;
  broker_.clock.Advance(absl::Minutes(10));
  ASSERT_THAT(broker_.manager.ResumeRotation(Now(), id, absl::Seconds(30)), IsOk());
  EXPECT_EQ(Stored()->password.Reveal(), "s3cret-next-password");
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
  EXPECT_EQ(Stored()->device, "billbroker");
  EXPECT_EQ(Stored()->remember_me_time, renewed);
}

TEST_F(StagedTrustTest, RotationOfTrustAloneIsCancelled) {
  const std::string id = RenewAfterStaging(NewTrust());
  const CredentialInfoPtr shown = *broker_.credentials.Get(kAcme);
  EXPECT_FALSE(shown->pending.has_value());
  ASSERT_EQ(shown->history.size(), 2u);
  EXPECT_EQ(shown->history[0].kind, PastChangeKind::kMfaRenewed);
  EXPECT_EQ(shown->history[1].kind, PastChangeKind::kCancelled);
  EXPECT_EQ(shown->history[1].principal, "unix:operations-team");
  EXPECT_THAT(broker_.manager.ResumeRotation(Now(), id, absl::Seconds(30)),
              HasMetadata("field", "rotation_id"));
}

TEST_F(StagedTrustTest, RotationToAnotherUserKeepsItsTrust) {
  CredentialChange change = NewTrust();
  change.username = "another-user@acme.example";
  const std::string id = RenewAfterStaging(std::move(change));
  ASSERT_THAT(broker_.manager.ResumeRotation(Now(), id, absl::Seconds(30)), IsOk());
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), "s3cret-staged-remember-me");
}

TEST_F(MfaManagerTest, ReplacesDeadSessionOnceForChallenge) {
  ASSERT_THAT(Get(kFirstOrganization), IsOk());
  broker_.bill.KillAllSessions();
  broker_.clock.Advance(absl::Minutes(1));
  ASSERT_THAT(Start(), IsOk());
  EXPECT_EQ(broker_.bill.CountSignInsOf(kFirstOrganization), 2);
  broker_.bill.FailNextMfaCalls(2, Refusal(Verdict::kSessionInvalid, "BDC_1109"));
  EXPECT_THAT(Start(), HasReason(Reason::kSessionUnstable));
}

TEST_F(MfaManagerTest, RefusalTextsNameTheFix) {
  broker_.bill.FailNextMfaCalls(1, Refusal(Verdict::kMfaFailed, "BDC_1354"));
  const absl::Status refused = Start().status();
  EXPECT_THAT(refused, AllOf(HasReason(Reason::kMfaFailed), HasMetadata("bill_code", "BDC_1354")));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no phone for MFA"));
  const std::string id = Start()->id;
  EXPECT_THAT(std::string(Complete(id, "000000").status().message()), HasSubstr("read it again"));
  broker_.bill.FailNextMfaCalls(1, Refusal(Verdict::kMfaFailed, "BDC_1358"));
  EXPECT_THAT(std::string(Complete(id).status().message()), HasSubstr("start again"));
}

TEST_F(MfaManagerTest, RejectsImpossibleRequests) {
  EXPECT_THAT(Start("unknown-credential"), HasReason(Reason::kUnknownCredential));
  EXPECT_THAT(Start(kAcme, "00800000000000000099"), HasReason(Reason::kUnknownOrganization));
  Credential token = SampleUser("sync-token-of-acme");
  token.sync_token = true;
  ASSERT_THAT(broker_.manager.Create(std::move(token)), IsOk());
  EXPECT_THAT(Start("sync-token-of-acme"), HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(broker_.mfa.StepUp(kAcme), HasReason(Reason::kMfaRequired));
}

TEST_F(MfaManagerTest, StepUpNeedsNoPerson) {
  ASSERT_THAT(Complete(Start()->id), IsOk());
  ASSERT_THAT(Get(kSecondOrganization), IsOk());
  broker_.bill.SetSessionTrust(FakeBill::SessionId(2), false);
  const absl::StatusOr<std::vector<StepUpOutcome>> outcomes = broker_.mfa.StepUp(kAcme);
  ASSERT_THAT(outcomes, IsOk());
  EXPECT_THAT(*outcomes, ElementsAre(StepUpOutcome::kTrusted, StepUpOutcome::kTrusted));
}

TEST_F(MfaManagerTest, RollbackDoesNotRevertRenewal) {
  CredentialChange change;
  change.remember_me_id = SecretString::CopyOf("by-hand");
  change.device = "by hand";
  const RotationOptions unproved = {.verify = false};
  ASSERT_THAT(broker_.manager.Rotate(Now(), std::move(change), unproved), IsOk());
  ASSERT_THAT(Complete(Start()->id), IsOk());
  const absl::Status nothing = broker_.manager.Rollback(Now(), unproved).status();
  EXPECT_THAT(nothing, HasReason(Reason::kNoPreviousVersion));
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
}

}  // namespace
}  // namespace billbroker

#include "server/credentials/mfa_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/held_timers.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "acme" is a user of 0081 and 0082 without a rememberMeId.
class MfaManagerTest : public ::testing::Test {
 protected:
  MfaManagerTest() {
    Credential draft = SampleUser("acme");
    draft.remember_me_id = SecretString();
    draft.device = "";
    EXPECT_TRUE(broker_.manager.Create(std::move(draft)).ok());
  }

  ~MfaManagerTest() override { threads_.reset(); }  // its work ends before the engine goes

  absl::StatusOr<SessionPtr> Get(absl::string_view organization_id, bool trusted = false) {
    std::promise<absl::StatusOr<SessionPtr>> answer;
    SessionDemand demand;
    demand.require_trusted = trusted;
    broker_.engine.GetSession(
        organization_id, "", demand,
        [&answer](absl::StatusOr<SessionPtr> got) { answer.set_value(std::move(got)); });
    return answer.get_future().get();
  }
  absl::StatusOr<OpenChallenge> Start(const std::string& credential = "acme",
                                      const std::string& organization_id = "") {
    return broker_.mfa.StartChallenge(credential, organization_id, "unix:ops", absl::Seconds(30));
  }
  absl::StatusOr<MfaRenewal> Complete(const std::string& id, absl::string_view code = "123456",
                                      const std::string& device = "") {
    return broker_.mfa.CompleteChallenge(id, SecretString::CopyOf(code), device, "unix:ops");
  }
  CredentialPtr Stored() { return *broker_.vault.Load("acme"); }

  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  HeldTimers executor_{*threads_};
  TestBroker broker_{executor_};
};

TEST_F(MfaManagerTest, AChallengeIsCompletedByThePrincipalThatStartedIt) {
  const absl::StatusOr<OpenChallenge> open = Start();
  ASSERT_TRUE(open.ok()) << open.status();
  const absl::StatusOr<MfaRenewal> refused =
      broker_.mfa.CompleteChallenge(open->id, SecretString::CopyOf("123456"), "", "unix:another");
  EXPECT_TRUE(HasReason(refused.status(), Reason::kMalformedRequest)) << refused.status();
  EXPECT_TRUE(Complete(open->id).ok());
}

TEST_F(MfaManagerTest, AnAnsweredChallengeIsStoredAndTheLiveSessionsAreSteppedUp) {
  ASSERT_TRUE(Get("00800000000000000082").ok());
  const absl::StatusOr<OpenChallenge> open = Start();
  ASSERT_TRUE(open.ok()) << open.status();
  EXPECT_EQ(open->organization_id, "00800000000000000082");  // it has a live session
  EXPECT_EQ(open->expire_time, broker_.clock.Now() + absl::Minutes(5));
  ASSERT_TRUE(Get("00800000000000000081").ok());

  broker_.clock.Advance(absl::Minutes(1));
  const absl::StatusOr<MfaRenewal> renewal = Complete(open->id);
  ASSERT_TRUE(renewal.ok()) << renewal.status();
  EXPECT_THAT(renewal->sessions, ElementsAre(StepUpOutcome::kTrusted, StepUpOutcome::kTrusted));
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
  EXPECT_EQ(Stored()->device, "billbroker");
  EXPECT_EQ(Stored()->remember_me_time, broker_.clock.Now());
  EXPECT_EQ(renewal->credential->version, 2u);
  EXPECT_EQ(renewal->credential->remember_me_time, broker_.clock.Now());
  ASSERT_EQ(renewal->credential->history.size(), 1u);
  EXPECT_EQ(renewal->credential->history[0].kind, PastChangeKind::kMfaRenewed);
  EXPECT_EQ(renewal->credential->history[0].principal, "unix:ops");
  EXPECT_TRUE(Get("00800000000000000081", true).ok());
  EXPECT_TRUE(Get("00800000000000000082", true).ok());
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(MfaManagerTest, LaterSignInsCarryIt) {
  ASSERT_TRUE(Complete(Start()->id, "123456", "the broker").ok());
  EXPECT_EQ(Stored()->device, "the broker");
  ASSERT_TRUE(Get("00800000000000000082", true).ok());
}

TEST_F(MfaManagerTest, AWrongCodeMayBeTriedAgain) {
  const std::string id = Start()->id;
  const absl::Status wrong = Complete(id, "000000").status();
  EXPECT_TRUE(HasReason(wrong, Reason::kMfaFailed)) << wrong;
  EXPECT_EQ(DetailsOf(wrong)->metadata["bill_code"], "BDC_1356");
  EXPECT_THAT(std::string(wrong.message()), HasSubstr("read it again"));
  EXPECT_TRUE(Stored()->remember_me_id.empty());
  EXPECT_TRUE(Complete(id).ok());
}

TEST_F(MfaManagerTest, AfterTooManyTriesTheChallengeIsOver) {
  const std::string id = Start()->id;
  broker_.bill.FailNextMfaCalls(1, Refusal(Verdict::kMfaFailed, "BDC_1358"));
  const absl::Status over = Complete(id).status();
  EXPECT_TRUE(HasReason(over, Reason::kMfaFailed)) << over;
  EXPECT_THAT(std::string(over.message()), HasSubstr("start again"));
  EXPECT_TRUE(HasReason(Complete(id).status(), Reason::kMalformedRequest));
}

TEST_F(MfaManagerTest, AChallengeEndsWithItsTimeAndWithTheNextOne) {
  const std::string first = Start()->id;
  const std::string second = Start()->id;
  EXPECT_TRUE(HasReason(Complete(first).status(), Reason::kMalformedRequest));
  broker_.clock.Advance(MfaManager::kChallengeLifetime);
  EXPECT_TRUE(HasReason(Complete(second).status(), Reason::kMalformedRequest));
  EXPECT_TRUE(HasReason(Complete("no-such-id").status(), Reason::kMalformedRequest));
}

TEST_F(MfaManagerTest, WhatBillGaveIsNotLostWithTheKeyring) {
  const std::string id = Start()->id;
  broker_.vault.set_state(VaultState::kLocked);
  EXPECT_TRUE(HasReason(Complete(id).status(), Reason::kVaultLocked));
  broker_.clock.Advance(absl::Minutes(30));
  broker_.vault.set_state(VaultState::kReady);
  const absl::StatusOr<MfaRenewal> renewal = Complete(id, "000000");  // BILL is not asked again
  ASSERT_TRUE(renewal.ok()) << renewal.status();
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
}

TEST_F(MfaManagerTest, AChangeByAnotherOperatorDoesNotLoseIt) {
  const std::string id = Start()->id;
  const CredentialInfoPtr info = *broker_.directory.Get("acme");
  std::vector<Organization> more;
  more.push_back({"00800000000000000083", SecretString()});
  ASSERT_TRUE(broker_.manager.Attach({info->name, info->uid, info->version}, std::move(more)).ok());
  const absl::StatusOr<MfaRenewal> renewal = Complete(id);
  ASSERT_TRUE(renewal.ok()) << renewal.status();
  EXPECT_EQ(renewal->credential->organizations.size(), 3u);
}

TEST_F(MfaManagerTest, ACredentialThatIsAnotherByNowDoesNotGetIt) {
  const std::string id = Start()->id;
  broker_.bill.FailNextSignOuts(1, Refusal(Verdict::kUnavailable, ""));  // its session lives on
  const CredentialInfoPtr info = *broker_.directory.Get("acme");
  ASSERT_TRUE(broker_.manager.Delete({info->name, info->uid, info->version}, true).ok());
  ASSERT_TRUE(broker_.manager.Create(SampleUser("acme")).ok());
  EXPECT_TRUE(HasReason(Complete(id).status(), Reason::kVersionConflict));
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), "s3cret-remember-me");
}

TEST_F(MfaManagerTest, ASignInThatWasUnderWayIsSteppedUpLater) {
  const std::string id = Start()->id;  // with a session of 0081
  // Sent before the id was stored, answered after: it carries none.
  broker_.bill.Hold();
  std::promise<absl::StatusOr<SessionPtr>> signed_in;
  broker_.engine.GetSession(
      "00800000000000000082", "", {},
      [&signed_in](absl::StatusOr<SessionPtr> got) { signed_in.set_value(std::move(got)); });
  while (broker_.bill.held() == 0) std::this_thread::yield();
  broker_.bill.AnswerAtOnce();
  const absl::StatusOr<MfaRenewal> renewal = Complete(id);
  ASSERT_TRUE(renewal.ok()) << renewal.status();
  EXPECT_EQ(renewal->sessions.size(), 1u);
  EXPECT_TRUE(broker_.bill.ReleaseOne());
  EXPECT_FALSE((*signed_in.get_future().get())->trusted);
  executor_.RunLater();
  EXPECT_TRUE(Get("00800000000000000082", true).ok());
}

TEST_F(MfaManagerTest, NobodyHoldsTheIdUntilThen) {
  ASSERT_TRUE(Complete(Start()->id).ok());
  const int reads = broker_.vault.reads();
  executor_.RunLater();
  EXPECT_EQ(broker_.vault.reads(), reads + 1);  // where it is read again
}

TEST_F(MfaManagerTest, ItIsNoVersionToRollBackFrom) {
  const CredentialInfoPtr info = *broker_.directory.Get("acme");
  CredentialChange change;
  change.password = SecretString::CopyOf("s3cret-next");
  ASSERT_TRUE(
      broker_.manager.Rotate({info->name, info->uid, info->version}, std::move(change), {}).ok());
  ASSERT_TRUE(Complete(Start()->id).ok());
  const CredentialInfoPtr now = *broker_.directory.Get("acme");
  ASSERT_TRUE(broker_.manager.Rollback({now->name, now->uid, now->version}, {}).ok());
  EXPECT_EQ(Stored()->password.Reveal(), SampleUser("acme").password.Reveal());
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
}

TEST_F(MfaManagerTest, ASessionThatDiedIsReplacedOnceForTheChallenge) {
  ASSERT_TRUE(Get("00800000000000000081").ok());
  broker_.bill.KillAllSessions();
  broker_.clock.Advance(absl::Minutes(1));
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(broker_.bill.CountSignInsOf("00800000000000000081"), 2);
  broker_.bill.FailNextMfaCalls(2, Refusal(Verdict::kSessionInvalid, "BDC_1109"));
  EXPECT_TRUE(HasReason(Start().status(), Reason::kSessionUnstable));
}

TEST_F(MfaManagerTest, WhatBillRefusesIsExplained) {
  broker_.bill.FailNextMfaCalls(1, Refusal(Verdict::kMfaFailed, "BDC_1354"));
  const absl::Status refused = Start().status();
  EXPECT_TRUE(HasReason(refused, Reason::kMfaFailed)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no phone for MFA"));
}

TEST_F(MfaManagerTest, WhatCannotBeAskedIsSaid) {
  EXPECT_TRUE(HasReason(Start("nobody").status(), Reason::kUnknownCredential));
  EXPECT_TRUE(
      HasReason(Start("acme", "00800000000000000099").status(), Reason::kUnknownOrganization));
  Credential token = SampleUser("token");
  token.sync_token = true;
  ASSERT_TRUE(broker_.manager.Create(std::move(token)).ok());
  EXPECT_TRUE(HasReason(Start("token").status(), Reason::kMalformedRequest));
  EXPECT_TRUE(HasReason(broker_.mfa.StepUp("acme").status(), Reason::kMfaRequired));
}

TEST_F(MfaManagerTest, ASteppedUpCredentialNeedsNoPerson) {
  ASSERT_TRUE(Complete(Start()->id).ok());
  ASSERT_TRUE(Get("00800000000000000082").ok());
  broker_.bill.SetSessionTrust(FakeBill::SessionId(2), false);
  const absl::StatusOr<std::vector<StepUpOutcome>> outcomes = broker_.mfa.StepUp("acme");
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  EXPECT_THAT(*outcomes, ElementsAre(StepUpOutcome::kTrusted, StepUpOutcome::kTrusted));
}

TEST_F(MfaManagerTest, ARollBackLeavesARenewalInPlace) {
  const CredentialInfoPtr info = *broker_.directory.Get("acme");
  CredentialChange change;
  change.remember_me_id = SecretString::CopyOf("by-hand");
  change.device = "by hand";
  const RotationOptions unproved = {.verify = false};
  ASSERT_TRUE(
      broker_.manager.Rotate({info->name, info->uid, info->version}, std::move(change), unproved)
          .ok());
  ASSERT_TRUE(Complete(Start()->id).ok());
  const CredentialInfoPtr now = *broker_.directory.Get("acme");
  const absl::Status nothing =
      broker_.manager.Rollback({now->name, now->uid, now->version}, unproved).status();
  EXPECT_TRUE(HasReason(nothing, Reason::kNoPreviousVersion)) << nothing;
  EXPECT_EQ(Stored()->remember_me_id.Reveal(), FakeBill::RememberMeId(1));
}

}  // namespace
}  // namespace billbroker

// MFA trust: the session manager reports the trust that BILL reports, and a step-up costs no
// sign-in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SessionManagerTrustTest : public SessionManagerTest {
 protected:
  // Passes a challenge at BILL and stores its rememberMeId in the credential.
  void Remember() {
    const SessionPtr session = *Get();
    bill.ValidateMfaChallenge(
        session->keys,
        {SecretString::CopyOf(absl::StrCat("of ", session->keys.session_id->Reveal())),
         SecretString::CopyOf("123456"), "billbroker"},
        [this](BillResult<MfaValidated> validated) {
          Credential next = (*vault.Load(kAcme))->Clone();
          ++next.version;
          next.remember_me_id = std::move(validated.value().remember_me_id);
          next.device = "billbroker";
          Replace(next);
        });
    executor.RunUntilIdle();
  }

  std::vector<StepUpOutcome> StepUp() {
    const CredentialPtr stored = *vault.Load(kAcme);
    std::vector<StepUpOutcome> outcomes;
    bool answered = false;
    manager.StepUp(*credentials.Get(kAcme), stored->remember_me_id.Clone(), stored->device,
                   [&](std::vector<StepUpOutcome> given) {
                     outcomes = std::move(given);
                     answered = true;
                   });
    executor.RunUntilIdle();
    EXPECT_TRUE(answered);
    return outcomes;
  }

  static SessionDemand Trusted() {
    SessionDemand demand;
    demand.require_trusted = true;
    return demand;
  }
};

TEST_F(SessionManagerTrustTest, StepsUpEveryLiveSession) {
  const SessionPtr first = *Get();
  ASSERT_THAT(Get({}, kSecond), IsOk());
  EXPECT_THAT(Get(Trusted()), HasReason(Reason::kMfaRequired));
  Remember();
  EXPECT_THAT(StepUp(), ElementsAre(StepUpOutcome::kTrusted, StepUpOutcome::kTrusted));
  const SessionPtr stepped_up = *Get(Trusted());
  EXPECT_TRUE(stepped_up->trusted);
  EXPECT_EQ(stepped_up->generation, first->generation);
  EXPECT_TRUE((*Get(Trusted(), kSecond))->trusted);
  EXPECT_EQ(bill.CountSignIns(), 2);
  EXPECT_EQ(bill.step_ups().size(), 2u);
}

TEST_F(SessionManagerTrustTest, StepsUpMoreSessionsThanFitAtOnce) {
  Store(MakeCredential(kMany, 30));
  for (const auto& [id, dev_key] : (*credentials.Get(kMany))->organizations) {
    ASSERT_THAT(Get({}, id), IsOk());
  }
  int answered = 0;
  manager.StepUp(*credentials.Get(kMany), SecretString::CopyOf("unknown"), "billbroker",
                 [&](const std::vector<StepUpOutcome>& outcomes) {
                   answered = static_cast<int>(outcomes.size());
                 });
  EXPECT_EQ(bill.step_ups().size(), 8u);
  executor.RunUntilIdle();
  EXPECT_EQ(answered, 30);
}

TEST_F(SessionManagerTrustTest, TrustedSessionCostsNoCall) {
  bill.SetTrusted(true);
  ASSERT_THAT(Get(), IsOk());
  EXPECT_THAT(StepUp(), ElementsAre(StepUpOutcome::kTrusted));
  EXPECT_THAT(bill.step_ups(), IsEmpty());
}

TEST_F(SessionManagerTrustTest, StepUpWithoutSessionsDoesNothing) {
  EXPECT_THAT(StepUp(), IsEmpty());
}

TEST_F(SessionManagerTrustTest, ForgetsDeadSessionAndStepsUpTheRest) {
  const SessionPtr first = *Get();
  ASSERT_THAT(Get({}, kSecond), IsOk());
  Remember();
  bill.KillSession(first->keys.session_id->Reveal());
  EXPECT_THAT(StepUp(), UnorderedElementsAre(StepUpOutcome::kFailed, StepUpOutcome::kTrusted));
  EXPECT_TRUE((*Get(Trusted()))->trusted);  // a new session, whose sign-in sent the rememberMeId
  EXPECT_EQ(bill.CountSignInsOf(kFirst), 2);
}

TEST_F(SessionManagerTrustTest, FailedStepUpChangesNothing) {
  const SessionPtr first = *Get();
  Remember();
  bill.FailNextMfaCalls(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(StepUp(), ElementsAre(StepUpOutcome::kFailed));
  EXPECT_EQ(*Get(), first);
  EXPECT_THAT(observer.trust_refusals(), IsEmpty());
}

TEST_F(SessionManagerTrustTest, SessionInfoDecidesAfterFalseStepUp) {
  const SessionPtr session = *Get();
  Remember();
  bill.ForgetDevices();  // so BILL answers "not trusted"
  bill.SetSessionTrust(session->keys.session_id->Reveal(), true);
  EXPECT_THAT(StepUp(), ElementsAre(StepUpOutcome::kTrusted));
  EXPECT_TRUE((*Get())->trusted);
}

TEST_F(SessionManagerTrustTest, ReportsStaleRememberMeIdOnce) {
  Remember();
  bill.ForgetDevices();
  ASSERT_THAT(Get({}, kSecond), IsOk());
  ASSERT_THAT(Get({}, kThird), IsOk());
  EXPECT_THAT(observer.trust_refusals(), ElementsAre(kAcme));
  EXPECT_EQ(remember_me_refusals.FindRefusalTime(**credentials.Get(kAcme)), clock.Now());
  EXPECT_THAT(Get(Trusted(), kSecond), HasReason(Reason::kMfaRequired));

  Remember();  // a new rememberMeId
  EXPECT_EQ(remember_me_refusals.FindRefusalTime(**credentials.Get(kAcme)), absl::nullopt);
}

TEST_F(SessionManagerTrustTest, MfaRequiredTextNamesStaleRememberMeId) {
  Remember();
  bill.ForgetDevices();
  const absl::Status required = Get(Trusted(), kSecond).status();
  EXPECT_THAT(std::string(required.message()), HasSubstr("did not accept the stored rememberMeId"));
}

TEST_F(SessionManagerTrustTest, CheckDoesNotUndoStepUp) {
  const SessionPtr first = *Get();
  Remember();
  clock.Advance(absl::Minutes(1));
  bill.Hold();
  Answer checked = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", Stale(first->generation),
                     [&checked](Answer given) { checked = std::move(given); });
  executor.RunUntilIdle();
  // BILL evaluated the check before the step-up, so the answer of the check is out of date.
  const CredentialPtr stored = *vault.Load(kAcme);
  manager.StepUp(*credentials.Get(kAcme), stored->remember_me_id.Clone(), stored->device,
                 [](const std::vector<StepUpOutcome>&) {});
  ASSERT_EQ(bill.held(), 2);
  bill.SetSessionTrust(first->keys.session_id->Reveal(), false);
  bill.ReleaseLast();
  bill.SetSessionTrust(first->keys.session_id->Reveal(), false);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_THAT(checked, IsOk());
  EXPECT_TRUE((*checked)->trusted);
  EXPECT_EQ((*checked)->first_generation, first->first_generation);
  EXPECT_EQ((*checked)->verified_time, clock.Now());
}

}  // namespace
}  // namespace billbroker

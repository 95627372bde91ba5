// What the engine promises of MFA trust: it is what BILL says, and a step-up costs no sign-in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kFirst[] = "008acme00000";
constexpr char kSecond[] = "008acme00001";

class EngineTrustTest : public EngineTest {
 protected:
  // A challenge passed at BILL; the id is stored as the credential's.
  void Remember() {
    const SessionPtr session = *Get();
    bill.ValidateMfaChallenge(
        session->keys,
        {SecretString::CopyOf(absl::StrCat("of ", session->keys.session_id->Reveal())),
         SecretString::CopyOf("123456"), "billbroker"},
        [this](BillResult<MfaValidated> validated) {
          Credential next = (*vault.Load("acme"))->Clone();
          ++next.version;
          next.remember_me_id = std::move(validated.value().remember_me_id);
          next.device = "billbroker";
          Replace(next);
        });
    executor.RunUntilIdle();
  }

  std::vector<StepUpOutcome> StepUp() {
    const CredentialPtr stored = *vault.Load("acme");
    std::vector<StepUpOutcome> outcomes;
    bool answered = false;
    engine.StepUp(*directory.Get("acme"), stored->remember_me_id.Clone(), stored->device,
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

TEST_F(EngineTrustTest, EveryLiveSessionIsSteppedUpWithoutASignIn) {
  const SessionPtr first = *Get();
  ASSERT_TRUE(Get({}, kSecond).ok());
  EXPECT_TRUE(HasReason(Get(Trusted()).status(), Reason::kMfaRequired));
  Remember();
  EXPECT_THAT(StepUp(), ElementsAre(StepUpOutcome::kTrusted, StepUpOutcome::kTrusted));
  const SessionPtr stepped_up = *Get(Trusted());
  EXPECT_TRUE(stepped_up->trusted);
  EXPECT_EQ(stepped_up->generation, first->generation);
  EXPECT_TRUE((*Get(Trusted(), kSecond))->trusted);
  EXPECT_EQ(bill.CountSignIns(), 2);
  EXPECT_EQ(bill.step_ups().size(), 2u);
}

TEST_F(EngineTrustTest, MoreSessionsThanGoAtOnceAreAllSteppedUp) {
  Store(MakeCredential("many", 30));
  for (const auto& [id, dev_key] : (*directory.Get("many"))->organizations) {
    ASSERT_TRUE(Get({}, id).ok());
  }
  int answered = 0;
  engine.StepUp(*directory.Get("many"), SecretString::CopyOf("unknown"), "billbroker",
                [&](const std::vector<StepUpOutcome>& outcomes) {
                  answered = static_cast<int>(outcomes.size());
                });
  EXPECT_EQ(bill.step_ups().size(), 8u);
  executor.RunUntilIdle();
  EXPECT_EQ(answered, 30);
}

TEST_F(EngineTrustTest, OneThatIsTrustedAlreadyCostsNoCall) {
  bill.SetTrusted(true);
  ASSERT_TRUE(Get().ok());
  EXPECT_THAT(StepUp(), ElementsAre(StepUpOutcome::kTrusted));
  EXPECT_THAT(bill.step_ups(), IsEmpty());
}

TEST_F(EngineTrustTest, WithoutSessionsThereIsNothingToDo) { EXPECT_THAT(StepUp(), IsEmpty()); }

TEST_F(EngineTrustTest, OneThatBillCallsDeadIsForgottenAndTheRestGoesOn) {
  const SessionPtr first = *Get();
  ASSERT_TRUE(Get({}, kSecond).ok());
  Remember();
  bill.KillSession(first->keys.session_id->Reveal());
  EXPECT_THAT(StepUp(), UnorderedElementsAre(StepUpOutcome::kFailed, StepUpOutcome::kTrusted));
  EXPECT_TRUE((*Get(Trusted()))->trusted);  // a new one, whose sign-in carried the id
  EXPECT_EQ(bill.CountSignInsOf(kFirst), 2);
}

TEST_F(EngineTrustTest, WhatBillDoesNotSayChangesNothing) {
  const SessionPtr first = *Get();
  Remember();
  bill.FailNextMfaCalls(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(StepUp(), ElementsAre(StepUpOutcome::kFailed));
  EXPECT_EQ(*Get(), first);
  EXPECT_THAT(observer.trust_refused, IsEmpty());
}

TEST_F(EngineTrustTest, ASignInWithAStaleIdIsToldOnceAndIsNoRefusal) {
  Remember();
  bill.ForgetDevices();
  ASSERT_TRUE(Get({}, kSecond).ok());
  ASSERT_TRUE(Get({}, "008acme00002").ok());
  EXPECT_THAT(observer.trust_refused, ElementsAre("acme"));
  EXPECT_EQ(directory.TrustRefusedSince(**directory.Get("acme")), clock.Now());
  const absl::Status required = Get(Trusted(), kSecond).status();
  EXPECT_TRUE(HasReason(required, Reason::kMfaRequired));
  EXPECT_THAT(std::string(required.message()), HasSubstr("did not take the stored rememberMeId"));

  Remember();  // a new one
  EXPECT_EQ(directory.TrustRefusedSince(**directory.Get("acme")), absl::nullopt);
}

TEST_F(EngineTrustTest, AStepUpDuringACheckIsNotUndoneByIt) {
  const SessionPtr first = *Get();
  Remember();
  clock.Advance(absl::Minutes(1));
  bill.Hold();
  Answer checked = absl::UnknownError("not answered");
  engine.GetSession(kFirst, "", Stale(first->generation),
                    [&checked](Answer given) { checked = std::move(given); });
  executor.RunUntilIdle();
  // BILL looked before the step-up: the check's answer is the older news.
  const CredentialPtr stored = *vault.Load("acme");
  engine.StepUp(*directory.Get("acme"), stored->remember_me_id.Clone(), stored->device,
                [](const std::vector<StepUpOutcome>&) {});
  ASSERT_EQ(bill.held(), 2);
  bill.SetSessionTrust(first->keys.session_id->Reveal(), false);
  bill.ReleaseLast();
  bill.SetSessionTrust(first->keys.session_id->Reveal(), false);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_TRUE((*checked)->trusted);
  EXPECT_EQ((*checked)->first_generation, first->first_generation);
  EXPECT_EQ((*checked)->verified_time, clock.Now());
}

}  // namespace
}  // namespace billbroker

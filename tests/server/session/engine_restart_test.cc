// What the engine takes over from the process before it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

class EngineRestartTest : public EngineTest {
 protected:
  EngineRestartTest() {
    bill.AnswerAtOnce();
    Start();
  }

  // A process that knows only the vault and the store.
  void Start() {
    process.reset();
    own = std::make_unique<ManualExecutor>(clock);
    process = std::make_unique<Engine>(options, MakeParts(*own));
    process->Restore(store.Open(*vault.MasterKey()));
  }

  Answer Ask(const SessionDemand& demand = {}, absl::string_view organization = "008acme00000") {
    Answer answer = absl::UnknownError("not answered");
    process->GetSession(organization, "", demand,
                        [&answer](Answer given) { answer = std::move(given); });
    own->RunUntilIdle();
    return answer;
  }

  EngineOptions options = WithoutKeepAlive();
  std::unique_ptr<ManualExecutor> own;  // its work ends with the process
  std::unique_ptr<Engine> process;
};

TEST_F(EngineRestartTest, ARestartCostsACheckAndNoSignIn) {
  const SessionPtr before = *Ask();
  Start();
  const Answer after = Ask();
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(*(*after)->keys.session_id, *before->keys.session_id);
  EXPECT_EQ(*(*after)->keys.dev_key, *before->keys.dev_key);
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(bill.session_infos().size(), 1U);
  EXPECT_TRUE(Ask().ok());
  EXPECT_EQ(bill.session_infos().size(), 1U) << "asked once";
}

TEST_F(EngineRestartTest, AfterARestartAGenerationIsNewAndReportsOfTheOldOneCount) {
  const SessionPtr before = *Ask();
  Start();
  const SessionPtr after = *Ask();
  EXPECT_GT(after->generation, before->generation);
  own->Advance(absl::Seconds(2));
  bill.KillAllSessions();
  const SessionPtr next = *Ask(Stale(before->generation));
  EXPECT_GT(next->generation, after->generation);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(EngineRestartTest, ASessionThatDiedMeanwhileIsNotHandedOut) {
  const SessionPtr before = *Ask();
  bill.KillAllSessions();
  Start();
  const SessionPtr after = *Ask();
  EXPECT_FALSE(*after->keys.session_id == *before->keys.session_id);
  EXPECT_GT(after->generation, before->generation);
}

TEST_F(EngineRestartTest, AStoredSessionThatBillCallsAnotherOrganizationsIsDropped) {
  ASSERT_TRUE(Ask().ok());
  Start();
  bill.SetSessionInfoOrganization("008other");
  EXPECT_TRUE(HasReason(Ask().status(), Reason::kBillUnavailable));
  EXPECT_EQ(process->Counts().live, 0);
}

TEST_F(EngineRestartTest, WhereBillIsOutOfReachTheSessionStaysUntilItCanBeChecked) {
  ASSERT_TRUE(Ask().ok());
  Start();
  BillError down = Refusal(Verdict::kUnavailable, "");
  bill.FailNextSessionInfos(1, down);
  EXPECT_TRUE(HasReason(Ask().status(), Reason::kBillUnavailable));
  own->Advance(absl::Seconds(2));
  EXPECT_TRUE(Ask().ok());
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(EngineRestartTest, ALoggedOutSessionDoesNotComeBack) {
  ASSERT_TRUE(Ask().ok());
  process->Logout("008acme00000", "", 0, [](const absl::StatusOr<bool>&) {});
  own->RunUntilIdle();
  Start();
  EXPECT_EQ(process->Counts().live, 0);
}

TEST_F(EngineRestartTest, ALoggedOutPairIsNotPrewarmedAgain) {
  options.prewarm_all = true;
  Start();
  own->RunUntilIdle();
  ASSERT_EQ(bill.CountSignIns(), 3);
  process->Logout("008acme00000", "", 0, [](const absl::StatusOr<bool>&) {});
  own->RunUntilIdle();
  Start();
  own->Advance(absl::Minutes(1));
  EXPECT_EQ(bill.CountSignInsOf("008acme00000"), 1);
}

TEST_F(EngineRestartTest, APlaceThatWasGivenUpIsNotFoundAgain) {
  options.governor.sign_ins_per_hour = 1;
  Start();
  ASSERT_TRUE(Ask().ok());
  ASSERT_TRUE(HasReason(Ask({}, "008acme00001").status(), Reason::kLoginBudgetSpent));
  vault.set_state(VaultState::kLocked);
  own->Advance(absl::Minutes(61));  // its turn comes, and cannot be used
  vault.set_state(VaultState::kReady);
  Start();
  own->Advance(absl::Minutes(1));
  EXPECT_EQ(bill.CountSignInsOf("008acme00001"), 0);
}

TEST_F(EngineRestartTest, TheLedgerIsRemembered) {
  options.governor.sign_ins_per_hour = 1;
  Start();
  ASSERT_TRUE(Ask().ok());
  own->Advance(absl::Minutes(10));
  Start();
  const absl::Status refused = Ask({}, "008acme00001").status();
  ASSERT_TRUE(HasReason(refused, Reason::kLoginBudgetSpent)) << refused;
  EXPECT_EQ(DetailsOf(refused)->retry_after, absl::Minutes(50));
}

TEST_F(EngineRestartTest, ASignInThatWasCutOffIsInTheLedger) {
  options.governor.sign_ins_per_hour = 1;
  Start();
  bill.Hold();
  process->GetSession("008acme00000", "", {}, [](const Answer&) {});
  own->RunUntilIdle();
  ASSERT_EQ(bill.CountSignIns(), 1);
  const StoreContents contents = store.Open(*vault.MasterKey());
  ASSERT_EQ(contents.attempts.size(), 1U);
  EXPECT_FALSE(contents.attempts[0].ended.has_value());
  Engine next(options, MakeParts(*own));
  next.Restore(contents);
  Answer answer;
  next.GetSession("008acme00001", "", {}, [&answer](Answer given) { answer = std::move(given); });
  own->RunUntilIdle();
  EXPECT_TRUE(HasReason(answer.status(), Reason::kLoginBudgetSpent)) << answer.status();
  bill.ReleaseAll();
}

TEST_F(EngineRestartTest, AcrossBootsTheWallClockTellsTheAgeOfTheLedger) {
  options.governor.sign_ins_per_hour = 1;
  Start();
  ASSERT_TRUE(Ask().ok());
  store.set_same_boot(false);
  clock.JumpWall(-absl::Hours(24));
  Start();
  EXPECT_TRUE(HasReason(Ask({}, "008acme00001").status(), Reason::kLoginBudgetSpent))
      << "a clock that was set back frees nothing";
  clock.JumpWall(absl::Hours(24) + absl::Minutes(61));
  Start();
  EXPECT_TRUE(Ask({}, "008acme00001").ok());
}

TEST_F(EngineRestartTest, ARefusedPairKeepsItsPlace) {
  options.governor.sign_ins_per_hour = 1;
  Start();
  ASSERT_TRUE(Ask().ok());
  ASSERT_TRUE(HasReason(Ask({}, "008acme00001").status(), Reason::kLoginBudgetSpent));
  Start();
  EXPECT_EQ(process->Counts().queued, 1);
  own->Advance(absl::Minutes(61));
  EXPECT_EQ(bill.CountSignInsOf("008acme00001"), 1);
}

TEST_F(EngineRestartTest, ARefusedPasswordIsNotTriedAgain) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  ASSERT_TRUE(HasReason(Ask().status(), Reason::kCredentialRejected));
  Start();
  EXPECT_TRUE(HasReason(Ask().status(), Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(EngineRestartTest, BeforeTheStoreIsOpenNothingIsSent) {
  Engine waiting(options, MakeParts(*own));
  Answer answer;
  waiting.GetSession("008acme00000", "", {}, [&answer](const Answer& given) { answer = given; });
  own->RunUntilIdle();
  EXPECT_TRUE(HasReason(answer.status(), Reason::kVaultUnreachable)) << answer.status();
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(EngineRestartTest, TheAttemptIsInTheLedgerBeforeItIsSent) {
  store.set_holding(true);  // only what is written now is there
  std::size_t attempts = 0;
  bill.SetSignInAnswer([&](const SignInRequest& request) {
    attempts = store.contents().attempts.size();
    return bill.Accept(request);
  });
  ASSERT_TRUE(Ask().ok());
  EXPECT_EQ(attempts, 1U);
}

TEST_F(EngineRestartTest, WhereTheStoreCannotBeWrittenCallersAreServedAllTheSame) {
  store.set_failing(true);
  EXPECT_TRUE(Ask().ok());
}

}  // namespace
}  // namespace billbroker

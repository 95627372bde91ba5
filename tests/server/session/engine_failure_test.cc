// What the engine does when BILL or the vault says no, or nothing.
#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

class EngineFailureTest : public EngineTest {
 protected:
  absl::Duration RetryAfter(const absl::Status& status) {
    return DetailsOf(status)->retry_after.value_or(absl::InfiniteDuration());
  }
};

TEST_F(EngineFailureTest, AWrongPasswordIsTriedOnceForAllOrganizations) {
  Store(MakeCredential("big", 500));
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  int refused = 0;
  int out_of_budget = 0;
  for (int i = 0; i < 500; ++i) {
    engine.GetSession(absl::StrFormat("008big%05d", i), "", {}, [&](const Answer& answer) {
      if (HasReason(answer.status(), Reason::kCredentialRejected)) ++refused;
      if (HasReason(answer.status(), Reason::kLoginBudgetSpent)) ++out_of_budget;
    });
  }
  executor.RunUntilIdle();
  EXPECT_EQ(refused, 200);
  EXPECT_EQ(out_of_budget, 300) << "they were told before the password was found wrong";
  EXPECT_EQ(engine.Counts().queued, 0) << "and keep no place, now that it was";
  EXPECT_EQ(bill.CountSignIns(), 1);
  executor.Advance(absl::Hours(48));
  EXPECT_TRUE(HasReason(Get({}, "008big00007").status(), Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(EngineFailureTest, ANewPasswordLiftsTheQuarantineAndTheOldOneComesBackIntoIt) {
  const auto answer = [](const SignInRequest& request) {
    return request.credential->password.Reveal() == "right";
  };
  bill.SetSignInAnswer([&](const SignInRequest& request) -> BillResult<SignInAnswer> {
    if (answer(request)) return bill.Accept(request);
    return Refusal(Verdict::kSecretRejected, "BDC_1101");
  });
  ASSERT_FALSE(Get().ok());
  const SecretString wrong = (*vault.Load("acme"))->password.Clone();
  Credential next = (*vault.Load("acme"))->Clone();
  next.version = 2;
  next.password = SecretString::CopyOf("right");
  Replace(next);
  ASSERT_TRUE(Get().ok());
  next.version = 3;
  next.password = wrong.Clone();
  Replace(next);
  EXPECT_TRUE(HasReason(Get({}, "008acme00001").status(), Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 2) << "a refused password is not tried again when it comes back";
}

TEST_F(EngineFailureTest, ForceTriesARefusedPasswordAgainButNeverMoreThanThreeTimesAnHour) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(HasReason(Login(true).status(), Reason::kCredentialRejected));
  }
  const absl::Status refused = Login(true).status();
  EXPECT_TRUE(HasReason(refused, Reason::kLoginBudgetSpent)) << refused;
  EXPECT_EQ(RetryAfter(refused), absl::Hours(1));
  EXPECT_EQ(bill.CountSignIns(), 3);
  executor.Advance(absl::Hours(1));
  Login(true).IgnoreError();
  EXPECT_EQ(bill.CountSignIns(), 4);
}

TEST_F(EngineFailureTest,
       APasswordChangedAtBillWhileManySignInsAreUnderWayCostsAtMostThreeFailures) {
  Store(MakeCredential("big", 100));
  ASSERT_TRUE(Get({}, "008big00000").ok());
  bill.SetLatency(absl::Milliseconds(200));
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  for (int i = 1; i < 100; ++i) {
    engine.GetSession(absl::StrFormat("008big%05d", i), "", {}, [](const Answer&) {});
  }
  executor.Advance(absl::Seconds(10));
  EXPECT_EQ(bill.CountSignIns(), 1 + 3);
}

TEST_F(EngineFailureTest, AnUnprovenSecretGoesOneAtATimeAndAProvenOneInParallel) {
  Store(MakeCredential("big", 10));
  bill.Hold();
  for (int i = 0; i < 10; ++i) {
    engine.GetSession(absl::StrFormat("008big%05d", i), "", {}, [](const Answer&) {});
  }
  executor.RunUntilIdle();
  EXPECT_EQ(bill.held(), 1);
  bill.ReleaseOne();
  executor.RunUntilIdle();
  EXPECT_EQ(bill.held(), 3);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(engine.Counts().live, 10);
}

TEST_F(EngineFailureTest, ARevokedDevKeyIsQuarantinedForItsOrganizationsAndNoOthers) {
  Credential console = MakeCredential("console", 3);
  console.organizations[2].dev_key = SecretString::CopyOf("its-own-dev-key");
  Store(console);
  bill.FailNextSignIns(1, Refusal(Verdict::kDevKeyRejected, "BDC_1103"));
  EXPECT_TRUE(HasReason(Get({}, "008console00000").status(), Reason::kDevKeyRejected));
  EXPECT_TRUE(HasReason(Get({}, "008console00001").status(), Reason::kDevKeyRejected));
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_TRUE(Get({}, "008console00002").ok());
}

TEST_F(EngineFailureTest, ARefusedOrganizationLeavesTheOthersAlone) {
  bill.FailNextSignInsOf("008acme00000", 1, Refusal(Verdict::kOrganizationRejected, "BDC_1123"));
  const absl::Status refused = Get().status();
  EXPECT_TRUE(HasReason(refused, Reason::kOrganizationRejected));
  EXPECT_EQ(DetailsOf(refused)->metadata.at("bill_code"), "BDC_1123");
  EXPECT_TRUE(Get({}, "008acme00001").ok());
  EXPECT_FALSE(Get().ok());
  EXPECT_EQ(bill.CountSignInsOf("008acme00000"), 1);
  EXPECT_TRUE(Login(true).ok());
}

TEST_F(EngineFailureTest, ALockedUserIsLeftAloneUntilTheCooldownIsOver) {
  bill.FailNextSignIns(1, Refusal(Verdict::kUserLocked, "BDC_1110"));
  EXPECT_TRUE(HasReason(Get().status(), Reason::kLockedOut));
  EXPECT_TRUE(HasReason(Get({}, "008acme00001").status(), Reason::kLockedOut));
  EXPECT_EQ(engine.List().at(0).state, PairState::kQuarantined);
  executor.Advance(absl::Hours(1) - absl::Seconds(1));
  EXPECT_FALSE(Get().ok());
  EXPECT_EQ(bill.CountSignIns(), 1);
  executor.Advance(absl::Seconds(1));
  EXPECT_TRUE(Get().ok());
}

TEST_F(EngineFailureTest, AfterATransientFailureNothingIsSentUntilTheBackOffIsOver) {
  bill.FailNextSignIns(2, Refusal(Verdict::kUnavailable, ""));
  const absl::Status first = Get().status();
  EXPECT_TRUE(HasReason(first, Reason::kBillUnavailable));
  const absl::Duration wait = RetryAfter(first);
  EXPECT_EQ(wait, absl::Milliseconds(750));  // 1 s with the jitter in its middle
  EXPECT_TRUE(HasReason(Get().status(), Reason::kBillUnavailable));
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(engine.List().at(0).state, PairState::kBackingOff);
  executor.Advance(wait);
  EXPECT_EQ(RetryAfter(Get().status()), 2 * wait);
  executor.Advance(2 * wait);
  EXPECT_TRUE(Get().ok()) << "what RetryInfo said comes true";
}

TEST_F(EngineFailureTest, TheBackOffHasAnUpperBound) {
  bill.SetSignInAnswer([](const SignInRequest&) { return Refusal(Verdict::kUnavailable, ""); });
  absl::Duration wait;
  for (int i = 0; i < 40; ++i) {
    wait = RetryAfter(Get().status());
    ASSERT_LE(wait, absl::Minutes(1));
    executor.Advance(wait);
  }
  EXPECT_GT(wait, absl::Seconds(30));
}

TEST_F(EngineFailureTest, TransientFailuresDoNotCountAgainstTheUser) {
  bill.FailNextSignIns(10, Refusal(Verdict::kUnavailable, ""));
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(HasReason(Login(true).status(), Reason::kBillUnavailable));
  }
  EXPECT_TRUE(Login(true).ok());
}

TEST_F(EngineFailureTest, AnUnknownRefusalCountsAgainstTheUserAndBacksOffLong) {
  bill.FailNextSignIns(1, Refusal(Verdict::kRefused, "BDC_9999"));
  const absl::Status refused = Get().status();
  EXPECT_EQ(RetryAfter(refused), absl::Minutes(1));
  EXPECT_EQ(engine.Counts().failed_sign_ins, 1);
}

TEST_F(EngineFailureTest, TheHourlyLimitParksTheDevKeyUntilTheNextClockHour) {
  // The manual clock starts on a full hour.
  executor.Advance(absl::Minutes(40));
  bill.FailNextSignIns(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  const absl::Status limited = Get().status();
  EXPECT_TRUE(HasReason(limited, Reason::kBillRateLimited));
  EXPECT_EQ(RetryAfter(limited), absl::Minutes(20));
  EXPECT_TRUE(HasReason(Get({}, "008acme00001").status(), Reason::kBillRateLimited));
  Store(MakeCredential("other", 1));
  EXPECT_TRUE(Get({}, "008other00000").ok());
  executor.Advance(absl::Minutes(20));
  EXPECT_TRUE(Get().ok());
}

TEST_F(EngineFailureTest, RetryAfterOfBillIsKept) {
  BillError error = Refusal(Verdict::kRateLimited, "BDC_1144");
  error.retry_after = absl::Minutes(3);
  bill.FailNextSignIns(1, error);
  EXPECT_EQ(RetryAfter(Get().status()), absl::Minutes(3));
}

TEST_F(EngineFailureTest, WhileBillIsIllALiveSessionIsServedAndAReportHearsThatBillIsIll) {
  const SessionPtr session = *Get();
  bill.FailNextSessionInfos(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_TRUE(HasReason(Get(Stale(session->generation)).status(), Reason::kBillUnavailable));
  EXPECT_EQ(*Get(), session);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(EngineFailureTest, ACheckThatAnswersForAnotherOrganizationConfirmsNothing) {
  const SessionPtr session = *Get();
  bill.SetSessionInfoOrganization("008somebodyelse");
  EXPECT_TRUE(HasReason(Get(Stale(session->generation)).status(), Reason::kBillUnavailable));
  EXPECT_EQ(*Get(), session);
}

TEST_F(EngineFailureTest, ASessionThatDiesRightAfterEachSignInDoesNotLoop) {
  bill.SetSignInAnswer([this](const SignInRequest& request) {
    SignInAnswer answer = bill.Accept(request);
    bill.KillSession(answer.session_id.Reveal());
    return BillResult<SignInAnswer>(std::move(answer));
  });
  std::uint64_t generation = (*Get())->generation;
  absl::Status last;
  for (int i = 0; i < 50; ++i) {
    const Answer answer = Get(Stale(generation));
    if (answer.ok()) {
      generation = (*answer)->generation;
    } else {
      last = answer.status();
    }
  }
  EXPECT_TRUE(HasReason(last, Reason::kSessionUnstable)) << last;
  EXPECT_TRUE(DetailsOf(last)->retry_after.has_value());
  EXPECT_LE(bill.CountSignIns(), 3);
}

TEST_F(EngineFailureTest, ALockedVaultSaysSoToAllWhoWaitAndLiveSessionsAreServed) {
  const SessionPtr session = *Get();
  vault.set_state(VaultState::kLocked);
  EXPECT_EQ(*Get(), session);
  EXPECT_TRUE(HasReason(Get({}, "008acme00001").status(), Reason::kVaultLocked));
  vault.set_state(VaultState::kReady);
  EXPECT_TRUE(Get({}, "008acme00001").ok()) << "it recovers by itself";
}

TEST_F(EngineFailureTest, OneReadOfASilentVaultAnswersAllWhoWaitForItsTurn) {
  Store(MakeCredential("big", 100));
  vault.set_state(VaultState::kTimedOut);
  int failed = 0;
  for (int i = 0; i < 100; ++i) {
    engine.GetSession(absl::StrFormat("008big%05d", i), "", {}, [&failed](const Answer& answer) {
      if (HasReason(answer.status(), Reason::kVaultUnreachable)) ++failed;
    });
  }
  executor.RunUntilIdle();
  EXPECT_EQ(failed, 100);
}

TEST_F(EngineFailureTest, ACredentialDeletedBehindOurBackIsForgotten) {
  directory.Reset(directory.List(), {});
  ASSERT_TRUE(vault.Delete("acme", "uid-of-acme", 1).ok());
  EXPECT_FALSE(Get().ok());
  EXPECT_TRUE(HasReason(Get().status(), Reason::kUnknownOrganization));
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(EngineFailureTest, ARetryAfterOfZeroStillParksTheDevKeyForAMoment) {
  BillError error = Refusal(Verdict::kRateLimited, "BDC_1144");
  error.retry_after = absl::ZeroDuration();
  bill.FailNextSignIns(1, error);
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession("008acme00000", "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnknown)
      << "it waits: a moment is soon over";
  EXPECT_EQ(bill.CountSignIns(), 1);
  executor.Advance(absl::Seconds(1));
  EXPECT_TRUE(answer.ok()) << answer.status();
}

TEST_F(EngineFailureTest, AForcedLoginThatIsNotSentLeavesTheQuarantine) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  for (int i = 0; i < 4; ++i) Login(true).IgnoreError();
  executor.Advance(absl::Hours(2));
  EXPECT_TRUE(HasReason(Get().status(), Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 3);
}

TEST_F(EngineFailureTest, ForcedLoginsWithARefusedDevKeyCountAgainstTheUserToo) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kDevKeyRejected, "BDC_1102"); });
  for (int i = 0; i < 10; ++i) Login(true).IgnoreError();
  EXPECT_EQ(bill.CountSignIns(), 3);
}

TEST_F(EngineFailureTest, LostAnswersOfAnUnprovenSecretAreBounded) {
  BillError lost = Refusal(Verdict::kUnavailable, "");
  lost.http_status = 0;
  lost.delivery = Delivery::kMaybeSent;
  bill.FailNextSignIns(20, lost);
  for (int i = 0; i < 20; ++i) Login(true).IgnoreError();
  EXPECT_EQ(bill.CountSignIns(), 6);
}

TEST_F(EngineFailureTest, ADevKeyReplacedDuringTheSignInIsNotBlamedForTheOldOne) {
  Credential next = (*vault.Load("acme"))->Clone();
  next.version = 2;
  next.dev_key = SecretString::CopyOf("new-dev-key");
  // Decided on version 1, and overtaken before the vault is read.
  engine.GetSession("008acme00000", "", {}, [](const Answer&) {});
  ASSERT_TRUE(vault.Replace(next).ok());
  bill.FailNextSignIns(1, Refusal(Verdict::kDevKeyRejected, "BDC_1102"));
  executor.RunUntilIdle();
  EXPECT_EQ(bill.CountSignInsOfDevKey("new-dev-key"), 1);
  EXPECT_TRUE(HasReason(Get({}, "008acme00001").status(), Reason::kDevKeyRejected));
  EXPECT_EQ(bill.CountSignIns(), 1) << "the new devKey is the one in quarantine";
}

TEST_F(EngineFailureTest, AnOlderDocumentThanTheDirectoryKnowsEndsInAnAnswer) {
  Credential newer = (*vault.Load("acme"))->Clone();
  newer.version = 5;
  Tell(newer);  // the keyring was restored to version 1 behind our back
  const Answer answer = Get();
  EXPECT_TRUE(answer.ok()) << answer.status();
}

TEST_F(EngineFailureTest, AnOrganizationDetachedAndAttachedAgainDuringASignInIsServed) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession("008acme00000", "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  Credential without = (*vault.Load("acme"))->Clone();
  without.version = 2;
  without.organizations.erase(without.organizations.begin());
  Replace(without);
  Credential with = MakeCredential("acme", 3);
  with.version = 3;
  Replace(with);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_TRUE(answer.ok()) << answer.status();
}

TEST_F(EngineFailureTest, AnAnswerThatComesAfterASuspendIsNotHandedOut) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession("008acme00000", "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  clock.Advance(absl::Minutes(40));
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_TRUE(HasReason(answer.status(), Reason::kBillUnavailable)) << answer.status();
}

TEST_F(EngineFailureTest, NoErrorShowsASecret) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  const std::string shown = Get().status().ToString();
  EXPECT_FALSE(absl::StrContains(shown, "password-of-acme"));
  EXPECT_FALSE(absl::StrContains(shown, "dev-key-of-acme"));
}

}  // namespace
}  // namespace billbroker

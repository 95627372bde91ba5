// Refusals, failures and outages of BILL and of the vault.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class SessionManagerFailureTest : public SessionManagerTest {
 protected:
  absl::Duration RetryAfter(const absl::Status& status) {
    return DetailsOf(status)->retry_after.value_or(absl::InfiniteDuration());
  }
};

TEST_F(SessionManagerFailureTest, TriesWrongPasswordOnceForAllOrganizations) {
  Store(MakeCredential(kMany, 500));
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  int refused = 0;
  int out_of_budget = 0;
  for (int i = 0; i < 500; ++i) {
    manager.GetSession(OrganizationId(i, kMany), "", {}, [&](const Answer& answer) {
      if (HasReason(answer.status(), Reason::kCredentialRejected)) ++refused;
      if (HasReason(answer.status(), Reason::kLoginBudgetSpent)) ++out_of_budget;
    });
  }
  executor.RunUntilIdle();
  EXPECT_EQ(refused, 196);
  EXPECT_EQ(out_of_budget, 304) << "refused before the password was known to be wrong";
  EXPECT_EQ(manager.Counts().queued, 0) << "the rejected credential keeps no place in the queue";
  EXPECT_EQ(bill.CountSignIns(), 1);
  executor.Advance(absl::Hours(48));
  EXPECT_THAT(Get({}, OrganizationId(7, kMany)), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerFailureTest, NewPasswordLiftsQuarantineOldOneDoesNot) {
  const auto answer = [](const SignInRequest& request) {
    return request.credential->password.Reveal() == "right";
  };
  bill.SetSignInAnswer([&](const SignInRequest& request) -> BillResult<SignInAnswer> {
    if (answer(request)) return bill.Accept(request);
    return Refusal(Verdict::kSecretRejected, "BDC_1101");
  });
  ASSERT_THAT(Get(), Not(IsOk()));
  const SecretString wrong = (*vault.Load(kAcme))->password.Clone();
  Credential next = (*vault.Load(kAcme))->Clone();
  next.version = 2;
  next.password = SecretString::CopyOf("right");
  Replace(next);
  ASSERT_THAT(Get(), IsOk());
  next.version = 3;
  next.password = wrong.Clone();
  Replace(next);
  EXPECT_THAT(Get({}, kSecond), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 2) << "a refused password is not retried";
}

TEST_F(SessionManagerFailureTest, ForceRetriesRefusedPasswordTwiceAnHour) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Login(true), HasReason(Reason::kCredentialRejected));
  }
  const absl::Status refused = Login(true).status();
  EXPECT_THAT(refused, HasReason(Reason::kLoginBudgetSpent));
  EXPECT_THAT(refused, HasSpreadRetryAfter(absl::Hours(1)));
  EXPECT_EQ(bill.CountSignIns(), 2) << "the third is left for a secret on trial";
  executor.Advance(absl::Hours(1));
  Login(true).IgnoreError();
  EXPECT_EQ(bill.CountSignIns(), 3);
}

TEST_F(SessionManagerFailureTest, PasswordChangedAtBillCostsTwoFailures) {
  Store(MakeCredential(kMany, 100));
  ASSERT_THAT(Get({}, OrganizationId(0, kMany)), IsOk());
  bill.SetLatency(absl::Milliseconds(200));
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  for (int i = 1; i < 100; ++i) {
    manager.GetSession(OrganizationId(i, kMany), "", {}, [](const Answer&) {});
  }
  executor.Advance(absl::Seconds(10));
  EXPECT_EQ(bill.CountSignIns(), 1 + 2);
}

TEST_F(SessionManagerFailureTest, SendsUnprovenSecretOneAtATime) {
  Store(MakeCredential(kMany, 10));
  bill.Hold();
  for (int i = 0; i < 10; ++i) {
    manager.GetSession(OrganizationId(i, kMany), "", {}, [](const Answer&) {});
  }
  executor.RunUntilIdle();
  EXPECT_EQ(bill.held(), 1);
  bill.ReleaseOne();
  executor.RunUntilIdle();
  EXPECT_EQ(bill.held(), 2) << "at most two of a user";
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(manager.Counts().live, 10);
}

TEST_F(SessionManagerFailureTest, QuarantinesDevKeyAfterSecondOrganization) {
  Credential console = MakeCredential(kConsole, 4);
  console.organizations[3].dev_key = SecretString::CopyOf("dev-key-of-the-organization");
  Store(console);
  bill.FailNextSignIns(2, Refusal(Verdict::kDevKeyRejected, "BDC_1103"));
  EXPECT_THAT(Get({}, OrganizationId(0, kConsole)), HasReason(Reason::kDevKeyRejected));
  EXPECT_THAT(Get({}, OrganizationId(1, kConsole)), HasReason(Reason::kDevKeyRejected));
  EXPECT_THAT(Get({}, OrganizationId(2, kConsole)), HasReason(Reason::kDevKeyRejected));
  EXPECT_EQ(bill.CountSignIns(), 2) << "never worked, and refused for two organizations";
  EXPECT_THAT(Get({}, OrganizationId(3, kConsole)), HasReason(Reason::kLoginBudgetSpent))
      << "the secret was never accepted, and failed twice";
  executor.Advance(absl::Hours(1));
  EXPECT_THAT(Get({}, OrganizationId(3, kConsole)), IsOk());
}

TEST_F(SessionManagerFailureTest, RefusedOrganizationLeavesOthersAlone) {
  bill.FailNextSignInsOf(kFirst, 1, Refusal(Verdict::kOrganizationRejected, "BDC_1123"));
  const absl::Status refused = Get().status();
  EXPECT_THAT(refused, HasReason(Reason::kOrganizationRejected));
  EXPECT_THAT(refused, HasMetadata("bill_code", "BDC_1123"));
  EXPECT_THAT(Get({}, kSecond), IsOk());
  EXPECT_THAT(Get(), Not(IsOk()));
  EXPECT_EQ(bill.CountSignInsOf(kFirst), 1);
  EXPECT_THAT(Login(true), IsOk());
}

TEST_F(SessionManagerFailureTest, LockedUserWaitsForCooldown) {
  bill.FailNextSignIns(1, Refusal(Verdict::kUserLocked, "BDC_1110"));
  EXPECT_THAT(Get(), HasReason(Reason::kLockedOut));
  EXPECT_THAT(Get({}, kSecond), HasReason(Reason::kLockedOut));
  EXPECT_EQ(manager.List().at(0).state, SlotState::kQuarantined);
  executor.Advance(absl::Hours(1) - absl::Seconds(1));
  EXPECT_THAT(Get(), Not(IsOk()));
  EXPECT_EQ(bill.CountSignIns(), 1);
  executor.Advance(absl::Seconds(1));
  EXPECT_THAT(Get(), IsOk());
}

TEST_F(SessionManagerFailureTest, SendsNothingDuringBackOff) {
  bill.FailNextSignIns(2, Refusal(Verdict::kUnavailable, ""));
  const absl::Status first = Get().status();
  EXPECT_THAT(first, HasReason(Reason::kBillUnavailable));
  const absl::Duration wait = RetryAfter(first);
  EXPECT_GE(wait, absl::Milliseconds(500));
  EXPECT_LE(wait, absl::Seconds(1));
  EXPECT_THAT(Get(), HasReason(Reason::kBillUnavailable));
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(manager.List().at(0).state, SlotState::kBackingOff);
  executor.Advance(wait);
  const absl::Status second = Get().status();
  EXPECT_THAT(second, HasRetryAfter(::testing::Gt(wait)));
  executor.Advance(RetryAfter(second));
  EXPECT_THAT(Get(), IsOk()) << "after the announced time to retry";
}

TEST_F(SessionManagerFailureTest, BackOffHasUpperBound) {
  SessionManager uncapped(WithoutSlotCap(), MakeParts());
  uncapped.Restore({});
  bill.SetSignInAnswer([](const SignInRequest&) { return Refusal(Verdict::kUnavailable, ""); });
  absl::Duration wait;
  absl::Duration longest;
  for (int i = 0; i < 40; ++i) {
    uncapped.GetSession(kFirst, "", {},
                        [&](const Answer& answer) { wait = RetryAfter(answer.status()); });
    executor.RunUntilIdle();
    longest = std::max(longest, wait);
    ASSERT_LE(wait, absl::Seconds(75)) << "a minute, and the spread of circuit breaker and callers";
    executor.Advance(wait);
  }
  EXPECT_GT(longest, absl::Seconds(30));
}

TEST_F(SessionManagerFailureTest, TransientFailuresDoNotCountAgainstUser) {
  bill.FailNextSignIns(4, Refusal(Verdict::kUnavailable, ""));
  for (int i = 0; i < 4; ++i) {
    EXPECT_THAT(Login(true), HasReason(Reason::kBillUnavailable));
  }
  EXPECT_THAT(Login(true), IsOk());
}

TEST_F(SessionManagerFailureTest, UnknownRefusalCountsAgainstUser) {
  bill.FailNextSignIns(1, Refusal(Verdict::kRefused, "BDC_9999"));
  const absl::Status refused = Get().status();
  EXPECT_THAT(refused, HasRetryAfter(::testing::Ge(absl::Seconds(30))));
  EXPECT_EQ(manager.Counts().failed_sign_ins, 1);
}

TEST_F(SessionManagerFailureTest, HourlyLimitParksDevKeyUntilNextHour) {
  // The manual clock starts on a full hour.
  executor.Advance(absl::Minutes(40));
  bill.FailNextSignIns(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  const absl::Status limited = Get().status();
  EXPECT_THAT(limited, HasReason(Reason::kBillRateLimited));
  EXPECT_THAT(limited, HasRetryAfter(::testing::AllOf(::testing::Ge(absl::Minutes(20)),
                                                      ::testing::Le(absl::Minutes(22)))));
  EXPECT_THAT(Get({}, kSecond), HasReason(Reason::kBillRateLimited));
  Store(MakeCredential("another-credential", 1));
  EXPECT_THAT(Get({}, OrganizationId(0, "another-credential")), IsOk());
  executor.Advance(absl::Minutes(22));
  EXPECT_THAT(Get(), IsOk());
}

TEST_F(SessionManagerFailureTest, HourlyLimitEndsByClockOfBill) {
  BillError error = Refusal(Verdict::kRateLimited, "BDC_1144");
  error.bill_time = clock.Now() + absl::Minutes(45);  // our clock is on a full hour
  bill.FailNextSignIns(1, error);
  EXPECT_THAT(Get(), HasRetryAfter(::testing::AllOf(::testing::Ge(absl::Minutes(15)),
                                                    ::testing::Le(absl::Minutes(18)))));
}

TEST_F(SessionManagerFailureTest, PassesOnRetryAfterOfBill) {
  BillError error = Refusal(Verdict::kRateLimited, "BDC_1144");
  error.retry_after = absl::Minutes(3);
  bill.FailNextSignIns(1, error);
  EXPECT_THAT(Get(), HasSpreadRetryAfter(absl::Minutes(3)));
}

TEST_F(SessionManagerFailureTest, ServesLiveSessionDuringBillOutage) {
  const SessionPtr session = *Get();
  bill.FailNextSessionInfos(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(Get(Stale(session->generation)), HasReason(Reason::kBillUnavailable));
  EXPECT_EQ(*Get(), session);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerFailureTest, IgnoresCheckOfAnotherOrganization) {
  const SessionPtr session = *Get();
  bill.SetSessionInfoOrganization("008another-organization");
  EXPECT_THAT(Get(Stale(session->generation)), HasReason(Reason::kBillUnavailable));
  EXPECT_EQ(*Get(), session);
}

TEST_F(SessionManagerFailureTest, DoesNotLoopOnSessionsThatDieAtOnce) {
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
  EXPECT_THAT(last, HasReason(Reason::kSessionUnstable));
  EXPECT_TRUE(DetailsOf(last)->retry_after.has_value());
  EXPECT_LE(bill.CountSignIns(), 3);
}

TEST_F(SessionManagerFailureTest, ServesLiveSessionWhileVaultIsLocked) {
  const SessionPtr session = *Get();
  vault.set_state(VaultState::kLocked);
  EXPECT_EQ(*Get(), session);
  EXPECT_THAT(Get({}, kSecond), HasReason(Reason::kVaultLocked));
  vault.set_state(VaultState::kReady);
  EXPECT_THAT(Get({}, kSecond), IsOk()) << "the manager recovers without a restart";
}

TEST_F(SessionManagerFailureTest, OneTimedOutVaultReadFailsAllWaiters) {
  Store(MakeCredential(kMany, 100));
  vault.set_state(VaultState::kTimedOut);
  int failed = 0;
  for (int i = 0; i < 100; ++i) {
    manager.GetSession(OrganizationId(i, kMany), "", {}, [&failed](const Answer& answer) {
      if (HasReason(answer.status(), Reason::kVaultUnreachable)) ++failed;
    });
  }
  executor.RunUntilIdle();
  EXPECT_EQ(failed, 100);
}

TEST_F(SessionManagerFailureTest, ForgetsCredentialDeletedInKeyring) {
  credentials.Reset(credentials.List(), {});
  const SessionPtr session = *Get();
  ASSERT_THAT(vault.Delete(kAcme, UidOf(kAcme), 1), IsOk());
  EXPECT_THAT(Get({}, kSecond), HasReason(Reason::kVaultUnreachable));
  credentials.Reset({}, {});  // VaultSync read everything again
  executor.RunUntilIdle();
  EXPECT_THAT(Get(), HasReason(Reason::kUnknownOrganization));
  EXPECT_FALSE(bill.IsLive(session->keys.session_id->Reveal()));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerFailureTest, MissedReadKeepsSessionAndSlot) {
  const SessionPtr session = *Get();
  const CredentialPtr stored = *vault.Load(kAcme);
  ASSERT_THAT(vault.Delete(kAcme, stored->uid, stored->version), IsOk());
  const Answer missed = Get({}, kSecond);
  EXPECT_THAT(missed, AllOf(HasReason(Reason::kVaultUnreachable), HasMetadata("credential", kAcme),
                            HasRetryAfter(absl::Seconds(2))));
  EXPECT_TRUE(vault_health.TakeReloadRequest());
  EXPECT_EQ(*Get(), session);
  EXPECT_THAT(manager.List(), SizeIs(2));
  EXPECT_TRUE(bill.sign_outs().empty());

  ASSERT_THAT(vault.Create(*stored), IsOk());
  EXPECT_THAT(Get({}, kSecond), IsOk());
}

TEST_F(SessionManagerFailureTest, ZeroRetryAfterStillParksDevKey) {
  BillError error = Refusal(Verdict::kRateLimited, "BDC_1144");
  error.retry_after = absl::ZeroDuration();
  bill.FailNextSignIns(1, error);
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kUnknown))
      << "the caller waits for the short back-off";
  EXPECT_EQ(bill.CountSignIns(), 1);
  executor.Advance(absl::Seconds(1));
  EXPECT_THAT(answer, IsOk());
}

TEST_F(SessionManagerFailureTest, UnsentForcedLoginKeepsQuarantine) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  for (int i = 0; i < 4; ++i) Login(true).IgnoreError();
  executor.Advance(absl::Hours(2));
  EXPECT_THAT(Get(), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerFailureTest, RefusedDevKeyCountsAgainstUser) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kDevKeyRejected, "BDC_1102"); });
  for (int i = 0; i < 10; ++i) Login(true).IgnoreError();
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerFailureTest, BoundsLostAnswersOfUnprovenSecret) {
  BillError lost = Refusal(Verdict::kUnavailable, "");
  lost.http_status = 0;
  lost.delivery = Delivery::kMaybeSent;
  bill.FailNextSignIns(20, lost);
  for (int i = 0; i < 20; ++i) {
    Login(true, i % 2 == 0 ? kFirst : kSecond).IgnoreError();
    executor.Advance(
        absl::Minutes(2));  // BILL's health is good: the circuit breaker allows a trial
  }
  EXPECT_EQ(bill.CountSignIns(), 6);
}

TEST_F(SessionManagerFailureTest, QuarantinesDevKeyThatWasSent) {
  Credential next = (*vault.Load(kAcme))->Clone();
  next.version = 2;
  next.dev_key = SecretString::CopyOf("dev-key-that-is-new");
  // The session manager decides on version 1. The vault holds version 2 by the time it is read.
  manager.GetSession(kFirst, "", {}, [](const Answer&) {});
  ASSERT_THAT(vault.Replace(next), IsOk());
  bill.FailNextSignIns(1, Refusal(Verdict::kDevKeyRejected, "BDC_1102"));
  executor.RunUntilIdle();
  EXPECT_EQ(bill.CountSignInsOfDevKey("dev-key-that-is-new"), 1);
  EXPECT_THAT(Get(), HasReason(Reason::kDevKeyRejected));
  EXPECT_EQ(bill.CountSignIns(), 1) << "the new devKey is in quarantine for the organization";
}

TEST_F(SessionManagerFailureTest, AnswersWithOlderDocumentThanDirectory) {
  Credential newer = (*vault.Load(kAcme))->Clone();
  newer.version = 5;
  UpdateDirectory(newer);  // the keyring was restored to version 1
  const Answer answer = Get();
  EXPECT_THAT(answer, IsOk());
}

TEST_F(SessionManagerFailureTest, ServesOrganizationReattachedDuringSignIn) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  Credential without = (*vault.Load(kAcme))->Clone();
  without.version = 2;
  without.organizations.erase(without.organizations.begin());
  Replace(without);
  Credential with = MakeCredential(kAcme, 3);
  with.version = 3;
  Replace(with);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_THAT(answer, IsOk());
}

TEST_F(SessionManagerFailureTest, DropsSignInAnswerAfterSuspend) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  clock.Advance(absl::Minutes(40));
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_THAT(answer, HasReason(Reason::kBillUnavailable));
}

TEST_F(SessionManagerFailureTest, ErrorsContainNoSecret) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  const std::string text = Get().status().ToString();
  EXPECT_THAT(text, Not(HasSubstr(PasswordOf(kAcme))));
  EXPECT_THAT(text, Not(HasSubstr(DevKeyOf(kAcme))));
}

}  // namespace
}  // namespace billbroker

// What Engine::Probe() promises: proof by a sign-in, of which callers notice nothing.
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

constexpr char kFirst[] = "008acme00000";

class EngineProbeTest : public EngineTest {
 protected:
  // The credential "acme" with another password.
  static Credential WithPassword(absl::string_view password) {
    Credential candidate = MakeCredential("acme", 3);
    candidate.password = SecretString::CopyOf(password);
    candidate.version = 2;
    return candidate;
  }

  void Start(Credential candidate, absl::string_view organization_id = kFirst) {
    ProbeRequest request;
    request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
    request.candidate = std::make_shared<const Credential>(std::move(candidate));
    request.organization_id = std::string(organization_id);
    engine.Probe(std::move(request), [this](ProbeResult given) { result = std::move(given); });
  }
  ProbeResult Probe(Credential candidate) {
    Start(std::move(candidate));
    executor.RunUntilIdle();
    return *result;
  }

  absl::optional<ProbeResult> result;
};

TEST_F(EngineProbeTest, ACandidateIsTriedWithItsOwnSecretAndCallersNoticeNothing) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  EXPECT_EQ(proved.verdict, ProbeVerdict::kAccepted) << proved.status;
  EXPECT_EQ(bill.sign_ins().back().secret, "new");
  EXPECT_EQ(*Get(), before);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(EngineProbeTest, TheSessionOfAnAdoptedProbeIsTheNextOne) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  engine.AdoptProbed("uid-of-acme", proved.session);
  const SessionPtr after = *Get();
  EXPECT_EQ(after, proved.session);
  EXPECT_GT(after->generation, before->generation);
  EXPECT_EQ(bill.CountSignIns(), 2);
  EXPECT_EQ(store.contents().pairs.size(), 1U);
  EXPECT_EQ(store.contents().pairs[0].session, proved.session);
}

TEST_F(EngineProbeTest, ADiscardedProbesSessionIsEndedAtBill) {
  const ProbeResult proved = Probe(WithPassword("new"));
  engine.DiscardProbed(proved.session);
  executor.RunUntilIdle();
  ASSERT_EQ(bill.sign_outs().size(), 1U);
  EXPECT_EQ(bill.sign_outs()[0].session_id, proved.session->keys.session_id->Reveal());
}

TEST_F(EngineProbeTest, ARefusedCandidateIsQuarantinedAndTheStoredOneIsNot) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  const ProbeResult refused = Probe(WithPassword("wrong"));
  EXPECT_EQ(refused.verdict, ProbeVerdict::kRefused);
  EXPECT_TRUE(HasReason(refused.status, Reason::kCredentialRejected)) << refused.status;
  EXPECT_EQ(DetailsOf(refused.status)->metadata["bill_code"], "BDC_1101");
  EXPECT_TRUE(Get().ok());
  // The refused one is stored behind our back: nobody's call tries it again.
  Replace(WithPassword("wrong"));
  engine.Logout(kFirst, "", 0, [](const absl::StatusOr<bool>&) {});
  executor.RunUntilIdle();
  EXPECT_TRUE(HasReason(Get().status(), Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(EngineProbeTest, WhoSaysARefusedSecretAgainHasItTriedAgain) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_EQ(Probe(WithPassword("late")).verdict, ProbeVerdict::kRefused);
  EXPECT_EQ(Probe(WithPassword("late")).verdict, ProbeVerdict::kAccepted);
  Replace(WithPassword("late"));
  EXPECT_TRUE(Get().ok());
}

TEST_F(EngineProbeTest, ALostAnswerIsUnclear) {
  BillError lost;
  lost.verdict = Verdict::kUnavailable;
  lost.delivery = Delivery::kMaybeSent;
  lost.detail = "no answer";
  bill.FailNextSignIns(1, lost);
  const ProbeResult unclear = Probe(WithPassword("new"));
  EXPECT_EQ(unclear.verdict, ProbeVerdict::kUnclear);
  EXPECT_TRUE(HasReason(unclear.status, Reason::kBillUnavailable));
  EXPECT_TRUE(Get().ok());
}

TEST_F(EngineProbeTest, ARequestThatNeverWentOutProvesNothing) {
  BillError unreachable;
  unreachable.verdict = Verdict::kUnavailable;
  unreachable.delivery = Delivery::kNotSent;
  unreachable.detail = "no connection";
  bill.FailNextSignIns(1, unreachable);
  EXPECT_EQ(Probe(WithPassword("new")).verdict, ProbeVerdict::kNotTried);
}

TEST_F(EngineProbeTest, NoProbeGoesBeyondAUsersFailedSignIns) {
  for (int i = 0; i < 3; ++i) {
    bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
    Probe(WithPassword(absl::StrCat("wrong-", i)));
  }
  const ProbeResult fourth = Probe(WithPassword("right"));
  EXPECT_EQ(fourth.verdict, ProbeVerdict::kNotTried);
  EXPECT_TRUE(HasReason(fourth.status, Reason::kLoginBudgetSpent)) << fourth.status;
  EXPECT_EQ(bill.CountSignIns(), 3);
}

TEST_F(EngineProbeTest, AProbeIsInTheLedgerBeforeItIsSent) {
  bill.Hold();
  Start(WithPassword("new"));
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 1);
  ASSERT_EQ(store.contents().attempts.size(), 1U);
  EXPECT_FALSE(store.contents().attempts[0].ended.has_value());
  bill.ReleaseAll();
}

TEST_F(EngineProbeTest, AProbeThatCannotHaveItsTurnInTimeSaysWhen) {
  bill.FailNextSignIns(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  EXPECT_EQ(Probe(WithPassword("new")).verdict, ProbeVerdict::kNotTried);
  const ProbeResult parked = Probe(WithPassword("new"));
  EXPECT_EQ(parked.verdict, ProbeVerdict::kNotTried);
  EXPECT_TRUE(HasReason(parked.status, Reason::kBillRateLimited)) << parked.status;
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(engine.Budgets()[0].queued, 0);
}

// A sign-in with the devKey of before and a probe with the next one may overlap.
TEST_F(EngineProbeTest, ASignInThatEndsAfterALaterProbeDoesNotTakeTheGenerationBack) {
  ASSERT_TRUE(Get({}, "008acme00001").ok());  // the password is proven: it may go twice at a time
  bill.SetLatency(absl::Seconds(10));
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  bill.SetLatency(absl::Seconds(1));
  Credential candidate = MakeCredential("acme", 3);
  candidate.dev_key = SecretString::CopyOf("another-dev-key");
  candidate.version = 2;
  Start(std::move(candidate));
  executor.Advance(absl::Seconds(2));
  ASSERT_TRUE(result.has_value()) << "not in one queue: the devKeys differ";
  ASSERT_EQ(result->verdict, ProbeVerdict::kAccepted);
  engine.AdoptProbed("uid-of-acme", result->session);
  executor.Advance(absl::Seconds(20));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, result->session);
  EXPECT_EQ(*Get(), result->session);
  EXPECT_EQ(bill.sign_outs().size(), 1U) << "of the one that came too late";
}

TEST_F(EngineProbeTest, AnAdoptedProbeAnswersThoseWhoWaitForACheckWithoutASignIn) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  clock.Advance(absl::Seconds(10));
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(kFirst, "", Stale(before->generation),
                    [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 1);
  engine.AdoptProbed("uid-of-acme", proved.session);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, proved.session);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(EngineProbeTest, CallersWhoWaitForASignInGetNothingOlderThanAnAdoptedProbe) {
  const ProbeResult proved = Probe(WithPassword("new"));
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  engine.AdoptProbed("uid-of-acme", proved.session);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_GE((*answer)->generation, proved.session->generation);
}

TEST_F(EngineProbeTest, AnOlderProbeDoesNotReplaceANewerSession) {
  const ProbeResult proved = Probe(WithPassword("new"));
  const SessionPtr newer = *Get();
  engine.AdoptProbed("uid-of-acme", proved.session);
  executor.RunUntilIdle();
  EXPECT_EQ(*Get(), newer);
  EXPECT_EQ(bill.sign_outs().size(), 1U);
}

TEST_F(EngineProbeTest, AProbeOfADetachedOrganizationIsNotTried) {
  Start(WithPassword("new"), "008unknown");
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->verdict, ProbeVerdict::kNotTried);
  EXPECT_TRUE(HasReason(result->status, Reason::kUnknownOrganization));
}

}  // namespace
}  // namespace billbroker

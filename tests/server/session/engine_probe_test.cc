// Engine::Probe(): proves a candidate secret by a sign-in that does not affect callers.
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "tests/server/session/engine_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

class EngineProbeTest : public EngineTest {
 protected:
  // The credential kAcme with another password.
  static Credential WithPassword(absl::string_view password) {
    Credential candidate = MakeCredential(kAcme, 3);
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

TEST_F(EngineProbeTest, TriesCandidateWithItsOwnSecret) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  EXPECT_EQ(proved.verdict, ProbeVerdict::kAccepted) << proved.status;
  EXPECT_EQ(bill.sign_ins().back().secret, "new");
  EXPECT_EQ(*Get(), before);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(EngineProbeTest, AdoptedProbeSessionIsNext) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  engine.AdoptProbed(UidOf(kAcme), proved.session);
  const SessionPtr after = *Get();
  EXPECT_EQ(after, proved.session);
  EXPECT_GT(after->generation, before->generation);
  EXPECT_EQ(bill.CountSignIns(), 2);
  EXPECT_EQ(store.contents().pairs.size(), 1U);
  EXPECT_EQ(store.contents().pairs[0].session, proved.session);
}

TEST_F(EngineProbeTest, DiscardedProbeIsLoggedOut) {
  const ProbeResult proved = Probe(WithPassword("new"));
  engine.DiscardProbed(proved.session);
  executor.RunUntilIdle();
  ASSERT_EQ(bill.sign_outs().size(), 1U);
  EXPECT_EQ(bill.sign_outs()[0].session_id, proved.session->keys.session_id->Reveal());
}

TEST_F(EngineProbeTest, QuarantinesRefusedCandidateOnly) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  const ProbeResult refused = Probe(WithPassword("wrong"));
  EXPECT_EQ(refused.verdict, ProbeVerdict::kRefused);
  EXPECT_THAT(refused.status, HasReason(Reason::kCredentialRejected));
  EXPECT_THAT(refused.status, HasMetadata("bill_code", "BDC_1101"));
  EXPECT_THAT(Get(), IsOk());
  // The refused secret is stored all the same: no call tries it again.
  Replace(WithPassword("wrong"));
  engine.Logout(kFirst, "", 0, [](const absl::StatusOr<bool>&) {});
  executor.RunUntilIdle();
  EXPECT_THAT(Get(), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(EngineProbeTest, RepeatedProbeTriesRefusedSecretAgain) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_EQ(Probe(WithPassword("late")).verdict, ProbeVerdict::kRefused);
  EXPECT_EQ(Probe(WithPassword("late")).verdict, ProbeVerdict::kAccepted);
  Replace(WithPassword("late"));
  EXPECT_THAT(Get(), IsOk());
}

TEST_F(EngineProbeTest, LostAnswerIsUnclear) {
  BillError lost;
  lost.verdict = Verdict::kUnavailable;
  lost.delivery = Delivery::kMaybeSent;
  lost.detail = "no answer";
  bill.FailNextSignIns(1, lost);
  const ProbeResult unclear = Probe(WithPassword("new"));
  EXPECT_EQ(unclear.verdict, ProbeVerdict::kUnclear);
  EXPECT_THAT(unclear.status, HasReason(Reason::kBillUnavailable));
  EXPECT_THAT(Get(), IsOk());
}

TEST_F(EngineProbeTest, UnsentProbeIsNotTried) {
  BillError unreachable;
  unreachable.verdict = Verdict::kUnavailable;
  unreachable.delivery = Delivery::kNotSent;
  unreachable.detail = "no connection";
  bill.FailNextSignIns(1, unreachable);
  EXPECT_EQ(Probe(WithPassword("new")).verdict, ProbeVerdict::kNotTried);
}

TEST_F(EngineProbeTest, ProbesRespectFailedSignInLimit) {
  for (int i = 0; i < 3; ++i) {
    bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
    Probe(WithPassword(absl::StrCat("wrong-", i)));
  }
  const ProbeResult fourth = Probe(WithPassword("right"));
  EXPECT_EQ(fourth.verdict, ProbeVerdict::kNotTried);
  EXPECT_THAT(fourth.status, HasReason(Reason::kLoginBudgetSpent));
  EXPECT_EQ(bill.CountSignIns(), 3);
}

TEST_F(EngineProbeTest, RecordsProbeBeforeSending) {
  bill.Hold();
  Start(WithPassword("new"));
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 1);
  ASSERT_EQ(store.contents().attempts.size(), 1U);
  EXPECT_FALSE(store.contents().attempts[0].ended.has_value());
  bill.ReleaseAll();
}

TEST_F(EngineProbeTest, ProbeFailsIfItsTurnIsTooLate) {
  bill.FailNextSignIns(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  EXPECT_EQ(Probe(WithPassword("new")).verdict, ProbeVerdict::kNotTried);
  const ProbeResult parked = Probe(WithPassword("new"));
  EXPECT_EQ(parked.verdict, ProbeVerdict::kNotTried);
  EXPECT_THAT(parked.status, HasReason(Reason::kBillRateLimited));
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(engine.Budgets()[0].queued, 0);
}

// A sign-in with the previous devKey and a probe with the next one may overlap.
TEST_F(EngineProbeTest, LateSignInDoesNotReplaceAdoptedProbe) {
  ASSERT_THAT(Get({}, kSecond), IsOk());  // proves the password, so that two sign-ins may overlap
  bill.SetLatency(absl::Seconds(10));
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  bill.SetLatency(absl::Seconds(1));
  Credential candidate = MakeCredential(kAcme, 3);
  candidate.dev_key = SecretString::CopyOf("another-dev-key-of-acme");
  candidate.version = 2;
  Start(std::move(candidate));
  executor.Advance(absl::Seconds(2));
  ASSERT_TRUE(result.has_value()) << "the devKeys differ, so they have separate queues";
  ASSERT_EQ(result->verdict, ProbeVerdict::kAccepted);
  engine.AdoptProbed(UidOf(kAcme), result->session);
  executor.Advance(absl::Seconds(20));
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(*answer, result->session);
  EXPECT_EQ(*Get(), result->session);
  EXPECT_EQ(bill.sign_outs().size(), 1U) << "the sign-in that ended too late is logged out";
}

TEST_F(EngineProbeTest, AdoptedProbeAnswersWaitersOfCheck) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  clock.Advance(absl::Seconds(10));
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(kFirst, "", Stale(before->generation),
                    [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 1);
  engine.AdoptProbed(UidOf(kAcme), proved.session);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(*answer, proved.session);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(EngineProbeTest, WaitersGetNothingOlderThanAdoptedProbe) {
  const ProbeResult proved = Probe(WithPassword("new"));
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  engine.AdoptProbed(UidOf(kAcme), proved.session);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_THAT(answer, IsOk());
  EXPECT_GE((*answer)->generation, proved.session->generation);
}

TEST_F(EngineProbeTest, OlderProbeDoesNotReplaceNewerSession) {
  const ProbeResult proved = Probe(WithPassword("new"));
  const SessionPtr newer = *Get();
  engine.AdoptProbed(UidOf(kAcme), proved.session);
  executor.RunUntilIdle();
  EXPECT_EQ(*Get(), newer);
  EXPECT_EQ(bill.sign_outs().size(), 1U);
}

TEST_F(EngineProbeTest, DoesNotProbeDetachedOrganization) {
  Start(WithPassword("new"), "008unknown-organization");
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->verdict, ProbeVerdict::kNotTried);
  EXPECT_THAT(result->status, HasReason(Reason::kUnknownOrganization));
}

}  // namespace
}  // namespace billbroker

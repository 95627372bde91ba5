// SessionManager::Probe(): proves a candidate secret by a sign-in that does not affect callers.
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

class SessionManagerProbeTest : public SessionManagerTest {
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
    manager.Probe(std::move(request), [this](ProbeResult given) { result = std::move(given); });
  }
  ProbeResult Probe(Credential candidate) {
    Start(std::move(candidate));
    executor.RunUntilIdle();
    return *result;
  }

  absl::optional<ProbeResult> result;
};

TEST_F(SessionManagerProbeTest, TriesCandidateWithItsOwnSecret) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  EXPECT_EQ(proved.verdict, ProbeVerdict::kAccepted) << proved.status;
  EXPECT_EQ(bill.sign_ins().back().secret, "new");
  EXPECT_EQ(*Get(), before);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerProbeTest, AdoptedProbeSessionIsNext) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  manager.AdoptProbed(UidOf(kAcme), proved.session);
  const SessionPtr after = *Get();
  EXPECT_EQ(after, proved.session);
  EXPECT_GT(after->generation, before->generation);
  EXPECT_EQ(bill.CountSignIns(), 2);
  EXPECT_EQ(store.contents().slots.size(), 1U);
  EXPECT_EQ(store.contents().slots[0].session, proved.session);
}

TEST_F(SessionManagerProbeTest, LateAdoptionGetsHigherGeneration) {
  const ProbeResult proved = Probe(WithPassword("new"));
  const SessionPtr between = *Get();
  ASSERT_GT(between->generation, proved.session->generation);
  ASSERT_THAT(Logout(), IsOk());
  manager.AdoptProbed(UidOf(kAcme), proved.session);
  const SessionPtr after = *Get();
  EXPECT_EQ(*after->keys.session_id, *proved.session->keys.session_id);
  EXPECT_GT(after->generation, between->generation);
  EXPECT_EQ(after->first_generation, after->generation);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerProbeTest, DiscardedProbeIsLoggedOut) {
  const ProbeResult proved = Probe(WithPassword("new"));
  manager.DiscardProbed(proved.session);
  executor.RunUntilIdle();
  ASSERT_EQ(bill.sign_outs().size(), 1U);
  EXPECT_EQ(bill.sign_outs()[0].session_id, proved.session->keys.session_id->Reveal());
}

TEST_F(SessionManagerProbeTest, QuarantinesRefusedCandidateOnly) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  const ProbeResult refused = Probe(WithPassword("wrong"));
  EXPECT_EQ(refused.verdict, ProbeVerdict::kRefused);
  EXPECT_THAT(refused.status, HasReason(Reason::kCredentialRejected));
  EXPECT_THAT(refused.status, HasMetadata("bill_code", "BDC_1101"));
  EXPECT_THAT(Get(), IsOk());
  // The refused secret is stored all the same: no call tries it again.
  Replace(WithPassword("wrong"));
  manager.Logout(kFirst, "", 0, [](const absl::StatusOr<bool>&) {});
  executor.RunUntilIdle();
  EXPECT_THAT(Get(), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerProbeTest, RepeatedProbeTriesRefusedSecretAgain) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_EQ(Probe(WithPassword("late")).verdict, ProbeVerdict::kRefused);
  EXPECT_EQ(Probe(WithPassword("late")).verdict, ProbeVerdict::kAccepted);
  Replace(WithPassword("late"));
  EXPECT_THAT(Get(), IsOk());
}

TEST_F(SessionManagerProbeTest, LostAnswerIsUnclear) {
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

TEST_F(SessionManagerProbeTest, UnsentProbeIsNotTried) {
  BillError unreachable;
  unreachable.verdict = Verdict::kUnavailable;
  unreachable.delivery = Delivery::kNotSent;
  unreachable.detail = "no connection";
  bill.FailNextSignIns(1, unreachable);
  EXPECT_EQ(Probe(WithPassword("new")).verdict, ProbeVerdict::kNotTried);
}

TEST_F(SessionManagerProbeTest, ProbesRespectFailedSignInLimit) {
  for (int i = 0; i < 2; ++i) {
    bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
    Probe(WithPassword(absl::StrCat("wrong-", i)));
  }
  const ProbeResult third = Probe(WithPassword("right"));
  EXPECT_EQ(third.verdict, ProbeVerdict::kNotTried);
  EXPECT_THAT(third.status, HasReason(Reason::kLoginBudgetSpent));
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerProbeTest, RecordsProbeBeforeSending) {
  bill.Hold();
  Start(WithPassword("new"));
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 1);
  ASSERT_EQ(store.contents().attempts.size(), 1U);
  EXPECT_FALSE(store.contents().attempts[0].ended.has_value());
  bill.ReleaseAll();
}

TEST_F(SessionManagerProbeTest, ProbeFailsIfItsTurnIsTooLate) {
  bill.FailNextSignIns(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  EXPECT_EQ(Probe(WithPassword("new")).verdict, ProbeVerdict::kNotTried);
  const ProbeResult parked = Probe(WithPassword("new"));
  EXPECT_EQ(parked.verdict, ProbeVerdict::kNotTried);
  EXPECT_THAT(parked.status, HasReason(Reason::kBillRateLimited));
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(manager.Budgets()[0].queued, 0);
}

// A sign-in with the previous devKey and a probe with the next one may overlap.
TEST_F(SessionManagerProbeTest, LateSignInDoesNotReplaceAdoptedProbe) {
  ASSERT_THAT(Get({}, kSecond), IsOk());  // proves the password, so that two sign-ins may overlap
  bill.SetLatency(absl::Seconds(10));
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  bill.SetLatency(absl::Seconds(1));
  Credential candidate = MakeCredential(kAcme, 3);
  candidate.dev_key = SecretString::CopyOf("another-dev-key-of-acme");
  candidate.version = 2;
  Start(std::move(candidate));
  executor.Advance(absl::Seconds(2));
  ASSERT_TRUE(result.has_value()) << "the devKeys differ, so they have separate queues";
  ASSERT_EQ(result->verdict, ProbeVerdict::kAccepted);
  manager.AdoptProbed(UidOf(kAcme), result->session);
  executor.Advance(absl::Seconds(20));
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(*answer, result->session);
  EXPECT_EQ(*Get(), result->session);
  EXPECT_EQ(bill.sign_outs().size(), 1U) << "the sign-in that ended too late is logged out";
}

TEST_F(SessionManagerProbeTest, AdoptedProbeAnswersWaitersOfCheck) {
  const SessionPtr before = *Get();
  const ProbeResult proved = Probe(WithPassword("new"));
  clock.Advance(absl::Seconds(10));
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", Stale(before->generation),
                     [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 1);
  manager.AdoptProbed(UidOf(kAcme), proved.session);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(*answer, proved.session);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerProbeTest, WaitersGetNothingOlderThanAdoptedProbe) {
  const ProbeResult proved = Probe(WithPassword("new"));
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  manager.AdoptProbed(UidOf(kAcme), proved.session);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_THAT(answer, IsOk());
  EXPECT_GE((*answer)->generation, proved.session->generation);
}

TEST_F(SessionManagerProbeTest, OlderProbeDoesNotReplaceNewerSession) {
  const ProbeResult proved = Probe(WithPassword("new"));
  const SessionPtr newer = *Get();
  manager.AdoptProbed(UidOf(kAcme), proved.session);
  executor.RunUntilIdle();
  EXPECT_EQ(*Get(), newer);
  EXPECT_EQ(bill.sign_outs().size(), 1U);
}

TEST_F(SessionManagerProbeTest, DoesNotProbeDetachedOrganization) {
  Start(WithPassword("new"), "008unknown-organization");
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->verdict, ProbeVerdict::kNotTried);
  EXPECT_THAT(result->status, HasReason(Reason::kUnknownOrganization));
}

}  // namespace
}  // namespace billbroker

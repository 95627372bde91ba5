// Effects of a sign-in's outcome on the store, on other slots and on live sessions.
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

class SessionManagerSettlementTest : public SessionManagerTest {
 protected:
  // Tries another password of kAcme.
  ProbeVerdict Try(absl::string_view password) {
    Credential candidate = MakeCredential(kAcme, 3);
    candidate.password = SecretString::CopyOf(password);
    candidate.version = 2;
    ProbeRequest request;
    request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
    request.candidate = std::make_shared<const Credential>(std::move(candidate));
    request.organization_id = kFirst;
    ProbeVerdict verdict = ProbeVerdict::kNotTried;
    manager.Probe(std::move(request),
                  [&verdict](const ProbeResult& result) { verdict = result.verdict; });
    executor.RunUntilIdle();
    return verdict;
  }
};

TEST_F(SessionManagerSettlementTest, RefusedTrialKeepsTheProofOfTheSecretInEffect) {
  ASSERT_THAT(Get(), IsOk());
  ASSERT_EQ(store.contents().accepted_secrets.size(), 1U);
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  ASSERT_EQ(Try("password-with-a-typing-error"), ProbeVerdict::kRefused);
  EXPECT_EQ(store.contents().accepted_secrets.size(), 1U);
}

TEST_F(SessionManagerSettlementTest, RefusedSecretInEffectLosesItsProof) {
  ASSERT_THAT(Get(), IsOk());
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  ASSERT_FALSE(Get({}, kSecond).ok());
  EXPECT_TRUE(store.contents().accepted_secrets.empty());
}

TEST_F(SessionManagerSettlementTest, UnsentSignInIsNotChargedAfterARestart) {
  BillError unsent;
  unsent.delivery = Delivery::kNotSent;
  bill.FailNextSignIns(1, unsent);
  ASSERT_FALSE(Get().ok());
  ASSERT_TRUE(manager.Budgets().empty());
  EXPECT_TRUE(store.contents().attempts.empty());
}

TEST_F(SessionManagerSettlementTest, HourlyLimitOfAReplacementKeepsTheSessionAlive) {
  SessionManager kept(SessionManagerOptions(), MakeParts());
  kept.Restore({});
  Answer answer = absl::UnknownError("not answered");
  const auto store_answer = [&answer](Answer given) { answer = std::move(given); };
  kept.GetSession(kFirst, "", {}, store_answer);
  executor.RunUntilIdle();
  ASSERT_THAT(answer, IsOk());
  BillError limited = Refusal(Verdict::kRateLimited, "BDC_1144");
  limited.retry_after = absl::Minutes(59);
  bill.FailNextSignIns(1, limited);
  Credential next = MakeCredential(kAcme, 3);
  next.version = 2;
  next.dev_key = SecretString::CopyOf("another-dev-key");
  Replace(next);
  executor.Advance(absl::Minutes(40));
  EXPECT_EQ(bill.CountSignIns(), 2);
  kept.GetSession(kFirst, "", {}, store_answer);
  executor.RunUntilIdle();
  EXPECT_THAT(answer, IsOk());
}

TEST_F(SessionManagerSettlementTest, RemovedSlotIsNotCountedAsLive) {
  ASSERT_THAT(Get(), IsOk());
  ASSERT_EQ(manager.Counts().live, 1);
  clock.Advance(absl::Minutes(36));
  credentials.Remove(kAcme, UidOf(kAcme));
  executor.RunUntilIdle();
  EXPECT_EQ(manager.Counts().live, 0);
}

TEST_F(SessionManagerSettlementTest, LoginChecksASuspectedSession) {
  Store(MakeCredential(kMany, 5));
  std::vector<std::uint64_t> generations;
  for (int n = 0; n < 5; ++n)
    generations.push_back((*Get({}, OrganizationId(n, kMany)))->generation);
  executor.Advance(absl::Minutes(2));
  bill.KillAllSessions();
  for (int n = 0; n < 3; ++n) {
    ASSERT_THAT(Get(Stale(generations[n]), OrganizationId(n, kMany)), IsOk());
  }
  const absl::StatusOr<LoginOutcome> login = Login(false, OrganizationId(4, kMany));
  ASSERT_THAT(login, IsOk());
  EXPECT_TRUE(bill.IsLive(login->session->keys.session_id->Reveal()));
}

// The callers ask again each second.
TEST_F(SessionManagerSettlementTest, SecondsOfBare429DoNotSpendTheHour) {
  Store(MakeCredential(kMany, 100));
  ASSERT_THAT(Get({}, OrganizationId(0, kMany)), IsOk());
  BillError throttled = Refusal(Verdict::kThrottled, "");
  throttled.http_status = 429;
  bill.FailNextSignIns(1000, throttled);
  for (int second = 0; second < 15; ++second) {
    for (int n = 1; n < 100; ++n) {
      manager.GetSession(OrganizationId(n, kMany), "", {}, [](const Answer&) {});
    }
    executor.Advance(absl::Seconds(1));
  }
  EXPECT_LE(bill.CountSignIns(), 1 + 2 + 4) << "two at once of the user, then after 1, 2, 4, 8 s";
}

TEST_F(SessionManagerSettlementTest, AnyCallerBelowItsShareStartsTheSignIn) {
  Store(MakeCredential(kMany, 100));
  SessionManagerOptions options = WithoutKeepAlive();
  options.sign_in.sign_ins_per_hour = 40;
  SessionManager shared(options, MakeParts());
  shared.Restore({});
  const auto start = [&](absl::string_view principal, int n, std::vector<Answer>& answers) {
    SessionDemand demand;
    demand.principal = std::string(principal);
    demand.patience = absl::Hours(2);
    shared.GetSession(OrganizationId(n, kMany), "", demand,
                      [&answers](const Answer& answer) { answers.push_back(answer); });
    executor.RunUntilIdle();
  };
  std::vector<Answer> earlier, later;
  start("unix:below-its-share", 50, earlier);
  for (int n = 0; n < 34; ++n) start("unix:at-its-share", n, earlier);
  ASSERT_EQ(earlier.size(), 35U);
  bill.Hold();
  start("unix:below-its-share", 51, earlier);
  start("unix:below-its-share", 52, earlier);  // two at once of a user
  start("unix:at-its-share", 60, later);
  start("unix:below-its-share", 60, later);
  start("unix:at-its-share", 60, later);
  for (int round = 0; round < 2; ++round) {
    bill.ReleaseAll();
    executor.RunUntilIdle();
  }
  EXPECT_EQ(later.size(), 3U);
}

}  // namespace
}  // namespace billbroker

// What the engine does for a partner: one session of the partner's for all its organizations.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/session/partner_fixture.h"
#include "tests/support/seeded_random.h"

namespace billbroker {
namespace {

TEST_F(EnginePartnerTest, ABurstOverManyOrganizationsIsOneSignInOfThePartner) {
  bill.SetLatency(absl::Milliseconds(100));
  std::vector<Answer> answers = GetAll();
  executor.Advance(absl::Seconds(10));
  for (const Answer& answer : answers) EXPECT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(PartnerSignIns(), 1U);
  EXPECT_EQ(bill.partner_sign_ins()[0].app_key, "the-app-key");
  EXPECT_EQ(bill.partner_sign_ins()[0].password, "password-of-firm");
  EXPECT_EQ(bill.CountSignIns(), kOrganizations);
  for (const FakeBill::SignInCall& call : bill.sign_ins()) {
    EXPECT_EQ(call.partner_session, FakeBill::PartnerSessionId(1));
    EXPECT_EQ(call.user_id, "006" + call.organization_id.substr(7));
  }
  EXPECT_EQ((*answers[0])->keys.dev_key->Reveal(), "dev-key-of-firm");
}

// All of a governor's places would be taken by those who wait for the partner.
TEST_F(EnginePartnerTest, ThePartnerNeedsNoPlaceThatItsUsersHold) {
  bill.AnswerAtOnce();
  EngineOptions options;
  options.governor.max_parallel = 1;
  ManualExecutor own{clock};
  Engine narrow{options, MakeParts(own)};
  narrow.Restore({});
  int answered = 0;
  for (int i = 0; i < 10; ++i) {
    narrow.GetSession(Id(i), "", {},
                      [&answered](const Answer& answer) { answered += answer.ok(); });
  }
  own.RunUntilIdle();
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(PartnerSignIns(), 1U);
}

TEST_F(EnginePartnerTest, UseKeepsThePartnersSessionAndIdlenessEndsIt) {
  EXPECT_TRUE(GetOf(0).ok());
  executor.Advance(absl::Minutes(33));
  EXPECT_TRUE(GetOf(1).ok());
  executor.Advance(absl::Minutes(33));
  EXPECT_TRUE(GetOf(2).ok());
  EXPECT_EQ(PartnerSignIns(), 1U);
  executor.Advance(absl::Minutes(34));
  EXPECT_TRUE(GetOf(3).ok());
  EXPECT_EQ(PartnerSignIns(), 2U);
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(2));
}

TEST_F(EnginePartnerTest, ADeadSessionOfThePartnersIsRenewedOnceForAll) {
  EXPECT_TRUE(GetOf(0).ok());
  bill.KillSession(FakeBill::PartnerSessionId(1));
  bill.SetLatency(absl::Milliseconds(100));
  std::vector<Answer> answers = GetAll();
  executor.Advance(absl::Seconds(10));
  for (const Answer& answer : answers) EXPECT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(EnginePartnerTest, ASecondDeathRightAfterDoesNotLoop) {
  EXPECT_TRUE(GetOf(0).ok());
  bill.KillSession(FakeBill::PartnerSessionId(1));
  const BillError dead = Refusal(Verdict::kSessionInvalid, "BDC_1109");
  bill.SetSignInAnswer([&dead](const SignInRequest&) { return dead; });
  for (int i = 1; i < 5; ++i) {
    EXPECT_TRUE(HasReason(GetOf(i).status(), Reason::kSessionUnstable)) << i;
  }
  EXPECT_EQ(PartnerSignIns(), 2U);
  bill.SetSignInAnswer(nullptr);
  executor.Advance(absl::Minutes(2));
  EXPECT_TRUE(GetOf(1).ok());
  EXPECT_EQ(PartnerSignIns(), 3U);
}

TEST_F(EnginePartnerTest, AnOrganizationThatIsAlwaysToldSoDoesNotEndTheOthersSessions) {
  const BillError dead = Refusal(Verdict::kSessionInvalid, "BDC_1109");
  bill.SetSignInAnswer([this, &dead](const SignInRequest& request) -> BillResult<SignInAnswer> {
    if (request.organization_id == Id(0)) return dead;
    return bill.Accept(request);
  });
  EXPECT_TRUE(GetOf(1).ok());
  EXPECT_FALSE(GetOf(0).ok());  // renewed, and none the better for it
  executor.Advance(absl::Minutes(2));
  EXPECT_TRUE(GetOf(2).ok());
  const std::size_t before = PartnerSignIns();
  for (int minutes = 0; minutes < 6; minutes += 2) {
    EXPECT_TRUE(HasReason(GetOf(0).status(), Reason::kSessionUnstable));
    EXPECT_TRUE(GetOf(3 + minutes).ok());
    executor.Advance(absl::Minutes(2));
  }
  EXPECT_EQ(PartnerSignIns(), before);
}

TEST_F(EnginePartnerTest, ARefusedPasswordIsTriedOnceHoweverManyAsk) {
  bill.FailNextPartnerSignIns(100, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  ExpectAll(GetAll(), Reason::kCredentialRejected);
  ExpectAll(GetAll(), Reason::kCredentialRejected);
  EXPECT_EQ(PartnerSignIns(), 1U);
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(EnginePartnerTest, ARefusedAppKeyStandsAgainstEveryPartnerThatHasIt) {
  Store(MakePartner("mill", 1));
  bill.FailNextPartnerSignIns(1, Refusal(Verdict::kDevKeyRejected, "BDC_1103"));
  EXPECT_TRUE(HasReason(GetOf(0).status(), Reason::kDevKeyRejected));
  EXPECT_TRUE(HasReason(GetOf(0, "mill").status(), Reason::kDevKeyRejected));
  EXPECT_EQ(PartnerSignIns(), 1U);
  EXPECT_TRUE(Login(true, Id(0, "mill")).ok()) << "forced";
  EXPECT_TRUE(GetOf(0).ok());
}

TEST_F(EnginePartnerTest, WhatPassesIsTriedAgainAfterAWhile) {
  bill.FailNextPartnerSignIns(1, Refusal(Verdict::kUnavailable, ""));
  const std::vector<Answer> answers = GetAll();
  ExpectAll(answers, Reason::kBillUnavailable);
  EXPECT_GT(DetailsOf(answers[0].status())->retry_after, absl::ZeroDuration());
  EXPECT_FALSE(GetOf(7).ok());
  EXPECT_EQ(PartnerSignIns(), 1U);
  executor.Advance(absl::Seconds(2));
  EXPECT_TRUE(GetOf(7).ok());
}

TEST_F(EnginePartnerTest, NoMoreThanThreeFailuresOfThePartnerInAnHour) {
  bill.FailNextPartnerSignIns(100, Refusal(Verdict::kRefused, "BDC_9999"));
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(Login(true, Id(i)).ok());
    executor.Advance(absl::Minutes(2));
  }
  EXPECT_EQ(PartnerSignIns(), 3U);
  EXPECT_TRUE(HasReason(Login(true, Id(0)).status(), Reason::kLoginBudgetSpent));
}

TEST_F(EnginePartnerTest, FailuresOfThePartnerLeaveItsLiveSessionInUse) {
  EXPECT_TRUE(GetOf(0).ok());
  bill.FailNextPartnerSignIns(3, Refusal(Verdict::kRefused, "BDC_9999"));
  for (int i = 0; i < 3; ++i) {
    ProbeRequest request;
    Credential candidate = MakePartner("firm");
    candidate.version = 2;
    candidate.password = SecretString::CopyOf(absl::StrCat("wrong ", i));
    request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
    request.candidate = std::make_shared<const Credential>(std::move(candidate));
    request.organization_id = Id(0);
    engine.Probe(std::move(request), [](const ProbeResult&) {});
    executor.RunUntilIdle();
  }
  EXPECT_EQ(PartnerSignIns(), 4U);
  EXPECT_TRUE(GetOf(1).ok());
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(1));
}

TEST_F(EnginePartnerTest, BillsHourlyLimitHoldsThePartnerAndTellsThoseWhoWait) {
  BillError spent = Refusal(Verdict::kRateLimited, "BDC_1144");
  spent.retry_after = absl::Minutes(10);
  bill.FailNextPartnerSignIns(1, spent);
  const std::vector<Answer> answers = GetAll();
  ExpectAll(answers, Reason::kBillRateLimited);
  EXPECT_EQ(DetailsOf(answers[0].status())->retry_after, absl::Minutes(10));
  EXPECT_TRUE(HasReason(GetOf(5).status(), Reason::kBillRateLimited));
  EXPECT_EQ(PartnerSignIns(), 1U);
  executor.Advance(absl::Minutes(11));
  EXPECT_EQ(PartnerSignIns(), 2U);
  EXPECT_EQ(bill.CountSignIns(), kOrganizations) << "they kept their places";
}

// Whose limit a sign-in as a user counts in is not known, so it holds both keys.
TEST_F(EnginePartnerTest, TheLimitThatAUserMeetsHoldsTheAppKeyToo) {
  Credential partner = MakePartner("firm");
  partner.version = 2;
  partner.organizations[1].dev_key = SecretString::CopyOf("another-dev-key");
  Replace(partner);
  BillError spent = Refusal(Verdict::kRateLimited, "BDC_1144");
  spent.retry_after = absl::Minutes(10);
  bill.FailNextSignInsOf(Id(0), 1, spent);
  EXPECT_TRUE(HasReason(GetOf(0).status(), Reason::kBillRateLimited));
  EXPECT_TRUE(HasReason(GetOf(1).status(), Reason::kBillRateLimited));
  EXPECT_EQ(bill.CountSignIns(), 1);
  executor.Advance(absl::Minutes(11));
  EXPECT_EQ(bill.CountSignIns(), 3);
}

TEST_F(EnginePartnerTest, BothCallsAreInTheLedgerEachOnItsOwnKey) {
  EXPECT_TRUE(GetOf(0).ok());
  EXPECT_TRUE(GetOf(1).ok());
  const CredentialInfoPtr info = *directory.Get("firm");
  int on_app_key = 0;
  int on_dev_key = 0;
  for (const LoginGovernor::Budget& budget : engine.Budgets()) {
    if (budget.dev_key == AppKeyKeyOf(*info)) on_app_key = budget.used;
    if (budget.dev_key == DevKeyKeyOf(*info, Id(0))) on_dev_key = budget.used;
  }
  EXPECT_EQ(on_app_key, 1);
  EXPECT_EQ(on_dev_key, 2);
  EXPECT_EQ(engine.Counts().sign_ins, 3);
}

TEST_F(EnginePartnerTest, ARefusedUserIsThatOrganizationsAlone) {
  bill.FailNextSignInsOf(Id(0), 1, Refusal(Verdict::kOrganizationRejected, "BDC_1111"));
  EXPECT_TRUE(HasReason(GetOf(0).status(), Reason::kOrganizationRejected));
  EXPECT_TRUE(GetOf(1).ok());
  EXPECT_FALSE(GetOf(0).ok());
  EXPECT_EQ(bill.CountSignInsOf(Id(0)), 1);
  Credential partner = MakePartner("firm");
  partner.version = 2;
  partner.organizations[0].user_id = "006other";
  Replace(partner);
  EXPECT_TRUE(GetOf(0).ok()) << "as another user";
  EXPECT_EQ(PartnerSignIns(), 1U) << "of the same partner";
}

// No password was shown, so none was refused.
TEST_F(EnginePartnerTest, ACodeAboutThePasswordAnsweredToAUserDoesNotRefuseThePartner) {
  bill.FailNextSignInsOf(Id(0), 1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_TRUE(HasReason(GetOf(0).status(), Reason::kOrganizationRejected));
  bill.FailNextSignInsOf(Id(1), 1, Refusal(Verdict::kUserLocked, "BDC_1110"));
  EXPECT_TRUE(HasReason(GetOf(1).status(), Reason::kLockedOut));
  EXPECT_TRUE(GetOf(2).ok());
}

TEST_F(EnginePartnerTest, AnotherPasswordOrAppKeyIsAnotherPartnersSession) {
  EXPECT_TRUE(GetOf(0).ok());
  Credential partner = MakePartner("firm");
  partner.version = 2;
  partner.password = SecretString::CopyOf("new");
  Replace(partner);
  EXPECT_TRUE(GetOf(1).ok());
  partner.version = 3;
  partner.app_key = SecretString::CopyOf("new-app-key");
  Replace(partner);
  EXPECT_TRUE(GetOf(2).ok());
  ASSERT_EQ(PartnerSignIns(), 3U);
  EXPECT_EQ(bill.partner_sign_ins()[1].password, "new");
  EXPECT_EQ(bill.partner_sign_ins()[2].app_key, "new-app-key");
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(3));
}

TEST_F(EnginePartnerTest, AChangeWhileThePartnerSignsInIsFollowed) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(Id(0), "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  Credential partner = MakePartner("firm");
  partner.version = 2;
  partner.password = SecretString::CopyOf("new");
  Replace(partner);
  executor.RunUntilIdle();
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(2));
}

TEST_F(EnginePartnerTest, DeletedWhileThePartnerSignsInItTellsThoseWhoWait) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(Id(0), "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  directory.Remove("firm", "uid-of-firm");
  EXPECT_TRUE(HasReason(answer.status(), Reason::kUnknownOrganization)) << answer.status();
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(EnginePartnerTest, ALockedVaultIsToldToAll) {
  vault.set_state(VaultState::kLocked);
  ExpectAll(GetAll(), Reason::kVaultLocked);
  EXPECT_EQ(PartnerSignIns(), 0U);
}

TEST_F(EnginePartnerTest, EndingAllSessionsForgetsThePartnersToo) {
  EXPECT_TRUE(GetOf(0).ok());
  engine.LogoutAll("uid-of-firm", [] {});
  executor.RunUntilIdle();
  EXPECT_TRUE(GetOf(0).ok());
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(EnginePartnerTest, ASessionInMemoryNeedsNoPartner) {
  EXPECT_TRUE(GetOf(0).ok());
  bill.KillSession(FakeBill::PartnerSessionId(1));
  EXPECT_TRUE(GetOf(0).ok());
  EXPECT_EQ(bill.CountSignIns(), 1);
}

// Partners' sessions are in memory only; what was spent on them is not.
TEST_F(EnginePartnerTest, AfterARestartThePartnerSignsInAgainAndTheLedgerKnowsWhatWasSpent) {
  bill.AnswerAtOnce();
  SeededRandom seeded;
  std::unique_ptr<ManualExecutor> own;
  std::unique_ptr<Engine> process;
  const auto start = [&] {
    process.reset();
    own = std::make_unique<ManualExecutor>(clock);
    process = std::make_unique<Engine>(
        WithoutKeepAlive(), Engine::Parts{clock,
                                          *own,
                                          seeded,
                                          vault,
                                          directory,
                                          bill,
                                          store,
                                          observer,
                                          {{"sandbox", "https://bill.example/connect"}}});
    process->Restore(store.Open(*vault.MasterKey()));
  };
  const auto ask = [&](int organization) {
    bool answered = false;
    process->GetSession(Id(organization), "", {},
                        [&answered](const Answer& answer) { answered = answer.ok(); });
    own->RunUntilIdle();
    return answered;
  };
  start();
  EXPECT_TRUE(ask(0));
  start();
  EXPECT_TRUE(ask(0));
  EXPECT_EQ(PartnerSignIns(), 1U) << "its users' sessions outlive the process";
  EXPECT_TRUE(ask(1));
  EXPECT_EQ(PartnerSignIns(), 2U);
  for (const LoginGovernor::Budget& budget : process->Budgets()) {
    EXPECT_EQ(budget.used, 2) << budget.dev_key;
  }
  EXPECT_EQ(process->Budgets().size(), 2U);
}

}  // namespace
}  // namespace billbroker

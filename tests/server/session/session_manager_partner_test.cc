// Partners: one partner session serves all of its organizations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/session/partner_fixture.h"
#include "tests/support/seeded_random.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

using ::testing::Each;
using ::testing::Not;

TEST_F(SessionManagerPartnerTest, BurstCostsOnePartnerSignIn) {
  bill.SetLatency(absl::Milliseconds(100));
  std::vector<Answer> answers = GetAll();
  executor.Advance(absl::Seconds(10));
  for (const Answer& answer : answers) EXPECT_THAT(answer, IsOk());
  ASSERT_EQ(PartnerSignIns(), 1U);
  EXPECT_EQ(bill.partner_sign_ins()[0].app_key, "the-app-key-of-the-firm");
  EXPECT_EQ(bill.partner_sign_ins()[0].password, PasswordOf(kFirm));
  EXPECT_EQ(bill.CountSignIns(), kOrganizations);
  for (const FakeBill::SignInCall& call : bill.sign_ins()) {
    EXPECT_EQ(call.partner_session, FakeBill::PartnerSessionId(1));
    EXPECT_EQ(
        call.user_id,
        PartnersUserId(std::stoi(call.organization_id.substr(call.organization_id.size() - 5))));
  }
  EXPECT_EQ((*answers[0])->keys.dev_key->Reveal(), DevKeyOf(kFirm));
}

// Otherwise the users that wait for the partner would hold every place of the governor.
TEST_F(SessionManagerPartnerTest, PartnerNeedsNoPlaceOfItsUsers) {
  bill.AnswerAtOnce();
  SessionManagerOptions options;
  options.sign_in.max_parallel = 1;
  ManualExecutor own{clock};
  SessionManager narrow{options, MakeParts(own)};
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

TEST_F(SessionManagerPartnerTest, PartnerSessionEndsWhenIdle) {
  EXPECT_THAT(GetOf(0), IsOk());
  executor.Advance(absl::Minutes(33));
  EXPECT_THAT(GetOf(1), IsOk());
  executor.Advance(absl::Minutes(33));
  EXPECT_THAT(GetOf(2), IsOk());
  EXPECT_EQ(PartnerSignIns(), 1U);
  executor.Advance(absl::Minutes(34));
  EXPECT_THAT(GetOf(3), IsOk());
  EXPECT_EQ(PartnerSignIns(), 2U);
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(2));
}

TEST_F(SessionManagerPartnerTest, RenewsDeadPartnerSessionOnce) {
  EXPECT_THAT(GetOf(0), IsOk());
  bill.KillSession(FakeBill::PartnerSessionId(1));
  bill.SetLatency(absl::Milliseconds(100));
  std::vector<Answer> answers = GetAll();
  executor.Advance(absl::Seconds(10));
  for (const Answer& answer : answers) EXPECT_THAT(answer, IsOk());
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(SessionManagerPartnerTest, DoesNotLoopOnRepeatedDeath) {
  EXPECT_THAT(GetOf(0), IsOk());
  bill.KillSession(FakeBill::PartnerSessionId(1));
  const BillError dead = Refusal(Verdict::kSessionInvalid, "BDC_1109");
  bill.SetSignInAnswer([&dead](const SignInRequest&) { return dead; });
  for (int i = 1; i < 5; ++i) {
    EXPECT_THAT(GetOf(i), HasReason(Reason::kSessionUnstable)) << i;
  }
  EXPECT_EQ(PartnerSignIns(), 2U);
  bill.SetSignInAnswer(nullptr);
  executor.Advance(absl::Minutes(2));
  EXPECT_THAT(GetOf(1), IsOk());
  EXPECT_EQ(PartnerSignIns(), 3U);
}

TEST_F(SessionManagerPartnerTest, OneDeadOrganizationLeavesOthersAlone) {
  const BillError dead = Refusal(Verdict::kSessionInvalid, "BDC_1109");
  bill.SetSignInAnswer([this, &dead](const SignInRequest& request) -> BillResult<SignInAnswer> {
    if (request.organization_id == Id(0)) return dead;
    return bill.Accept(request);
  });
  EXPECT_THAT(GetOf(1), IsOk());
  EXPECT_THAT(GetOf(0), Not(IsOk()));  // a renewed partner session does not help
  executor.Advance(absl::Minutes(2));
  EXPECT_THAT(GetOf(2), IsOk());
  const std::size_t before = PartnerSignIns();
  for (int minutes = 0; minutes < 6; minutes += 2) {
    EXPECT_THAT(GetOf(0), HasReason(Reason::kSessionUnstable));
    EXPECT_THAT(GetOf(3 + minutes), IsOk());
    executor.Advance(absl::Minutes(2));
  }
  EXPECT_EQ(PartnerSignIns(), before);
}

TEST_F(SessionManagerPartnerTest, TriesRefusedPasswordOnce) {
  bill.FailNextPartnerSignIns(100, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(GetAll(), Each(HasReason(Reason::kCredentialRejected)));
  EXPECT_THAT(GetAll(), Each(HasReason(Reason::kCredentialRejected)));
  EXPECT_EQ(PartnerSignIns(), 1U);
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(SessionManagerPartnerTest, QuarantinesAppKeyWithThisPartner) {
  Store(MakePartner(kMill, 1));
  bill.FailNextPartnerSignIns(1, Refusal(Verdict::kDevKeyRejected, "BDC_1103"));
  EXPECT_THAT(GetOf(0), HasReason(Reason::kDevKeyRejected));
  EXPECT_THAT(GetOf(1), HasReason(Reason::kDevKeyRejected));
  EXPECT_EQ(PartnerSignIns(), 1U);
  EXPECT_THAT(GetOf(0, kMill), IsOk()) << "another partner with the same appKey";
  EXPECT_THAT(Login(true, Id(0)), IsOk()) << "forced";
  EXPECT_THAT(GetOf(1), IsOk());
}

TEST_F(SessionManagerPartnerTest, RetriesTransientFailure) {
  bill.FailNextPartnerSignIns(1, Refusal(Verdict::kUnavailable, ""));
  const std::vector<Answer> answers = GetAll();
  EXPECT_THAT(answers, Each(HasReason(Reason::kBillUnavailable)));
  EXPECT_GT(DetailsOf(answers[0].status())->retry_after, absl::ZeroDuration());
  EXPECT_THAT(GetOf(7), Not(IsOk()));
  EXPECT_EQ(PartnerSignIns(), 1U);
  executor.Advance(absl::Seconds(2));
  EXPECT_THAT(GetOf(7), IsOk());
}

TEST_F(SessionManagerPartnerTest, AllowsTwoPartnerFailuresAnHour) {
  bill.FailNextPartnerSignIns(100, Refusal(Verdict::kRefused, "BDC_9999"));
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(Login(true, Id(i)), Not(IsOk()));
    executor.Advance(absl::Minutes(2));
  }
  EXPECT_EQ(PartnerSignIns(), 2U);
  EXPECT_THAT(Login(true, Id(0)), HasReason(Reason::kLoginBudgetSpent));
}

TEST_F(SessionManagerPartnerTest, FailuresKeepLivePartnerSession) {
  EXPECT_THAT(GetOf(0), IsOk());
  bill.FailNextPartnerSignIns(3, Refusal(Verdict::kRefused, "BDC_9999"));
  for (int i = 0; i < 3; ++i) {
    ProbeRequest request;
    Credential candidate = MakePartner(kFirm);
    candidate.version = 2;
    candidate.password = SecretString::CopyOf(absl::StrCat("wrong ", i));
    request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
    request.candidate = std::make_shared<const Credential>(std::move(candidate));
    request.organization_id = Id(0);
    manager.Probe(std::move(request), [](const ProbeResult&) {});
    executor.RunUntilIdle();
  }
  EXPECT_EQ(PartnerSignIns(), 3U) << "secrets on trial may fail twice an hour";
  EXPECT_THAT(GetOf(1), IsOk());
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(1));
}

TEST_F(SessionManagerPartnerTest, HourlyLimitParksPartnerAndFailsWaiters) {
  BillError spent = Refusal(Verdict::kRateLimited, "BDC_1144");
  spent.retry_after = absl::Minutes(10);
  bill.FailNextPartnerSignIns(1, spent);
  const std::vector<Answer> answers = GetAll();
  EXPECT_THAT(answers, Each(HasReason(Reason::kBillRateLimited)));
  EXPECT_THAT(answers[0], HasSpreadRetryAfter(absl::Minutes(10)));
  EXPECT_THAT(GetOf(5), HasReason(Reason::kBillRateLimited));
  EXPECT_EQ(PartnerSignIns(), 1U);
  executor.Advance(*DetailsOf(answers[0].status())->retry_after);
  EXPECT_THAT(GetAll(), Each(IsOk()));
  EXPECT_EQ(PartnerSignIns(), 2U);
}

// BILL does not document which key's limit a sign-in as a user counts against, so both are parked.
TEST_F(SessionManagerPartnerTest, UserHourlyLimitParksAppKey) {
  Credential partner = MakePartner(kFirm);
  partner.version = 2;
  partner.organizations[1].dev_key = SecretString::CopyOf("another-dev-key-of-firm");
  Replace(partner);
  BillError spent = Refusal(Verdict::kRateLimited, "BDC_1144");
  spent.retry_after = absl::Minutes(10);
  bill.FailNextSignInsOf(Id(0), 1, spent);
  EXPECT_THAT(GetOf(0), HasReason(Reason::kBillRateLimited));
  EXPECT_THAT(GetOf(1), HasReason(Reason::kBillRateLimited));
  EXPECT_EQ(bill.CountSignIns(), 1);
  executor.Advance(absl::Minutes(11));
  EXPECT_THAT(GetOf(0), IsOk());
  EXPECT_THAT(GetOf(1), IsOk());
  EXPECT_EQ(bill.CountSignIns(), 3);
}

TEST_F(SessionManagerPartnerTest, LedgerCountsBothCallsOnTheirKeys) {
  EXPECT_THAT(GetOf(0), IsOk());
  EXPECT_THAT(GetOf(1), IsOk());
  const CredentialInfoPtr info = *credentials.Get(kFirm);
  int on_app_key = 0;
  int on_dev_key = 0;
  for (const DevKeyUse& budget : manager.Budgets()) {
    if (budget.dev_key == ToAppKeyBudgetId(*info)) on_app_key = budget.used;
    if (budget.dev_key == ToDevKeyBudgetId(*info, Id(0))) on_dev_key = budget.used;
  }
  EXPECT_EQ(on_app_key, 1);
  EXPECT_EQ(on_dev_key, 2);
  EXPECT_EQ(manager.Counts().sign_ins, 3);
}

TEST_F(SessionManagerPartnerTest, RefusedUserAffectsOnlyItsOrganization) {
  bill.FailNextSignInsOf(Id(0), 1, Refusal(Verdict::kOrganizationRejected, "BDC_1111"));
  EXPECT_THAT(GetOf(0), HasReason(Reason::kOrganizationRejected));
  EXPECT_THAT(GetOf(1), IsOk());
  EXPECT_THAT(GetOf(0), Not(IsOk()));
  EXPECT_EQ(bill.CountSignInsOf(Id(0)), 1);
  Credential partner = MakePartner(kFirm);
  partner.version = 2;
  partner.organizations[0].user_id = "006another-user-of-it";
  Replace(partner);
  EXPECT_THAT(GetOf(0), IsOk()) << "signed in as another user";
  EXPECT_EQ(PartnerSignIns(), 1U) << "the partner session is reused";
}

// The login-as-user call sends no password, so its code cannot refuse one.
TEST_F(SessionManagerPartnerTest, PasswordCodeForUserDoesNotRefusePartner) {
  bill.FailNextSignInsOf(Id(0), 1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(GetOf(0), HasReason(Reason::kOrganizationRejected));
  bill.FailNextSignInsOf(Id(1), 1, Refusal(Verdict::kUserLocked, "BDC_1110"));
  EXPECT_THAT(GetOf(1), HasReason(Reason::kLockedOut));
  EXPECT_THAT(GetOf(2), IsOk());
}

TEST_F(SessionManagerPartnerTest, NewSecretsNeedNewPartnerSession) {
  EXPECT_THAT(GetOf(0), IsOk());
  Credential partner = MakePartner(kFirm);
  partner.version = 2;
  partner.password = SecretString::CopyOf("new");
  Replace(partner);
  EXPECT_THAT(GetOf(1), IsOk());
  partner.version = 3;
  partner.app_key = SecretString::CopyOf("app-key-that-is-new");
  Replace(partner);
  EXPECT_THAT(GetOf(2), IsOk());
  ASSERT_EQ(PartnerSignIns(), 3U);
  EXPECT_EQ(bill.partner_sign_ins()[1].password, "new");
  EXPECT_EQ(bill.partner_sign_ins()[2].app_key, "app-key-that-is-new");
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(3));
}

TEST_F(SessionManagerPartnerTest, FollowsChangeDuringPartnerSignIn) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(Id(0), "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  Credential partner = MakePartner(kFirm);
  partner.version = 2;
  partner.password = SecretString::CopyOf("new");
  Replace(partner);
  executor.RunUntilIdle();
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_THAT(answer, IsOk());
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(2));
}

TEST_F(SessionManagerPartnerTest, DeletionFailsWaitersOfPartner) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(Id(0), "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  credentials.Remove(kFirm, UidOf(kFirm));
  EXPECT_THAT(answer, HasReason(Reason::kUnknownOrganization));
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(SessionManagerPartnerTest, MissedReadKeepsPartner) {
  ASSERT_THAT(vault.Delete(kFirm, UidOf(kFirm), 1), IsOk());
  EXPECT_THAT(GetOf(0), HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(credentials.Get(kFirm), IsOk());
  EXPECT_EQ(PartnerSignIns(), 0U);
  ASSERT_THAT(vault.Create(MakePartner(kFirm)), IsOk());
  EXPECT_THAT(GetOf(0), IsOk());
}

TEST_F(SessionManagerPartnerTest, LockedVaultFailsAllWaiters) {
  vault.set_state(VaultState::kLocked);
  EXPECT_THAT(GetAll(), Each(HasReason(Reason::kVaultLocked)));
  EXPECT_EQ(PartnerSignIns(), 0U);
}

TEST_F(SessionManagerPartnerTest, LogoutAllForgetsPartnerSession) {
  EXPECT_THAT(GetOf(0), IsOk());
  manager.LogoutAll(UidOf(kFirm), [] {});
  executor.RunUntilIdle();
  EXPECT_THAT(GetOf(0), IsOk());
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(SessionManagerPartnerTest, LiveSessionNeedsNoPartner) {
  EXPECT_THAT(GetOf(0), IsOk());
  bill.KillSession(FakeBill::PartnerSessionId(1));
  EXPECT_THAT(GetOf(0), IsOk());
  EXPECT_EQ(bill.CountSignIns(), 1);
}

// Partner sessions are kept in memory only. The ledger of their sign-ins is stored.
TEST_F(SessionManagerPartnerTest, RestartSignsPartnerInAndKeepsLedger) {
  bill.AnswerAtOnce();
  SeededRandom seeded;
  std::unique_ptr<ManualExecutor> own;
  std::unique_ptr<SessionManager> process;
  const auto start = [&] {
    process.reset();
    own = std::make_unique<ManualExecutor>(clock);
    process = std::make_unique<SessionManager>(WithoutKeepAlive(), MakeParts(*own, seeded, store));
    process->Restore(OpenNow(store, *vault.MasterKey()));
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
  EXPECT_EQ(PartnerSignIns(), 1U) << "the sessions of its users were restored";
  EXPECT_TRUE(ask(1));
  EXPECT_EQ(PartnerSignIns(), 2U);
  for (const DevKeyUse& budget : process->Budgets()) {
    EXPECT_EQ(budget.used, 2) << budget.dev_key.dev_key_id;
  }
  EXPECT_EQ(process->Budgets().size(), 2U);
}

}  // namespace
}  // namespace billbroker

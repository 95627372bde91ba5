// Sign-ins while the session store is not open or cannot be written.
#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using Past = absl::StatusOr<std::vector<PastSignIn>>;

class SessionManagerStoreTest : public SessionManagerTest {
 protected:
  SessionManagerStoreTest() {
    bill.AnswerAtOnce();
    vault_health.set_state(VaultState::kReady);
  }

  // Starts a process whose store is not open.
  void Start(const Past& past) {
    store.set_usable(false);
    (void)store.Open(*vault.MasterKey());
    own = std::make_unique<ManualExecutor>(clock);
    process = std::make_unique<SessionManager>(WithoutSlotCap(), MakeParts(*own));
    process->ServeWithoutStore(past);
  }

  Answer Call(absl::string_view organization = kFirst) {
    Answer answer = absl::UnknownError("not answered");
    process->GetSession(organization, "", {},
                        [&answer](Answer given) { answer = std::move(given); });
    own->RunUntilIdle();
    return answer;
  }

  PastSignIn Refused(absl::Duration ago) const {
    PastSignIn sign_in;
    sign_in.credential = kAcme;
    sign_in.version = 1;
    sign_in.organization_id = kFirst;
    sign_in.dev_key_id = (*credentials.Get(kAcme))->DevKeyIdFor(kFirst);
    sign_in.time = clock.Now() - ago;
    sign_in.outcome = PastSignIn::Outcome::kFailed;
    sign_in.reason = "CREDENTIAL_REJECTED";
    sign_in.bill_code = "BDC_1101";
    return sign_in;
  }

  std::unique_ptr<ManualExecutor> own;  // its work ends with the process
  std::unique_ptr<SessionManager> process;
};

TEST_F(SessionManagerStoreTest, CountsFailedSignInsOfAuditLog) {
  Store(MakeCredential(kConsole, 1));
  Start(Past({Refused(absl::Minutes(10))}));
  EXPECT_THAT(Call(), HasReason(Reason::kLoginBudgetSpent));
  EXPECT_THAT(Call(), HasSpreadRetryAfter(absl::Minutes(50)));
  EXPECT_THAT(Call(OrganizationId(0, kConsole)), IsOk()) << "another user";
  own->Advance(absl::Minutes(51));
  EXPECT_THAT(Call(), IsOk());
}

TEST_F(SessionManagerStoreTest, CountsUnansweredSignInsOfAuditLog) {
  PastSignIn unanswered = Refused(absl::Minutes(1));
  unanswered.outcome = PastSignIn::Outcome::kUnanswered;
  unanswered.reason.clear();
  unanswered.bill_code.clear();
  Start(Past({unanswered}));
  EXPECT_THAT(Call(), HasReason(Reason::kLoginBudgetSpent));
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(SessionManagerStoreTest, DoesNotCountAcceptedSignIns) {
  PastSignIn accepted = Refused(absl::Minutes(1));
  accepted.outcome = PastSignIn::Outcome::kAccepted;
  Start(Past({accepted}));
  EXPECT_THAT(Call(), IsOk());
}

TEST_F(SessionManagerStoreTest, SendsNothingWithoutStoreAndAuditLog) {
  Start(absl::DataLossError("the log was changed"));
  EXPECT_THAT(Call(), HasReason(Reason::kAuditUnavailable));
  EXPECT_EQ(bill.CountSignIns(), 0);
  process->Restore({});
  EXPECT_THAT(Call(), IsOk()) << "the store opened meanwhile";
}

TEST_F(SessionManagerStoreTest, StoreThatOpensLateReplacesAuditLog) {
  Start(Past({Refused(absl::Minutes(10))}));
  ASSERT_THAT(Call(), HasReason(Reason::kLoginBudgetSpent));
  store.set_usable(true);
  process->Restore(store.Open(*vault.MasterKey()));
  EXPECT_THAT(Call(), IsOk()) << "the store has no failure, and three are allowed";
}

TEST_F(SessionManagerStoreTest, UnwritableStoreAllowsOneFailure) {
  store.set_failing(true);
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  EXPECT_THAT(Login(true), HasReason(Reason::kCredentialRejected));
  EXPECT_THAT(Login(true), HasReason(Reason::kLoginBudgetSpent));
  store.set_failing(false);
  store.WriteSoon(AttemptForgotten{"attempt-that-never-was"});  // it can be written again
  EXPECT_THAT(Login(true), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 2);
}

}  // namespace
}  // namespace billbroker

// Sign-ins while the session store is not open or cannot be written.
#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

using Past = absl::StatusOr<std::vector<PastSignIn>>;

class SessionManagerStoreTest : public SessionManagerTest {
 protected:
  SessionManagerStoreTest() {
    bill.AnswerAtOnce();
    vault_health.Set(absl::OkStatus());
  }

  // Starts a process whose store cannot be opened yet.
  void Start(const Past& past = std::vector<PastSignIn>()) {
    store.set_usable(false);
    own = std::make_unique<ManualExecutor>(clock);
    process = std::make_unique<SessionManager>(WithoutSlotCap(), MakeParts(*own));
    store.Open(*vault.MasterKey(),
               [this](StoreContents contents) { process->Restore(std::move(contents)); });
    process->ServeWithoutStore(past);
  }
  void OpenStore() {
    store.set_usable(true);
    own->RunUntilIdle();
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
  OpenStore();
  EXPECT_THAT(Call(), IsOk()) << "the store opened meanwhile";
}

TEST_F(SessionManagerStoreTest, LateStoreRaisesBound) {
  Start(Past({Refused(absl::Minutes(10))}));
  ASSERT_THAT(Call(), HasReason(Reason::kLoginBudgetSpent));
  OpenStore();
  EXPECT_THAT(Call(), IsOk()) << "one failure, and the secret in effect may fail twice";
}

TEST_F(SessionManagerStoreTest, LateStoreKeepsFailuresThatItLacks) {
  Start(Past({Refused(absl::Minutes(10)), Refused(absl::Minutes(20))}));
  OpenStore();
  EXPECT_THAT(Call(), HasReason(Reason::kLoginBudgetSpent));
  // They survive another restart, too.
  process = std::make_unique<SessionManager>(WithoutSlotCap(), MakeParts(*own));
  process->Restore(OpenNow(store, *vault.MasterKey()));
  EXPECT_THAT(Call(), HasReason(Reason::kLoginBudgetSpent));
}

TEST_F(SessionManagerStoreTest, CountsFailureOfStoreAndLogOnce) {
  const CredentialInfoPtr info = *credentials.Get(kAcme);
  StoredAttempt failed;
  failed.id = "attempt-that-bill-refused";
  failed.slot = {info->uid, kFirst};
  failed.dev_key = ToDevKeyBudgetId(*info, kFirst);
  failed.user = ToUserId(*info, kFirst);
  failed.secret_id = info->user_secret_id;
  failed.started = {clock.Now() - absl::Minutes(10), clock.SinceBoot() - absl::Minutes(10)};
  failed.ended = failed.started;
  failed.ending = SignInEnding::kFailed;
  ASSERT_THAT(RecordAndWait(store, failed), IsOk());
  Start(Past({Refused(absl::Minutes(10))}));
  OpenStore();
  EXPECT_THAT(Call(), IsOk());
}

TEST_F(SessionManagerStoreTest, AdoptsSessionsOfLateStore) {
  const SessionPtr before = *Get();
  Start();
  OpenStore();
  const SessionPtr after = *Call();
  EXPECT_EQ(*after->keys.session_id, *before->keys.session_id);
  EXPECT_GT(after->generation, before->generation);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerStoreTest, NewSessionReplacesOneOfLateStore) {
  const SessionPtr before = *Get();
  clock.Advance(absl::Seconds(1));
  Start();
  const SessionPtr served = *Call();
  OpenStore();
  const SessionPtr after = *Call();
  EXPECT_EQ(*after->keys.session_id, *served->keys.session_id);
  EXPECT_GT(after->generation, before->generation);
  ASSERT_EQ(bill.sign_outs().size(), 1U);
  EXPECT_EQ(bill.sign_outs()[0].session_id, before->keys.session_id->Reveal())
      << "the older session is ended at BILL";
}

TEST_F(SessionManagerStoreTest, SignOutBeforeStoreOpensIsKept) {
  ASSERT_THAT(Get(), IsOk());
  Start();
  absl::StatusOr<bool> ended = absl::UnknownError("not answered");
  process->Logout(kFirst, "", 0, [&ended](const absl::StatusOr<bool>& given) { ended = given; });
  EXPECT_THAT(ended, IsOk());
  OpenStore();
  EXPECT_EQ(process->Counts().live, 0);
  EXPECT_EQ(bill.sign_outs().size(), 1U);
}

TEST_F(SessionManagerStoreTest, AdoptsQuarantinesOfLateStore) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  ASSERT_THAT(Get(), HasReason(Reason::kCredentialRejected));
  Start();
  OpenStore();
  EXPECT_THAT(Call(), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerStoreTest, DropsQuarantinesThatBillDisproved) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  ASSERT_THAT(Get(), HasReason(Reason::kCredentialRejected));
  Start();
  ASSERT_THAT(Call(), IsOk());
  OpenStore();
  EXPECT_THAT(Call(kSecond), IsOk());
  EXPECT_TRUE(store.contents().quarantines.empty());
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

// State that a session manager restores from the store after a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

using ::testing::AllOf;

class SessionManagerRestartTest : public SessionManagerTest {
 protected:
  SessionManagerRestartTest() {
    bill.AnswerAtOnce();
    Start();
  }

  // Starts a new process on the same vault and store.
  void Start() {
    StartUnread();
    process->Restore(OpenNow(store, *vault.MasterKey()));
  }
  // The same, but the store is not read yet.
  void StartUnread() {
    process.reset();
    store.Close();
    own = std::make_unique<ManualExecutor>(clock);
    process = std::make_unique<SessionManager>(options, MakeParts(*own));
  }
  // Signs the first organization out before the store is read, then reads it.
  void StartSignedOut(std::uint64_t if_generation) {
    StartUnread();
    process->Logout(kFirst, "", if_generation, [](const absl::StatusOr<bool>&) {});
    process->Restore(OpenNow(store, *vault.MasterKey()));
    own->RunUntilIdle();
  }

  // Starts a process whose first complete read of the vault found no credential.
  void StartWithoutCredentials(std::vector<InvalidDocument> invalid) {
    process.reset();
    credentials.Reset({}, std::move(invalid));
    vault_health.Set(absl::OkStatus(), {});
    Start();
    own->RunUntilIdle();
  }

  // Returns the next version of the credential, with so many of its organizations.
  Credential NewVersion(int organizations) {
    Credential next = MakeCredential(kAcme, organizations);
    next.version = (*credentials.Get(kAcme))->version + 1;
    return next;
  }
  // Detaches the last organization, which is `organization_id`.
  void Detach(const std::string& organization_id) {
    const int left = static_cast<int>((*credentials.Get(kAcme))->organizations.size()) - 1;
    process->LogoutOf(UidOf(kAcme), {organization_id}, [] {});
    UpdateDirectory(NewVersion(left));
  }

  Answer Call(const SessionDemand& demand = {}, absl::string_view organization = kFirst) {
    Answer answer = absl::UnknownError("not answered");
    process->GetSession(organization, "", demand,
                        [&answer](Answer given) { answer = std::move(given); });
    own->RunUntilIdle();
    return answer;
  }

  SessionManagerOptions options = WithoutKeepAlive();
  std::unique_ptr<ManualExecutor> own;  // its work ends with the process
  std::unique_ptr<SessionManager> process;
};

TEST_F(SessionManagerRestartTest, RestartCostsOneCheckAndNoSignIn) {
  const SessionPtr before = *Call();
  Start();
  const Answer after = Call();
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(*(*after)->keys.session_id, *before->keys.session_id);
  EXPECT_EQ(*(*after)->keys.dev_key, *before->keys.dev_key);
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(bill.session_infos().size(), 1U);
  EXPECT_THAT(Call(), IsOk());
  EXPECT_EQ(bill.session_infos().size(), 1U) << "checked once";
}

TEST_F(SessionManagerRestartTest, RestartRaisesGenerationAndAcceptsOldReports) {
  const SessionPtr before = *Call();
  Start();
  const SessionPtr after = *Call();
  EXPECT_GT(after->generation, before->generation);
  own->Advance(absl::Seconds(2));
  bill.KillAllSessions();
  const SessionPtr next = *Call(Stale(before->generation));
  EXPECT_GT(next->generation, after->generation);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerRestartTest, DropsSessionThatDiedMeanwhile) {
  const SessionPtr before = *Call();
  bill.KillAllSessions();
  Start();
  const SessionPtr after = *Call();
  EXPECT_FALSE(*after->keys.session_id == *before->keys.session_id);
  EXPECT_GT(after->generation, before->generation);
}

TEST_F(SessionManagerRestartTest, DropsSessionOfAnotherOrganization) {
  ASSERT_THAT(Call(), IsOk());
  Start();
  bill.SetSessionInfoOrganization("008another-organization");
  EXPECT_THAT(Call(), HasReason(Reason::kBillUnavailable));
  EXPECT_EQ(process->Counts().live, 0);
}

TEST_F(SessionManagerRestartTest, ServesRestoredSessionDuringOutage) {
  options.keep_alive = absl::Hours(8);
  Start();
  const SessionPtr before = *Call();
  Start();
  bill.FailNextSessionInfos(1, Refusal(Verdict::kUnavailable, ""));
  const SessionPtr served = *Call();
  EXPECT_GT(served->generation, before->generation);
  EXPECT_EQ(served->verified_time, before->verified_time) << "BILL has not confirmed it";
  own->Advance(absl::Seconds(40));
  EXPECT_EQ(bill.session_infos().size(), 2U) << "checked as soon as BILL may answer again";
  EXPECT_GT((*Call())->verified_time, before->verified_time);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerRestartTest, ServesRestoredSessionIfCheckIsSlow) {
  ASSERT_THAT(Call(), IsOk());
  Start();
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  process->GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  own->Advance(absl::Milliseconds(1900));
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kUnknown));
  own->Advance(absl::Milliseconds(200));
  EXPECT_THAT(answer, IsOk());
  bill.ReleaseAll();
  own->RunUntilIdle();
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerRestartTest, DoesNotServeSessionOfAnotherBootUnchecked) {
  ASSERT_THAT(Call(), IsOk());
  store.set_same_boot(false);
  Start();
  bill.FailNextSessionInfos(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(Call(), HasReason(Reason::kBillUnavailable));
}

TEST_F(SessionManagerRestartTest, DoesNotServeReportedSessionUnchecked) {
  const SessionPtr session = *Call();
  own->Advance(absl::Seconds(2));
  bill.FailNextSessionInfos(1, Refusal(Verdict::kUnavailable, ""));
  ASSERT_THAT(Call(Stale(session->generation)), HasReason(Reason::kBillUnavailable));
  Start();
  bill.FailNextSessionInfos(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(Call(), HasReason(Reason::kBillUnavailable));
}

TEST_F(SessionManagerRestartTest, LoggedOutSessionDoesNotComeBack) {
  ASSERT_THAT(Call(), IsOk());
  process->Logout(kFirst, "", 0, [](const absl::StatusOr<bool>&) {});
  own->RunUntilIdle();
  Start();
  EXPECT_EQ(process->Counts().live, 0);
}

TEST_F(SessionManagerRestartTest, DoesNotPrewarmLoggedOutSlot) {
  options.prewarm_all = true;
  Start();
  own->RunUntilIdle();
  ASSERT_EQ(bill.CountSignIns(), 3);
  process->Logout(kFirst, "", 0, [](const absl::StatusOr<bool>&) {});
  own->RunUntilIdle();
  Start();
  own->Advance(absl::Minutes(1));
  EXPECT_EQ(bill.CountSignInsOf(kFirst), 1);
}

TEST_F(SessionManagerRestartTest, DoesNotRestoreAbandonedPlace) {
  options.sign_in.sign_ins_per_hour = 1;
  Start();
  ASSERT_THAT(Call(), IsOk());
  ASSERT_THAT(Call({}, kSecond), HasReason(Reason::kLoginBudgetSpent));
  vault.set_state(VaultState::kLocked);
  own->Advance(absl::Minutes(61));  // its turn comes while the vault is locked
  vault.set_state(VaultState::kReady);
  Start();
  own->Advance(absl::Minutes(1));
  EXPECT_EQ(bill.CountSignInsOf(kSecond), 0);
}

TEST_F(SessionManagerRestartTest, RestoresLedger) {
  options.sign_in.sign_ins_per_hour = 1;
  Start();
  ASSERT_THAT(Call(), IsOk());
  own->Advance(absl::Minutes(10));
  Start();
  const absl::Status refused = Call({}, kSecond).status();
  ASSERT_THAT(refused, HasReason(Reason::kLoginBudgetSpent));
  EXPECT_THAT(refused, HasSpreadRetryAfter(absl::Minutes(50)));
}

TEST_F(SessionManagerRestartTest, LedgerCountsInterruptedSignIn) {
  options.sign_in.sign_ins_per_hour = 1;
  Start();
  bill.Hold();
  process->GetSession(kFirst, "", {}, [](const Answer&) {});
  own->RunUntilIdle();
  ASSERT_EQ(bill.CountSignIns(), 1);
  const StoreContents contents = OpenNow(store, *vault.MasterKey());
  ASSERT_EQ(contents.attempts.size(), 1U);
  EXPECT_FALSE(contents.attempts[0].ended.has_value());
  SessionManager next(options, MakeParts(*own));
  next.Restore(contents);
  Answer answer;
  next.GetSession(kSecond, "", {}, [&answer](Answer given) { answer = std::move(given); });
  own->RunUntilIdle();
  EXPECT_THAT(answer, HasReason(Reason::kLoginBudgetSpent));
  bill.ReleaseAll();
}

TEST_F(SessionManagerRestartTest, NewBootAgesLedgerByWallClock) {
  options.sign_in.sign_ins_per_hour = 1;
  Start();
  ASSERT_THAT(Call(), IsOk());
  store.set_same_boot(false);
  clock.JumpWall(-absl::Hours(24));
  Start();
  EXPECT_THAT(Call({}, kSecond), HasReason(Reason::kLoginBudgetSpent))
      << "a clock that was set back frees no place";
  clock.JumpWall(absl::Hours(24) + absl::Minutes(61));
  Start();
  EXPECT_THAT(Call({}, kSecond), IsOk());
}

TEST_F(SessionManagerRestartTest, CallerTakesRestoredPlace) {
  options.sign_in.sign_ins_per_hour = 1;
  Start();
  ASSERT_THAT(Call(), IsOk());
  ASSERT_THAT(Call({}, kSecond), HasReason(Reason::kLoginBudgetSpent));
  Start();
  EXPECT_EQ(process->Counts().queued, 1);
  own->Advance(absl::Minutes(60) - absl::Seconds(10));
  process->GetSession(kThird, "", {}, [](const Answer&) {});
  process->GetSession(kSecond, "", {}, [](const Answer&) {});
  own->Advance(absl::Seconds(15));
  EXPECT_EQ(bill.CountSignInsOf(kSecond), 1) << "it takes the place that it had before the restart";
  EXPECT_EQ(bill.CountSignInsOf(kThird), 0);
}

TEST_F(SessionManagerRestartTest, DoesNotRetryRefusedPassword) {
  bill.SetSignInAnswer(
      [](const SignInRequest&) { return Refusal(Verdict::kSecretRejected, "BDC_1101"); });
  ASSERT_THAT(Call(), HasReason(Reason::kCredentialRejected));
  Start();
  EXPECT_THAT(Call(), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

// Restarts of a process whose sign-ins have different ids: the store keeps each of them.
class SessionManagerLedgerTest : public SessionManagerRestartTest {
 protected:
  class CountingRandom final : public Random {
   public:
    double Uniform() override { return 0.5; }
    std::string Uid() override { return absl::StrFormat("%032d", ++count_); }

   private:
    int count_ = 0;
  };

  SessionManagerLedgerTest() { Restart(); }

  void Restart() {
    process.reset();
    store.Close();
    own = std::make_unique<ManualExecutor>(clock);
    process = std::make_unique<SessionManager>(options, MakeParts(*own, counting, store));
    process->Restore(OpenNow(store, *vault.MasterKey()));
  }
  void Force(SignInForce force = SignInForce::kOperator) {
    process->Login(kFirst, "", {force}, [](const absl::StatusOr<LoginOutcome>&) {});
    own->RunUntilIdle();
  }

  CountingRandom counting;
};

TEST_F(SessionManagerLedgerTest, ForcedTriesStayBoundedOverRestarts) {
  for (const char* code : {"BDC_1105", "BDC_1111", "BDC_1102", "BDC_1104"}) {
    SCOPED_TRACE(code);
    ASSERT_THAT(Call({}, kSecond), IsOk());
    const bool organization = code[7] == '5' || code[7] == '1';
    bill.FailNextSignInsOf(
        kFirst, 100,
        Refusal(organization ? Verdict::kOrganizationRejected : Verdict::kDevKeyRejected, code));
    const int before = bill.CountSignInsOf(kFirst);
    for (int restart = 0; restart < 4; ++restart) {
      for (int i = 0; i < 3; ++i) Force();
      Restart();
    }
    EXPECT_EQ(bill.CountSignInsOf(kFirst) - before, 2) << "one is left for another organization";
    own->Advance(absl::Minutes(61));
  }
}

TEST_F(SessionManagerLedgerTest, RefusalsOfManyOrganizationsStopAtThree) {
  constexpr int kOrganizations = 14;
  Store(MakeCredential(kMany, kOrganizations + 1));
  const std::pair<const char*, Verdict> answers[] = {{"BDC_1102", Verdict::kDevKeyRejected},
                                                     {"BDC_1103", Verdict::kDevKeyRejected},
                                                     {"BDC_1105", Verdict::kOrganizationRejected},
                                                     {"BDC_1106", Verdict::kOrganizationRejected},
                                                     {"BDC_1111", Verdict::kOrganizationRejected},
                                                     {"BDC_1123", Verdict::kOrganizationRejected},
                                                     {"BDC_9999", Verdict::kRefused}};
  for (const auto& [code, verdict] : answers) {
    SCOPED_TRACE(code);
    ASSERT_THAT(Call({}, OrganizationId(kOrganizations, kMany)), IsOk());
    const int before = bill.CountSignIns();
    bill.SetSignInAnswer(
        [refusal = Refusal(verdict, code)](const SignInRequest&) { return refusal; });
    for (int n = 0; n < kOrganizations; ++n) (void)Call({}, OrganizationId(n, kMany));
    Restart();
    for (int n = 0; n < kOrganizations; ++n) (void)Call({}, OrganizationId(n, kMany));
    EXPECT_LE(bill.CountSignIns() - before, 3);
    bill.SetSignInAnswer(nullptr);
    own->Advance(absl::Minutes(61));
  }
}

TEST_F(SessionManagerLedgerTest, TwoBadOrganizationsDoNotStopTheOthers) {
  constexpr int kOrganizations = 100;
  Store(MakeCredential(kMany, kOrganizations));
  ASSERT_THAT(Call({}, OrganizationId(50, kMany)), IsOk());
  for (const int bad : {0, 1}) {
    bill.FailNextSignInsOf(OrganizationId(bad, kMany), 1,
                           Refusal(Verdict::kOrganizationRejected, "BDC_1111"));
  }
  int live = 0;
  for (int n = 0; n < kOrganizations; ++n) {
    live += Call({}, OrganizationId(n, kMany)).ok() ? 1 : 0;
  }
  EXPECT_EQ(live, kOrganizations - 2);
}

TEST_F(SessionManagerLedgerTest, AcceptanceTakesRefusalsBackAfterRestart) {
  ASSERT_THAT(Call({}, kSecond), IsOk());
  for (int round = 1; round <= 3; ++round) {
    bill.FailNextSignInsOf(kFirst, 1, Refusal(Verdict::kOrganizationRejected, "BDC_1111"));
    for (int i = 0; i < 2; ++i) Force();  // the second is accepted
    ASSERT_EQ(bill.CountSignInsOf(kFirst), 2 * round);
    Restart();
  }
}

TEST_F(SessionManagerLedgerTest, RestoresAcceptanceElsewhere) {
  ASSERT_THAT(Call({}, kSecond), IsOk());
  Restart();
  bill.FailNextSignInsOf(kFirst, 1, Refusal(Verdict::kRefused, "BDC_9999"));
  Force();
  EXPECT_EQ(OpenNow(store, *vault.MasterKey()).accepted_secrets.size(), 1U)
      << "the refusal is of one organization and not of the secret";
}

TEST_F(SessionManagerLedgerTest, AdminsForceDoesNotFillSlotCap) {
  for (int i = 0; i < options.sign_in.slot_burst; ++i) Force(SignInForce::kAdmin);
  ASSERT_EQ(bill.CountSignInsOf(kFirst), options.sign_in.slot_burst);
  Restart();
  Force(SignInForce::kOperator);
  EXPECT_EQ(bill.CountSignInsOf(kFirst), options.sign_in.slot_burst + 1);
}

TEST_F(SessionManagerRestartTest, SendsNothingBeforeStoreIsOpen) {
  SessionManager waiting(options, MakeParts(*own));
  Answer answer;
  waiting.GetSession(kFirst, "", {}, [&answer](const Answer& given) { answer = given; });
  own->RunUntilIdle();
  EXPECT_THAT(answer, HasReason(Reason::kVaultUnreachable));
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(SessionManagerRestartTest, SignOutBeforeStoreIsReadEndsSession) {
  const SessionPtr before = *Call();
  StartSignedOut(0);
  EXPECT_FALSE(bill.IsLive(before->keys.session_id->Reveal()));
  SessionDemand cached;
  cached.cached_only = true;
  EXPECT_THAT(Call(cached), HasReason(Reason::kNoLiveSession));
  ASSERT_EQ(store.contents().slots.size(), 1U);
  EXPECT_TRUE(store.contents().slots[0].logged_out);
  EXPECT_THAT(Call(), IsOk());
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerRestartTest, EarlySignOutOfItsGenerationEndsSession) {
  const SessionPtr before = *Call();
  StartSignedOut(before->generation);
  EXPECT_FALSE(bill.IsLive(before->keys.session_id->Reveal()));
}

TEST_F(SessionManagerRestartTest, EarlySignOutOfOlderGenerationKeepsSession) {
  const SessionPtr before = *Call();
  StartSignedOut(before->generation - 1);
  EXPECT_THAT(Call(), IsOk());
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerRestartTest, DeletionBeforeStoreIsReadEndsSessions) {
  const SessionPtr first = *Call();
  const SessionPtr second = *Call({}, kSecond);
  StartUnread();
  process->LogoutAll(UidOf(kAcme), [] {});
  credentials.Remove(kAcme, UidOf(kAcme));
  process->Restore(OpenNow(store, *vault.MasterKey()));
  own->RunUntilIdle();
  EXPECT_FALSE(bill.IsLive(first->keys.session_id->Reveal()));
  EXPECT_FALSE(bill.IsLive(second->keys.session_id->Reveal()));
  EXPECT_TRUE(store.contents().slots.empty());
}

TEST_F(SessionManagerRestartTest, DetachBeforeStoreIsReadEndsSession) {
  const SessionPtr attached = *Call();
  const SessionPtr detached = *Call({}, kThird);
  StartUnread();
  Detach(kThird);
  process->Restore(OpenNow(store, *vault.MasterKey()));
  own->RunUntilIdle();
  EXPECT_FALSE(bill.IsLive(detached->keys.session_id->Reveal()));
  EXPECT_TRUE(bill.IsLive(attached->keys.session_id->Reveal()));
  ASSERT_EQ(store.contents().slots.size(), 1U);
  EXPECT_EQ(store.contents().slots[0].organization_id, kFirst);
}

TEST_F(SessionManagerRestartTest, DetachedSessionDoesNotComeBackWithAttach) {
  const SessionPtr detached = *Call({}, kThird);
  StartUnread();
  Detach(kThird);
  UpdateDirectory(NewVersion(3));
  process->Restore(OpenNow(store, *vault.MasterKey()));
  own->RunUntilIdle();
  EXPECT_FALSE(bill.IsLive(detached->keys.session_id->Reveal()));
  SessionDemand cached;
  cached.cached_only = true;
  EXPECT_THAT(Call(cached, kThird), HasReason(Reason::kNoLiveSession));
  ASSERT_EQ(store.contents().slots.size(), 1U);
  EXPECT_EQ(store.contents().slots[0].session, nullptr);
}

TEST_F(SessionManagerRestartTest, DetachWhileStoppedEndsSession) {
  const SessionPtr attached = *Call();
  const SessionPtr detached = *Call({}, kThird);
  process.reset();
  UpdateDirectory(NewVersion(2));
  Start();
  own->RunUntilIdle();
  EXPECT_FALSE(bill.IsLive(detached->keys.session_id->Reveal()));
  EXPECT_TRUE(bill.IsLive(attached->keys.session_id->Reveal()));
  ASSERT_EQ(store.contents().slots.size(), 1U);
}

// One read of a keyring does not prove that a credential was deleted.
TEST_F(SessionManagerRestartTest, LateCredentialGetsItsSessionsBack) {
  const SessionPtr before = *Call();
  const CredentialInfoPtr late = *credentials.Get(kAcme);
  StartWithoutCredentials({});
  EXPECT_THAT(Call(), AllOf(HasReason(Reason::kVaultUnreachable), HasRetryAfter(absl::Seconds(2))));
  own->Advance(absl::Seconds(50));
  EXPECT_THAT(Call(), HasReason(Reason::kVaultUnreachable));
  credentials.Put(late);
  const SessionPtr after = *Call();
  EXPECT_EQ(after->keys.session_id->Reveal(), before->keys.session_id->Reveal());
  EXPECT_GE(after->generation, before->generation);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

// A watch is open while the credential is missing.
TEST_F(SessionManagerRestartTest, LateCredentialIsCheckedForWatches) {
  const SessionPtr before = *Call();
  const CredentialInfoPtr late = *credentials.Get(kAcme);
  StartWithoutCredentials({});
  EXPECT_THAT(process->Peek(kFirst, ""), HasReason(Reason::kVaultUnreachable));
  process->StartWarm(kFirst, "", "user:payments");
  credentials.Put(late);
  own->Advance(absl::Seconds(10));
  const absl::StatusOr<SessionPtr> seen = process->Peek(kFirst, "");
  ASSERT_THAT(seen, IsOk());
  EXPECT_EQ((*seen)->keys.session_id->Reveal(), before->keys.session_id->Reveal());
}

// The index has the credential before the session manager is notified of it.
TEST_F(SessionManagerRestartTest, CallBeforeTheNotificationFindsTheSession) {
  const SessionPtr before = *Call();
  const CredentialInfoPtr late = *credentials.Get(kAcme);
  StartWithoutCredentials({});
  credentials.SetObserver(nullptr);
  credentials.Put(late);
  credentials.SetObserver(process.get());
  EXPECT_EQ((*Call())->keys.session_id->Reveal(), before->keys.session_id->Reveal());
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerRestartTest, SignOutBeforeTheNotificationEndsTheSession) {
  const SessionPtr before = *Call();
  const CredentialInfoPtr late = *credentials.Get(kAcme);
  StartWithoutCredentials({});
  credentials.SetObserver(nullptr);
  credentials.Put(late);
  credentials.SetObserver(process.get());
  process->Logout(kFirst, "", 0, [](const absl::StatusOr<bool>& ended) {
    ASSERT_THAT(ended, IsOk());
    EXPECT_TRUE(*ended);
  });
  own->RunUntilIdle();
  EXPECT_FALSE(bill.IsLive(before->keys.session_id->Reveal()));
}

TEST_F(SessionManagerRestartTest, RequestsReadsWhileCredentialsAreMissing) {
  ASSERT_THAT(Call(), IsOk());
  StartWithoutCredentials({});
  own->Advance(absl::Seconds(5));
  EXPECT_TRUE(vault_health.TakeReloadRequest());
  own->Advance(absl::Minutes(20));
  EXPECT_TRUE(vault_health.TakeReloadRequest());
  own->Advance(absl::Minutes(3));
  EXPECT_FALSE(vault_health.TakeReloadRequest()) << "less often over time";
}

TEST_F(SessionManagerRestartTest, LateCredentialKeepsItsGenerations) {
  const SessionPtr before = *Call();
  const CredentialInfoPtr late = *credentials.Get(kAcme);
  StartWithoutCredentials({});
  own->Advance(absl::Minutes(40));
  credentials.Put(late);
  EXPECT_GT((*Call())->generation, before->generation);
}

TEST_F(SessionManagerRestartTest, ProvenDeletionEndsSessionsAndForgetsSlots) {
  const SessionPtr before = *Call();
  StartWithoutCredentials({});
  own->Advance(absl::Seconds(55));
  EXPECT_TRUE(bill.IsLive(before->keys.session_id->Reveal()));
  own->Advance(absl::Minutes(5));
  EXPECT_TRUE(bill.IsLive(before->keys.session_id->Reveal())) << "nothing was read";
  EXPECT_THAT(Call(), HasReason(Reason::kVaultUnreachable));
  credentials.Reset({}, {});
  own->Advance(absl::Minutes(2));
  EXPECT_FALSE(bill.IsLive(before->keys.session_id->Reveal()));
  EXPECT_THAT(Call(), HasReason(Reason::kUnknownOrganization));
  ASSERT_EQ(store.contents().slots.size(), 1U) << "its generation";
  EXPECT_EQ(store.contents().slots[0].session, nullptr);
  own->Advance(absl::Hours(2));
  EXPECT_TRUE(store.contents().slots.empty());
}

TEST_F(SessionManagerRestartTest, UnreadableKeyringProvesNoDeletion) {
  const SessionPtr before = *Call();
  StartWithoutCredentials({{kAcme, MakeError(Reason::kVaultDocumentInvalid, "not readable")}});
  own->Advance(absl::Minutes(20));
  credentials.Reset({}, {});
  vault_health.Set(VaultError(VaultState::kReplaced), {});
  own->Advance(absl::Minutes(10));
  EXPECT_TRUE(bill.IsLive(before->keys.session_id->Reveal()));
  EXPECT_NE(store.contents().slots.at(0).session, nullptr);
}

TEST_F(SessionManagerRestartTest, RecordsAttemptBeforeSending) {
  store.set_holding(true);  // only RecordAttempt() reaches the store
  std::size_t attempts = 0;
  bill.SetSignInAnswer([&](const SignInRequest& request) {
    attempts = store.contents().attempts.size();
    return bill.Accept(request);
  });
  ASSERT_THAT(Call(), IsOk());
  EXPECT_EQ(attempts, 1U);
}

TEST_F(SessionManagerRestartTest, ServesCallersWithoutWritableStore) {
  store.set_failing(true);
  EXPECT_THAT(Call(), IsOk());
}

}  // namespace
}  // namespace billbroker

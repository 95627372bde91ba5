#include "server/session/session_manager.h"

#include <gmock/gmock.h>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Not;

TEST_F(SessionManagerTest, SignsInToColdOrganization) {
  const Answer answer = Get();
  ASSERT_THAT(answer, IsOk());
  const Session& session = **answer;
  EXPECT_EQ(session.keys.session_id->Reveal(), FakeBill::SessionId(1));
  EXPECT_EQ(session.keys.dev_key->Reveal(), DevKeyOf(kAcme));
  EXPECT_EQ(session.dev_key_id.size(), 16u);
  EXPECT_EQ(session.organization_id, kFirst);
  EXPECT_EQ(session.credential, kAcme);
  EXPECT_EQ(session.base_url, "https://bill.example/connect");
  EXPECT_EQ(session.generation, static_cast<std::uint64_t>(absl::ToUnixMicros(clock.Now())));
  EXPECT_EQ(session.sign_in_time, clock.Now());
  EXPECT_EQ(session.expire_time, clock.Now() + absl::Minutes(34));
}

TEST_F(SessionManagerTest, ReturnsLiveSessionSynchronously) {
  const SessionPtr first = *Get();
  SessionPtr second;
  manager.GetSession(kFirst, kAcme, {}, [&second](Answer answer) { second = *answer; });
  EXPECT_EQ(second, first);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerTest, TenThousandCallersShareOneSignIn) {
  int answered = 0;
  for (int i = 0; i < 10'000; ++i) {
    manager.GetSession(kFirst, "", {}, [&answered](const Answer& answer) {
      if (answer.ok() && (*answer)->keys.session_id->Reveal() == FakeBill::SessionId(1)) ++answered;
    });
  }
  executor.RunUntilIdle();
  EXPECT_EQ(answered, 10'000);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerTest, OrganizationsHaveSeparateSessions) {
  EXPECT_NE((*Get({}, kFirst))->keys.session_id->Reveal(),
            (*Get({}, kSecond))->keys.session_id->Reveal());
}

TEST_F(SessionManagerTest, UnknownOrganizationCostsNothing) {
  credentials.Reset(credentials.List(), {});
  const Answer answer = Get({}, "008unknown-organization");
  EXPECT_THAT(answer, HasReason(Reason::kUnknownOrganization));
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(SessionManagerTest, ReturnsNoSessionAtItsDeadline) {
  const SessionPtr first = *Get();
  executor.Advance(absl::Minutes(34) - absl::Seconds(1));
  EXPECT_EQ(*Get(), first);
  executor.Advance(absl::Seconds(1));
  const SessionPtr second = *Get();
  EXPECT_NE(second, first);
  EXPECT_GT(second->generation, first->generation);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerTest, BackwardClockJumpKeepsDeadlineAndGeneration) {
  const SessionPtr first = *Get();
  clock.JumpWall(-absl::Hours(24));
  executor.Advance(absl::Minutes(34));
  const SessionPtr second = *Get();
  EXPECT_EQ(second->generation, first->generation + 1);
}

TEST_F(SessionManagerTest, SubtractsLatencyFromLifetime) {
  bill.SetLatency(absl::Seconds(20));
  SessionPtr session;
  manager.GetSession(kFirst, "", {}, [&session](Answer answer) { session = *answer; });
  executor.Advance(absl::Seconds(20));
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->expire_time, clock.Now() + absl::Minutes(34) - absl::Seconds(20));
}

TEST_F(SessionManagerTest, SyncTokenSessionLives48Hours) {
  Credential token = MakeCredential("sync-token-user", 1);
  token.sync_token = true;
  Store(token);
  const SessionPtr session = *Get({}, OrganizationId(0, "sync-token-user"));
  executor.Advance(absl::Hours(47));
  EXPECT_EQ(*Get({}, OrganizationId(0, "sync-token-user")), session);
}

TEST_F(SessionManagerTest, UsesDevKeyOfOrganization) {
  Credential console = MakeCredential(kConsole, 1);
  console.organizations[0].dev_key = SecretString::CopyOf("dev-key-of-the-organization");
  Store(console);
  EXPECT_EQ((*Get({}, OrganizationId(0, kConsole)))->keys.dev_key->Reveal(),
            "dev-key-of-the-organization");
  EXPECT_EQ(bill.CountSignInsOfDevKey("dev-key-of-the-organization"), 1);
}

TEST_F(SessionManagerTest, ChecksReportOfCurrentGeneration) {
  const SessionPtr first = *Get();
  clock.Advance(absl::Minutes(10));
  const SessionPtr checked = *Get(Stale(first->generation));
  EXPECT_EQ(checked->generation, first->generation);
  EXPECT_EQ(checked->verified_time, clock.Now());
  EXPECT_EQ(checked->expire_time, clock.Now() + absl::Minutes(34));
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(bill.session_infos().size(), 1u);
}

TEST_F(SessionManagerTest, ReportsShareOneCheckAndOneSignIn) {
  const SessionPtr first = *Get();
  executor.Advance(absl::Minutes(5));
  bill.KillAllSessions();
  int renewed = 0;
  for (int i = 0; i < 1'000; ++i) {
    manager.GetSession(kFirst, "", Stale(first->generation), [&](const Answer& answer) {
      if (answer.ok() && (*answer)->generation > first->generation) ++renewed;
    });
  }
  executor.RunUntilIdle();
  EXPECT_EQ(renewed, 1'000);
  EXPECT_EQ(bill.session_infos().size(), 1u);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerTest, LateReportOfOldGenerationCostsNothing) {
  const SessionPtr first = *Get();
  const SessionPtr second = (*Login(true)).session;
  EXPECT_EQ(*Get(Stale(first->generation)), second);
  EXPECT_TRUE(bill.session_infos().empty());
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerTest, FutureGenerationCountsAsCurrent) {
  const SessionPtr first = *Get();
  EXPECT_EQ((*Get(Stale(first->generation + 5)))->generation, first->generation);
  EXPECT_EQ(bill.session_infos().size(), 1u);
}

TEST_F(SessionManagerTest, ServesOthersDuringCheck) {
  const SessionPtr first = *Get();
  bill.Hold();
  manager.GetSession(kFirst, "", Stale(first->generation), [](const Answer&) {});
  EXPECT_EQ(*Get(), first);
  bill.ReleaseAll();
}

TEST_F(SessionManagerTest, TooLittleRemainingCostsCheckNotSignIn) {
  const SessionPtr first = *Get();
  executor.Advance(absl::Minutes(30));
  SessionDemand options;
  options.min_remaining = absl::Minutes(10);
  const SessionPtr renewed = *Get(options);
  EXPECT_EQ(renewed->generation, first->generation);
  EXPECT_EQ(renewed->deadline, clock.SinceBoot() + absl::Minutes(34));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerTest, TooLittleRemainingSignsInWithoutSliding) {
  SessionManagerOptions options;
  options.check_slides = false;
  SessionManager strict(options, MakeParts());
  strict.Restore(StoreContents());
  SessionPtr session;
  const auto keep = [&session](Answer answer) { session = *answer; };
  strict.GetSession(kFirst, "", {}, keep);
  executor.RunUntilIdle();
  const std::uint64_t first = session->generation;
  clock.Advance(absl::Minutes(30));
  SessionDemand at_least;
  at_least.min_remaining = absl::Minutes(10);
  strict.GetSession(kFirst, "", at_least, keep);
  executor.RunUntilIdle();
  EXPECT_GT(session->generation, first);
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerTest, RejectsTooLongMinRemaining) {
  SessionDemand options;
  options.min_remaining = absl::Minutes(17.6);
  EXPECT_THAT(Get(options), HasReason(Reason::kMalformedRequest));
}

TEST_F(SessionManagerTest, RejectsCachedOnlyWithReport) {
  const SessionPtr session = *Get();
  SessionDemand options = Stale(session->generation);
  options.cached_only = true;
  EXPECT_THAT(Get(options), HasReason(Reason::kMalformedRequest));
  EXPECT_TRUE(bill.session_infos().empty());
}

TEST_F(SessionManagerTest, CachedOnlyNeverSignsIn) {
  SessionDemand options;
  options.cached_only = true;
  EXPECT_THAT(Get(options), HasReason(Reason::kNoLiveSession));
  EXPECT_EQ(bill.CountSignIns(), 0);
  const SessionPtr session = *Get();
  EXPECT_EQ(*Get(options), session);
}

TEST_F(SessionManagerTest, RequireTrustedFollowsAnswerOfBill) {
  SessionDemand options;
  options.require_trusted = true;
  EXPECT_THAT(Get(options), HasReason(Reason::kMfaRequired));
  EXPECT_THAT(Get(options), HasReason(Reason::kMfaRequired));
  EXPECT_EQ(bill.CountSignIns(), 1) << "signing in again does not make a session trusted";
  bill.SetTrusted(true);
  Login(true).IgnoreError();
  EXPECT_TRUE((*Get(options))->trusted);
}

TEST_F(SessionManagerTest, LoginReportsReusedSession) {
  EXPECT_FALSE(Login(false)->reused);
  EXPECT_TRUE(Login(false)->reused);
  EXPECT_EQ(bill.CountSignIns(), 1);
  const absl::StatusOr<LoginOutcome> forced = Login(true);
  EXPECT_FALSE(forced->reused);
  EXPECT_EQ(forced->session, *Get());
  EXPECT_EQ(bill.CountSignIns(), 2);
}

TEST_F(SessionManagerTest, ForcedLoginDuringCheckSignsIn) {
  const SessionPtr first = *Get();
  bill.Hold();
  manager.GetSession(kFirst, "", Stale(first->generation), [](const Answer&) {});
  absl::StatusOr<LoginOutcome> forced = absl::UnknownError("not answered");
  manager.Login(kFirst, "", {SignInForce::kOperator},
                [&](absl::StatusOr<LoginOutcome> given) { forced = std::move(given); });
  executor.RunUntilIdle();
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_THAT(forced, IsOk());
  EXPECT_GT(forced->session->generation, first->generation);
}

TEST_F(SessionManagerTest, LogoutEndsSessionForEveryone) {
  const SessionPtr first = *Get();
  EXPECT_EQ(*Logout(), true);
  EXPECT_FALSE(bill.IsLive(first->keys.session_id->Reveal()));
  EXPECT_EQ(*Logout(), false);
  EXPECT_GT((*Get())->generation, first->generation);
}

TEST_F(SessionManagerTest, LogoutOfAnotherGenerationDoesNothing) {
  const SessionPtr session = *Get();
  EXPECT_EQ(*Logout(session->generation - 1), false);
  EXPECT_EQ(*Get(), session);
  EXPECT_EQ(*Logout(session->generation), true);
}

TEST_F(SessionManagerTest, UnconfirmedLogoutCanBeRepeated) {
  const SessionPtr session = *Get();
  bill.FailNextSignOuts(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(Logout(), HasReason(Reason::kBillUnavailable));
  SessionDemand cached;
  cached.cached_only = true;
  EXPECT_THAT(Get(cached), HasReason(Reason::kNoLiveSession));
  EXPECT_EQ(*Logout(), true);
  EXPECT_FALSE(bill.IsLive(session->keys.session_id->Reveal()));
  EXPECT_EQ(*Logout(), false);
}

TEST_F(SessionManagerTest, DetachEndsSession) {
  const SessionPtr session = *Get();
  Credential next = (*vault.Load(kAcme))->Clone();
  next.version = 2;
  next.organizations.erase(next.organizations.begin());
  Replace(next);
  executor.RunUntilIdle();
  EXPECT_FALSE(bill.IsLive(session->keys.session_id->Reveal()));
  EXPECT_THAT(Get(), Not(IsOk()));
}

TEST_F(SessionManagerTest, SignInDoesNotReviveDeletedCredential) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  credentials.Remove(kAcme, UidOf(kAcme));
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_THAT(answer, HasReason(Reason::kUnknownOrganization));
  EXPECT_FALSE(bill.IsLive(FakeBill::SessionId(1))) << "the unused session is logged out at BILL";
  EXPECT_TRUE(manager.List().empty());
}

TEST_F(SessionManagerTest, NewPasswordKeepsLiveSession) {
  const SessionPtr session = *Get();
  Credential next = (*vault.Load(kAcme))->Clone();
  next.version = 2;
  next.password = SecretString::CopyOf("password-that-is-new");
  Replace(next);
  EXPECT_EQ(*Get(), session);
}

TEST_F(SessionManagerTest, UsesCredentialChangedInKeyring) {
  Credential next = (*vault.Load(kAcme))->Clone();
  next.version = 2;
  next.password = SecretString::CopyOf("password-that-is-new");
  ASSERT_THAT(vault.Replace(next), IsOk());
  ASSERT_THAT(Get(), IsOk());
  EXPECT_EQ(bill.sign_ins().at(0).secret, "password-that-is-new");
  EXPECT_EQ((*credentials.Get(kAcme))->version, 2u);
}

TEST_F(SessionManagerTest, ListShowsSlotsInOrder) {
  Get({}, kSecond).IgnoreError();
  bill.Hold();
  manager.GetSession(kFirst, "", {}, [](const Answer&) {});
  manager.GetSession(kFirst, "", {}, [](const Answer&) {});
  executor.RunUntilIdle();
  const std::vector<SlotInfo> slots = manager.List();
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots[0].organization_id, kFirst);
  EXPECT_EQ(slots[0].state, SlotState::kSigningIn);
  EXPECT_EQ(slots[0].waiting_callers, 2);
  EXPECT_EQ(slots[1].state, SlotState::kLive);
  EXPECT_EQ(slots[1].sign_ins, 1);
  EXPECT_EQ(manager.Counts().live, 1);
  EXPECT_EQ(manager.Counts().signing_in, 1);
  bill.ReleaseAll();
  executor.RunUntilIdle();
}

// A store that keeps nothing. FakeStore would keep every session alive.
class NoStore final : public SessionStore {
 public:
  void Open(const SecretString&, Opened opened) override { opened({}); }
  void RecordAttempt(StoredAttempt, Done done) override { done(absl::OkStatus()); }
  void WriteSoon(StoreChange) override {}
  [[nodiscard]] StoreState state() const override { return StoreState::kMemoryOnly; }
  [[nodiscard]] StoreStatus status() const override { return {}; }
};

class ForgetfulEngineTest : public SessionManagerTest {
 protected:
  ForgetfulEngineTest() { forgetful.Restore({}); }

  NoStore no_store;
  SessionManager forgetful{WithoutKeepAlive(), MakeParts(executor, random, no_store)};
};

TEST_F(ForgetfulEngineTest, FreesUnconfirmedLogoutAtDeadline) {
  std::weak_ptr<const Session> session;
  forgetful.GetSession(kFirst, "", {}, [&session](const Answer& got) { session = *got; });
  executor.RunUntilIdle();
  bill.FailNextSignOuts(1, Refusal(Verdict::kUnavailable, ""));
  forgetful.Logout(kFirst, "", 0, [](const absl::StatusOr<bool>&) {});
  executor.Advance(absl::Minutes(30));
  EXPECT_FALSE(session.expired()) << "kept for another log-out";
  executor.Advance(absl::Minutes(6));
  EXPECT_TRUE(session.expired());
}

TEST_F(ForgetfulEngineTest, SweepFreesIdleSession) {
  std::weak_ptr<const Session> session;
  forgetful.GetSession(kFirst, "", {}, [&session](const Answer& got) { session = *got; });
  executor.Advance(absl::Minutes(30));
  EXPECT_FALSE(session.expired());
  executor.Advance(absl::Minutes(6));
  EXPECT_TRUE(session.expired());
  EXPECT_THAT(observer.session_ends(), ::testing::ElementsAre("idle"));
}

}  // namespace
}  // namespace billbroker

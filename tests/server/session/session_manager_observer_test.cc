// Events that the session manager reports to its observer, and sign-ins that the observer refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Optional;
using LogOut = FakeSessionObserver::LogOut;

// Matches a SignInFacts.
auto IsRequestedBy(const std::string& principal) {
  return Field(&SignInFacts::principal, principal);
}
auto IsCausedBy(const CausePtr& cause) { return Field(&SignInFacts::cause, cause); }
auto SignsInTo(const std::string& organization_id) {
  return Field(&SignInFacts::organization_id, organization_id);
}

// Matches a LogOut of the session with `generation`.
auto Starts(std::uint64_t generation) {
  return AllOf(Field(&LogOut::generation, generation), Field(&LogOut::outcome, absl::nullopt));
}
auto Succeeds(std::uint64_t generation) {
  return AllOf(Field(&LogOut::generation, generation), Field(&LogOut::outcome, Optional(IsOk())));
}

class SessionManagerObserverTest : public SessionManagerTest {
 protected:
  void RefuseSignIns() {
    observer.RefuseSignIns(MakeError(Reason::kAuditUnavailable, "the disk is full"));
  }
};

TEST_F(SessionManagerObserverTest, RefusedSignInIsNotSentAndCostsNothing) {
  RefuseSignIns();
  const Answer refused = Get();
  EXPECT_THAT(refused, HasReason(Reason::kAuditUnavailable));
  EXPECT_EQ(bill.CountSignIns(), 0);
  EXPECT_TRUE(store.contents().attempts.empty());
  EXPECT_EQ(manager.Counts().sign_ins, 0);
  EXPECT_THAT(observer.sign_in_outcomes(), IsEmpty());

  observer.RefuseSignIns(absl::OkStatus());
  EXPECT_THAT(Get(), IsOk());
  EXPECT_EQ(manager.Counts().sign_ins, 1);
  EXPECT_EQ(manager.Budgets().front().used, 1);
  EXPECT_EQ(observer.sign_ins().back().dev_key_id, (*Get())->dev_key_id);
}

TEST_F(SessionManagerObserverTest, ReportsExpiryDuringUnansweredCheck) {
  manager.StartWarm(kFirst, "");
  ASSERT_THAT(Get(), IsOk());
  bill.Hold();
  executor.Advance(absl::Minutes(33));
  ASSERT_EQ(bill.session_infos().size(), 1U);
  ASSERT_THAT(observer.session_ends(), IsEmpty());
  executor.Advance(absl::Minutes(2));
  EXPECT_THAT(observer.session_ends(), ElementsAre("idle"));
}

TEST_F(SessionManagerObserverTest, ServesLiveSessionWhenSignInsAreRefused) {
  const SessionPtr live = *Get();
  RefuseSignIns();
  EXPECT_EQ(*Get(), live);
  EXPECT_EQ(Login(false)->session, live);
}

TEST_F(SessionManagerObserverTest, RefusedProbeFailsAndIsNotSent) {
  RefuseSignIns();
  Credential candidate = MakeCredential(kAcme, 3);
  ProbeRequest request;
  request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
  request.candidate = std::make_shared<const Credential>(std::move(candidate));
  request.organization_id = kFirst;
  absl::optional<ProbeResult> result;
  manager.Probe(std::move(request), [&result](ProbeResult given) { result = std::move(given); });
  executor.RunUntilIdle();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->verdict, ProbeVerdict::kNotTried);
  EXPECT_THAT(result->status, HasReason(Reason::kAuditUnavailable));
  EXPECT_EQ(bill.CountSignIns(), 0);
  EXPECT_EQ(manager.Counts().sign_ins, 0);
}

TEST_F(SessionManagerObserverTest, SignInNamesFirstCaller) {
  SessionDemand first;
  first.principal = "unix:payroll-service";
  SessionDemand second;
  second.principal = "unix:another-service";
  manager.GetSession(kFirst, "", first, [](const Answer&) {});
  manager.GetSession(kFirst, "", second, [](const Answer&) {});
  executor.RunUntilIdle();
  manager.Login(kSecond, "", {.principal = "unix:operations-team"},
                [](const absl::StatusOr<LoginOutcome>&) {});
  executor.RunUntilIdle();
  manager.StartWarm(kThird, "");
  executor.Advance(absl::Minutes(1));
  EXPECT_THAT(observer.sign_ins(),
              ElementsAre(IsRequestedBy("unix:payroll-service"),
                          IsRequestedBy("unix:operations-team"), IsRequestedBy("")));
}

CausePtr ByRequest(const std::string& id) {
  auto cause = std::make_shared<Cause>();
  cause->request_id = absl::StrCat("request-id-of-", id);
  return cause;
}

TEST_F(SessionManagerObserverTest, SignInCarriesCauseOfFirstCaller) {
  SessionDemand first;
  first.cause = ByRequest("first");
  SessionDemand second;
  second.cause = ByRequest("second");
  manager.GetSession(kFirst, "", first, [](const Answer&) {});
  manager.GetSession(kFirst, "", second, [](const Answer&) {});
  executor.RunUntilIdle();
  LoginDemand forced;
  forced.force = SignInForce::kOperator;
  forced.cause = ByRequest("forced");
  manager.Login(kSecond, "", forced, [](const absl::StatusOr<LoginOutcome>&) {});
  executor.RunUntilIdle();
  manager.StartWarm(kThird, "");
  executor.Advance(absl::Minutes(1));
  EXPECT_THAT(observer.sign_ins(),
              ElementsAre(IsCausedBy(first.cause), IsCausedBy(forced.cause), IsCausedBy(nullptr)));
}

TEST_F(SessionManagerObserverTest, PartnerSignInCarriesCauseOfItsCall) {
  Credential firm = MakeCredential(kMany, 1);
  firm.kind = CredentialKind::kPartner;
  firm.app_key = SecretString::CopyOf("the-app-key-of-the-firm");
  firm.organizations[0].user_id = "00600000000000000001";
  Store(firm);
  SessionDemand demand;
  demand.principal = "unix:payroll-service";
  demand.cause = ByRequest("first");
  EXPECT_THAT(Get(demand, OrganizationId(0, kMany)), IsOk());
  const auto of_the_call = AllOf(IsRequestedBy("unix:payroll-service"), IsCausedBy(demand.cause));
  EXPECT_THAT(observer.sign_ins(),
              ElementsAre(AllOf(SignsInTo(""), of_the_call),
                          AllOf(SignsInTo(OrganizationId(0, kMany)), of_the_call)));
}

TEST_F(SessionManagerObserverTest, ProbeCarriesCauseOfItsCall) {
  Credential candidate = MakeCredential(kAcme, 3);
  ProbeRequest request;
  request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
  request.candidate = std::make_shared<const Credential>(std::move(candidate));
  request.organization_id = kFirst;
  request.principal = "unix:operations-team";
  request.cause = ByRequest("proof");
  const CausePtr cause = request.cause;
  manager.Probe(std::move(request), [](const ProbeResult&) {});
  executor.RunUntilIdle();
  EXPECT_THAT(observer.sign_ins(),
              ElementsAre(AllOf(IsRequestedBy("unix:operations-team"), IsCausedBy(cause))));
}

TEST_F(SessionManagerObserverTest, LogoutOfReportsAndStaysLoggedOut) {
  const std::uint64_t first = (*Get())->generation;
  const SessionPtr other = *Get({}, kSecond);
  manager.StartWarm(kFirst, "");
  bool done = false;
  manager.LogoutOf(UidOf(kAcme), {kFirst, kThird, "008unknown-organization"},
                   [&done] { done = true; });
  executor.RunUntilIdle();
  EXPECT_TRUE(done);
  EXPECT_THAT(observer.log_outs(), ElementsAre(Starts(first), Succeeds(first)));
  EXPECT_EQ(*Get({}, kSecond), other);
  executor.Advance(absl::Minutes(1));
  EXPECT_EQ(bill.CountSignInsOf(kFirst), 1) << "a warm watch does not sign in after a log-out";
}

TEST_F(SessionManagerObserverTest, ReportsLogoutsThatNoCallerRequested) {
  const std::uint64_t first = (*Get())->generation;
  EXPECT_TRUE(*Logout());
  EXPECT_THAT(observer.log_outs(), IsEmpty()) << "a caller requested the log-out of " << first;

  const std::uint64_t second = (*Get())->generation;
  manager.LogoutAll(UidOf(kAcme), [] {});
  executor.RunUntilIdle();
  EXPECT_THAT(observer.log_outs(), ElementsAre(Starts(second), Succeeds(second)));
}

}  // namespace
}  // namespace billbroker

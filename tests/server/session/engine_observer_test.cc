// What the engine tells of sign-ins and log-outs, and what it does where one may not be done.
#include <gtest/gtest.h>

#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

class EngineObserverTest : public EngineTest {
 protected:
  void RefuseSignIns() {
    observer.refusal = MakeError(Reason::kAuditUnavailable, "the audit log's disk is full");
  }
};

TEST_F(EngineObserverTest, ASignInThatMayNotStartIsNotSentAndCostsNothing) {
  RefuseSignIns();
  const Answer refused = Get();
  EXPECT_TRUE(HasReason(refused.status(), Reason::kAuditUnavailable)) << refused.status();
  EXPECT_EQ(bill.CountSignIns(), 0);
  EXPECT_TRUE(store.contents().attempts.empty());
  EXPECT_EQ(engine.Counts().sign_ins, 0);
  EXPECT_TRUE(observer.ended.empty());

  observer.refusal = absl::OkStatus();
  EXPECT_TRUE(Get().ok()) << "as soon as it may";
  EXPECT_EQ(engine.Counts().sign_ins, 1);
  EXPECT_EQ(engine.Budgets().front().used, 1);
  EXPECT_EQ(observer.dev_key_ids.back(), (*Get())->dev_key_id);
}

TEST_F(EngineObserverTest, ALiveSessionIsHandedOutWhereNoSignInMayStart) {
  const SessionPtr live = *Get();
  RefuseSignIns();
  EXPECT_EQ(*Get(), live);
  EXPECT_EQ(Login(false)->session, live);
}

TEST_F(EngineObserverTest, AProbeThatMayNotStartSaysSoAndIsOver) {
  RefuseSignIns();
  Credential candidate = MakeCredential("acme", 3);
  ProbeRequest request;
  request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
  request.candidate = std::make_shared<const Credential>(std::move(candidate));
  request.organization_id = "008acme00000";
  absl::optional<ProbeResult> result;
  engine.Probe(std::move(request), [&result](ProbeResult given) { result = std::move(given); });
  executor.RunUntilIdle();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->verdict, ProbeVerdict::kNotTried);
  EXPECT_TRUE(HasReason(result->status, Reason::kAuditUnavailable)) << result->status;
  EXPECT_EQ(bill.CountSignIns(), 0);
  EXPECT_EQ(engine.Counts().sign_ins, 0);
}

TEST_F(EngineObserverTest, WhoAskedFirstIsNamedWithTheSignIn) {
  SessionDemand first;
  first.principal = "unix:payroll";
  SessionDemand second;
  second.principal = "unix:other";
  engine.GetSession("008acme00000", "", first, [](const Answer&) {});
  engine.GetSession("008acme00000", "", second, [](const Answer&) {});
  executor.RunUntilIdle();
  engine.Login("008acme00001", "", {.principal = "unix:ops"},
               [](const absl::StatusOr<LoginOutcome>&) {});
  executor.RunUntilIdle();
  engine.StartWarm("008acme00002", "");
  executor.Advance(absl::Minutes(1));
  EXPECT_EQ(observer.principals, (std::vector<std::string>{"unix:payroll", "unix:ops", ""}));
}

CausePtr ByRequest(const std::string& id) {
  auto cause = std::make_shared<Cause>();
  cause->request_id = id;
  return cause;
}

TEST_F(EngineObserverTest, TheCallOfWhoAskedFirstIsToldWithTheSignIn) {
  SessionDemand first;
  first.cause = ByRequest("first");
  SessionDemand second;
  second.cause = ByRequest("second");
  engine.GetSession("008acme00000", "", first, [](const Answer&) {});
  engine.GetSession("008acme00000", "", second, [](const Answer&) {});
  executor.RunUntilIdle();
  LoginDemand forced;
  forced.force = true;
  forced.cause = ByRequest("forced");
  engine.Login("008acme00001", "", forced, [](const absl::StatusOr<LoginOutcome>&) {});
  executor.RunUntilIdle();
  engine.StartWarm("008acme00002", "");
  executor.Advance(absl::Minutes(1));
  EXPECT_EQ(observer.causes, (std::vector<CausePtr>{first.cause, forced.cause, nullptr}));
}

TEST_F(EngineObserverTest, APartnersOwnSignInIsOfTheCallThatCausedIt) {
  Credential firm = MakeCredential("firm", 1);
  firm.kind = CredentialKind::kPartner;
  firm.app_key = SecretString::CopyOf("the-app-key");
  firm.organizations[0].user_id = "00600001";
  Store(firm);
  SessionDemand demand;
  demand.principal = "unix:payroll";
  demand.cause = ByRequest("first");
  EXPECT_TRUE(Get(demand, "008firm00000").ok());
  EXPECT_EQ(observer.sent, (std::vector<std::string>{"", "008firm00000"}));
  EXPECT_EQ(observer.principals, (std::vector<std::string>{"unix:payroll", "unix:payroll"}));
  EXPECT_EQ(observer.causes, (std::vector<CausePtr>{demand.cause, demand.cause}));
}

TEST_F(EngineObserverTest, AProbeIsOfTheCallThatAskedForIt) {
  Credential candidate = MakeCredential("acme", 3);
  ProbeRequest request;
  request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
  request.candidate = std::make_shared<const Credential>(std::move(candidate));
  request.organization_id = "008acme00000";
  request.principal = "unix:ops";
  request.cause = ByRequest("proof");
  const CausePtr cause = request.cause;
  engine.Probe(std::move(request), [](const ProbeResult&) {});
  executor.RunUntilIdle();
  EXPECT_EQ(observer.principals, std::vector<std::string>{"unix:ops"});
  EXPECT_EQ(observer.causes, std::vector<CausePtr>{cause});
}

TEST_F(EngineObserverTest, LogOutsOfSomeOrganizationsAreToldAndTheyStayLoggedOut) {
  const std::uint64_t first = (*Get())->generation;
  const SessionPtr other = *Get({}, "008acme00001");
  engine.StartWarm("008acme00000", "");
  bool done = false;
  engine.LogoutOf("uid-of-acme", {"008acme00000", "008acme00002", "008nobody"},
                  [&done] { done = true; });
  executor.RunUntilIdle();
  EXPECT_TRUE(done);
  EXPECT_EQ(observer.log_outs, std::vector<std::uint64_t>{first});
  EXPECT_EQ(observer.log_outs_ended, std::vector<absl::Status>{absl::OkStatus()});
  EXPECT_EQ(*Get({}, "008acme00001"), other);
  executor.Advance(absl::Minutes(1));
  EXPECT_EQ(bill.CountSignInsOf("008acme00000"), 1) << "no warm watch brings it back";
}

TEST_F(EngineObserverTest, ALogOutThatNoCallerAskedForIsToldAsItStartsAndEnds) {
  const std::uint64_t first = (*Get())->generation;
  EXPECT_TRUE(*Logout());
  EXPECT_TRUE(observer.log_outs.empty()) << "a caller ended " << first;

  const std::uint64_t second = (*Get())->generation;
  engine.LogoutAll("uid-of-acme", [] {});
  executor.RunUntilIdle();
  EXPECT_EQ(observer.log_outs, std::vector<std::uint64_t>{second});
  ASSERT_EQ(observer.log_outs_ended.size(), 1U);
  EXPECT_TRUE(observer.log_outs_ended.front().ok());
}

}  // namespace
}  // namespace billbroker

// Calls that waited run only if their caller is still authorized and still connected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>
#include <vector>

#include "tests/server/rpc/rpc_catalog.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

const Target kHere{"granted-name-here", "granted-name-here"};

const std::set<std::string>& Queued() {
  static const auto* const rpcs = new std::set<std::string>{"CreateCredential",
                                                            "DeleteCredential",
                                                            "RotateCredential",
                                                            "ResumeRotation",
                                                            "CancelRotation",
                                                            "RollbackCredential",
                                                            "VerifyCredential",
                                                            "AttachOrganizations",
                                                            "AdoptKeyring",
                                                            "DetachOrganizations",
                                                            "StartChallenge",
                                                            "CompleteChallenge",
                                                            "StepUp"};
  return *rpcs;
}

class ReauthorizationTest : public RpcCatalogTest {
 protected:
  // Returns the status of `row`, during whose wait `change` is applied.
  template <typename Change>
  absl::Status AskWhileWaiting(const Row& row, const Change& change) {
    Hold();
    auto answer = std::async(std::launch::async, [&row] { return row.ask(kHere); });
    AwaitWaiting();
    change();
    Release();
    return answer.get();
  }

  // Returns the only record since the last Take(), which must be a refusal.
  AuditEntry OnlyRefusal() {
    const std::vector<AuditEntry> entries = audit_.Take();
    EXPECT_EQ(entries.size(), 1U);
    if (entries.size() != 1) return {};
    EXPECT_EQ(entries[0].event, AuditEvent::kRefusal) << AuditEventName(entries[0].event);
    return entries[0];
  }

  void Reset() {
    callers_.SetPolicy(EverythingGranted());
    identity_.Bind(callers_.Of(kPrincipal));
    broker_.sessions.Logout("granted-name-here", "", 0, [](const absl::StatusOr<bool>&) {});
    (void)audit_.Take();
  }

  virtual void Hold() {
    changes_.Hold();
    challenges_.Hold();
  }
  virtual void AwaitWaiting() {
    Await([this] { return changes_.HasWaiting() || challenges_.HasWaiting(); },
          "a change or a challenge to be queued");
  }
  virtual void Release() {
    changes_.Release();
    challenges_.Release();
  }
};

TEST_F(ReauthorizationTest, QueuedChangeNeedsCurrentGrant) {
  int asked = 0;
  for (const Row& row : Rows()) {
    if (!Queued().contains(row.rpc)) continue;
    ++asked;
    Reset();
    const int writes = broker_.vault.writes();
    const absl::Status status = AskWhileWaiting(row, [this] { callers_.SetPolicy({}); });
    EXPECT_THAT(status, HasReason(Reason::kNotGranted)) << row.rpc << ": " << status;
    const AuditEntry refusal = OnlyRefusal();
    EXPECT_EQ(refusal.reason, "NOT_GRANTED") << row.rpc;
    EXPECT_EQ(refusal.principal, kPrincipal) << row.rpc;
    EXPECT_EQ(broker_.vault.writes(), writes) << row.rpc;
  }
  EXPECT_EQ(asked, static_cast<int>(Queued().size()));
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(ReauthorizationTest, QueuedChangeNeedsKnownPrincipal) {
  for (const Row& row : Rows()) {
    if (!Queued().contains(row.rpc)) continue;
    Reset();
    const absl::Status status = AskWhileWaiting(row, [this] { identity_.Bind(nullptr); });
    EXPECT_THAT(status, HasReason(Reason::kCallerUnknown)) << row.rpc << ": " << status;
    EXPECT_EQ(OnlyRefusal().reason, "CALLER_UNKNOWN") << row.rpc;
  }
}

TEST_F(ReauthorizationTest, QueuedChangeRunsUnderNewPolicyThatGrantsIt) {
  Reset();
  auto request = NewUser("granted-name-new", {"granted-name-new"});
  Row row;
  row.ask = [&](const Target&) {
    return Ask(*credentials_, &v1::CredentialService::Stub::CreateCredential, request);
  };
  EXPECT_THAT(AskWhileWaiting(row, [this] { Grant(Role::kAdmin); }), IsOk());
}

TEST_F(ReauthorizationTest, CancelledChangeDoesNotRun) {
  Reset();
  v1::GetCredentialRequest get;
  get.set_credential("granted-name-here");
  v1::GetCredentialResponse shown;
  using Stub = v1::CredentialService::Stub;
  ASSERT_THAT(Call(*credentials_, &Stub::GetCredential, get, &shown), IsOk());
  v1::DeleteCredentialRequest request;
  request.set_credential("granted-name-here");
  request.set_uid(shown.credential().uid());
  request.set_version(1);
  v1::DeleteCredentialResponse response;
  grpc::ClientContext context;
  std::promise<grpc::Status> ended;
  std::future<grpc::Status> end = ended.get_future();
  changes_.Hold();
  credentials_->async()->DeleteCredential(
      &context, &request, &response,
      [&ended](const grpc::Status& status) { ended.set_value(status); });
  changes_.AwaitWaiting();
  const grpc::CallbackServerContext& call = *newest_call_.load();
  context.TryCancel();
  Await([&call] { return call.IsCancelled(); }, "the call to be cancelled");
  changes_.Release();
  ASSERT_TRUE(AwaitReady(end, "the end of the call"));
  EXPECT_THAT(FromGrpcStatus(end.get()), StatusIs(absl::StatusCode::kCancelled));
  Create(NewUser("granted-name-later", {}));  // runs after it
  EXPECT_THAT(Call(*credentials_, &Stub::GetCredential, get, &shown), IsOk())
      << "it was not deleted";
  for (const AuditEntry& entry : audit_.Take()) EXPECT_EQ(entry.credential, "granted-name-later");
}

// Calls that wait for an answer of BILL.
class WaitingTest : public ReauthorizationTest {
 protected:
  void Hold() override { broker_.bill.Hold(); }
  void AwaitWaiting() override {
    Await([this] { return broker_.bill.held() != 0; }, "a call to BILL");
  }
  void Release() override {
    while (broker_.bill.ReleaseOne()) {  // including the calls that follow
    }
    broker_.bill.AnswerAtOnce();
  }

  static bool Waits(const Row& row) {
    static const std::set<std::string> rpcs = {"GetSession", "BatchGetSessions", "Login",
                                               "DiscoverOrganizations"};
    return rpcs.contains(row.rpc);
  }
};

TEST_F(WaitingTest, WaitingCallNeedsCurrentGrant) {
  int asked = 0;
  for (const Row& row : Rows()) {
    if (!Waits(row)) continue;
    ++asked;
    Reset();
    const absl::Status status = AskWhileWaiting(row, [this] { callers_.SetPolicy({}); });
    EXPECT_THAT(status, HasReason(Reason::kNotGranted)) << row.rpc << ": " << status;
    EXPECT_EQ(OnlyRefusal().reason, "NOT_GRANTED") << row.rpc;
    Reset();
    const absl::Status unknown = AskWhileWaiting(row, [this] { identity_.Bind(nullptr); });
    EXPECT_THAT(unknown, HasReason(Reason::kCallerUnknown)) << row.rpc << ": " << unknown;
    EXPECT_EQ(OnlyRefusal().reason, "CALLER_UNKNOWN") << row.rpc;
  }
  // GetSession and BatchGetSessions have three rows, Login four, DiscoverOrganizations one.
  EXPECT_EQ(asked, 11);
}

TEST_F(WaitingTest, ErrorOfWaitingCallNeedsCurrentGrant) {
  for (const Row& row : Rows()) {
    if (!Waits(row)) continue;
    Reset();
    broker_.bill.FailNextSignIns(1, Refusal(Verdict::kUnavailable, "BDC_1001"));
    const absl::Status status = AskWhileWaiting(row, [this] { callers_.SetPolicy({}); });
    EXPECT_THAT(status, HasReason(Reason::kNotGranted)) << row.rpc << ": " << status;
    broker_.clock.Advance(absl::Hours(1));
  }
}

TEST_F(WaitingTest, WaitingCallAcceptsAnotherGrant) {
  for (const Row& row : Rows()) {
    if (!Waits(row)) continue;
    Reset();
    const absl::Status status = AskWhileWaiting(row, [this] {
      Policy policy = EverythingGranted();
      policy.grants = {
          {{kPrincipal}, Role::kAdmin, {}, {"granted-name-here"}}};  // not the organization
      callers_.SetPolicy(policy);
    });
    EXPECT_THAT(status, IsOk()) << row.rpc;
  }
}

TEST_F(WaitingTest, RejectionHidesUnnamedCredential) {
  Reset();
  const Row row = SessionRows()[0];
  const absl::Status status = AskWhileWaiting(row, [this] {
    Policy policy = EverythingGranted();
    policy.grants = {{{kPrincipal}, Role::kReader, {"another-*"}, {"another-*"}}};
    callers_.SetPolicy(policy);
  });
  ASSERT_THAT(status, HasReason(Reason::kNotGranted));
  EXPECT_FALSE(DetailsOf(status)->metadata.contains("credential"));
  EXPECT_EQ(OnlyRefusal().credential, "");
}

}  // namespace
}  // namespace billbroker

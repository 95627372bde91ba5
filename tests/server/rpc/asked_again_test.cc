// What had to wait is done only where it is still granted, and still wanted.
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/rpc/every_rpc.h"

namespace billbroker {
namespace {

const Target kHere{"granted-here", "granted-here"};

const std::set<std::string>& Queued() {
  static const auto* const rpcs = new std::set<std::string>{
      "CreateCredential",    "DeleteCredential",   "RotateCredential",  "ResumeRotation",
      "CancelRotation",      "RollbackCredential", "VerifyCredential",  "AttachOrganizations",
      "DetachOrganizations", "StartChallenge",     "CompleteChallenge", "StepUp"};
  return *rpcs;
}

class AskedAgainTest : public EveryRpcTest {
 protected:
  // What `row` answers where `change` comes while it waits.
  template <typename Change>
  absl::Status AskMeanwhile(const Row& row, const Change& change) {
    Hold();
    auto answer = std::async(std::launch::async, [&row] { return row.ask(kHere); });
    AwaitOne();
    change();
    LetGo();
    return answer.get();
  }

  // The one refusal that the log holds since it was last looked at.
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
    broker_.engine.Logout("granted-here", "", 0, [](const absl::StatusOr<bool>&) {});
    (void)audit_.Take();
  }

  virtual void Hold() {
    changes_.Hold();
    challenges_.Hold();
  }
  virtual void AwaitOne() {
    while (!changes_.IsOneWaiting() && !challenges_.IsOneWaiting()) std::this_thread::yield();
  }
  virtual void LetGo() {
    changes_.LetGo();
    challenges_.LetGo();
  }
};

TEST_F(AskedAgainTest, AQueuedChangeIsNotDoneForWhomItIsNoMoreGranted) {
  int asked = 0;
  for (const Row& row : Rows()) {
    if (!Queued().contains(row.rpc)) continue;
    ++asked;
    Reset();
    const int writes = broker_.vault.writes();
    const absl::Status status = AskMeanwhile(row, [this] { callers_.SetPolicy({}); });
    EXPECT_TRUE(HasReason(status, Reason::kNotGranted)) << row.rpc << ": " << status;
    const AuditEntry refusal = OnlyRefusal();
    EXPECT_EQ(refusal.reason, "NOT_GRANTED") << row.rpc;
    EXPECT_EQ(refusal.principal, kPrincipal) << row.rpc;
    EXPECT_EQ(broker_.vault.writes(), writes) << row.rpc;
  }
  EXPECT_EQ(asked, static_cast<int>(Queued().size()));
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(AskedAgainTest, AQueuedChangeIsNotDoneForWhomThePolicyKnowsNoMore) {
  for (const Row& row : Rows()) {
    if (!Queued().contains(row.rpc)) continue;
    Reset();
    const absl::Status status = AskMeanwhile(row, [this] { identity_.Bind(nullptr); });
    EXPECT_TRUE(HasReason(status, Reason::kCallerUnknown)) << row.rpc << ": " << status;
    EXPECT_EQ(OnlyRefusal().reason, "CALLER_UNKNOWN") << row.rpc;
  }
}

TEST_F(AskedAgainTest, AQueuedChangeIsDoneUnderAPolicyThatGrantsItStill) {
  Reset();
  auto request = NewUser("granted-new", {"granted-new"});
  Row row;
  row.ask = [&](const Target&) {
    return Ask(*credentials_, &v1::CredentialService::Stub::CreateCredential, request);
  };
  EXPECT_EQ(AskMeanwhile(row, [this] { Grant(Role::kAdmin); }), absl::OkStatus());
}

TEST_F(AskedAgainTest, WhatNobodyWaitsForAnyMoreIsNotDone) {
  Reset();
  v1::GetCredentialRequest get;
  get.set_credential("granted-here");
  v1::GetCredentialResponse shown;
  using Stub = v1::CredentialService::Stub;
  ASSERT_TRUE(Call(*credentials_, &Stub::GetCredential, get, &shown).ok());
  v1::DeleteCredentialRequest request;
  request.set_credential("granted-here");
  request.set_uid(shown.credential().uid());
  request.set_version(1);
  v1::DeleteCredentialResponse response;
  grpc::ClientContext context;
  std::promise<grpc::Status> ended;
  changes_.Hold();
  credentials_->async()->DeleteCredential(
      &context, &request, &response,
      [&ended](const grpc::Status& status) { ended.set_value(status); });
  changes_.AwaitOne();
  const grpc::CallbackServerContext& call = *newest_call_.load();
  context.TryCancel();
  while (!call.IsCancelled()) std::this_thread::yield();
  changes_.LetGo();
  EXPECT_EQ(ended.get_future().get().error_code(), grpc::StatusCode::CANCELLED);
  Create(NewUser("granted-later", {}));  // behind it
  EXPECT_TRUE(Call(*credentials_, &Stub::GetCredential, get, &shown).ok()) << "it was not deleted";
  for (const AuditEntry& entry : audit_.Take()) EXPECT_EQ(entry.credential, "granted-later");
}

// Those whose session BILL keeps them waiting for.
class WaitingTest : public AskedAgainTest {
 protected:
  void Hold() override { broker_.bill.Hold(); }
  void AwaitOne() override {
    while (broker_.bill.held() == 0) std::this_thread::yield();
  }
  void LetGo() override {
    while (broker_.bill.ReleaseOne()) {  // and what is asked for thereupon
    }
    broker_.bill.AnswerAtOnce();
  }

  static bool Waits(const Row& row) {
    static const std::set<std::string> rpcs = {"GetSession", "BatchGetSessions", "Login",
                                               "DiscoverOrganizations"};
    return rpcs.contains(row.rpc);
  }
};

TEST_F(WaitingTest, ASessionIsNotHandedToWhomItIsNoMoreGranted) {
  int asked = 0;
  for (const Row& row : Rows()) {
    if (!Waits(row)) continue;
    ++asked;
    Reset();
    const absl::Status status = AskMeanwhile(row, [this] { callers_.SetPolicy({}); });
    EXPECT_TRUE(HasReason(status, Reason::kNotGranted)) << row.rpc << ": " << status;
    EXPECT_EQ(OnlyRefusal().reason, "NOT_GRANTED") << row.rpc;
    Reset();
    const absl::Status unknown = AskMeanwhile(row, [this] { identity_.Bind(nullptr); });
    EXPECT_TRUE(HasReason(unknown, Reason::kCallerUnknown)) << row.rpc << ": " << unknown;
    EXPECT_EQ(OnlyRefusal().reason, "CALLER_UNKNOWN") << row.rpc;
  }
  // GetSession has three rows, BatchGetSessions and Login two, DiscoverOrganizations one.
  EXPECT_EQ(asked, 8);
}

TEST_F(WaitingTest, ASessionIsHandedToWhomItIsGrantedOtherwiseByNow) {
  for (const Row& row : Rows()) {
    if (!Waits(row)) continue;
    Reset();
    const absl::Status status = AskMeanwhile(row, [this] {
      Policy policy = EverythingGranted();
      policy.grants = {{{kPrincipal}, Role::kAdmin, {}, {"granted-here"}}};  // not the organization
      callers_.SetPolicy(policy);
    });
    EXPECT_EQ(status, absl::OkStatus()) << row.rpc;
  }
}

TEST_F(WaitingTest, ARefusalOfASessionNamesNoCredentialThatTheCallerDidNotName) {
  Reset();
  const Row row = SessionRows()[0];
  const absl::Status status = AskMeanwhile(row, [this] {
    Policy policy = EverythingGranted();
    policy.grants = {{{kPrincipal}, Role::kReader, {"another-*"}, {"another-*"}}};
    callers_.SetPolicy(policy);
  });
  ASSERT_TRUE(HasReason(status, Reason::kNotGranted)) << status;
  EXPECT_FALSE(DetailsOf(status)->metadata.contains("credential"));
  EXPECT_EQ(OnlyRefusal().credential, "");
}

}  // namespace
}  // namespace billbroker

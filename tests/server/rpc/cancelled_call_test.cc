// Callers that leave while they wait: by cancellation, by their deadline, or at the end of a drain.

#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/server/rpc/pending_call.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using SessionStub = v1::SessionService::Stub;
using PendingGet = PendingCall<v1::GetSessionRequest, v1::GetSessionResponse>;
using PendingLogin = PendingCall<v1::LoginRequest, v1::LoginResponse>;
using PendingBatch = PendingCall<v1::BatchGetSessionsRequest, v1::BatchGetSessionsResponse>;

class CancelledCallTest : public RpcTest {
 protected:
  static constexpr int kOrganizations = 60;

  CancelledCallTest() {
    std::vector<std::string> ids;
    for (int i = 0; i < kOrganizations; ++i) ids.push_back(OrganizationId(i));
    Create(NewUser("acme-payables-user", ids));
  }

  static std::string OrganizationId(int n) { return absl::StrFormat("008000000000000%05d", n); }

  std::unique_ptr<PendingGet> StartGet(const std::string& organization_id,
                                       absl::Duration timeout = absl::InfiniteDuration()) {
    auto call = std::make_unique<PendingGet>(timeout);
    call->request.set_organization_id(organization_id);
    sessions_->async()->GetSession(&call->context, &call->request, &call->response, call->Done());
    return call;
  }
  std::unique_ptr<PendingLogin> StartLogin(const std::string& organization_id) {
    auto call = std::make_unique<PendingLogin>();
    call->request.set_organization_id(organization_id);
    sessions_->async()->Login(&call->context, &call->request, &call->response, call->Done());
    return call;
  }
  std::unique_ptr<PendingBatch> StartBatch(int organizations) {
    auto call = std::make_unique<PendingBatch>();
    for (int i = 0; i < organizations; ++i) {
      call->request.add_requests()->set_organization_id(OrganizationId(i));
    }
    sessions_->async()->BatchGetSessions(&call->context, &call->request, &call->response,
                                         call->Done());
    return call;
  }

  int CountWaitingCallers() {
    int waiting = 0;
    for (const SlotInfo& slot : broker_.sessions.List()) waiting += slot.waiting_callers;
    return waiting;
  }
  void AwaitWaitingCallers(int count) {
    Await([&] { return CountWaitingCallers() == count; }, absl::StrCat(count, " waiting callers"));
  }
  // Returns once gRPC has released every call.
  void AwaitRelease() {
    state_.StartDraining();
    state_.AwaitCalls(absl::Now() + absl::Minutes(1));
    Policy policy = EverythingGranted();
    policy.limits.calls_in_flight = 1;
    callers_.SetPolicy(policy);
    EXPECT_THAT(callers_.Of(kPrincipal)->Enter(absl::Hours(1000)), IsOk()) << "a call is left";
  }
};

TEST_F(CancelledCallTest, ShortDeadlinesDoNotBlockLiveOrganization) {
  ASSERT_THAT(GetSession(OrganizationId(0)), IsOk());
  Policy policy = EverythingGranted();
  policy.limits.calls_in_flight = 1000;
  callers_.SetPolicy(policy);
  broker_.bill.Hold();
  for (int wave = 0; wave < 11; ++wave) {
    std::vector<std::unique_ptr<PendingGet>> calls;
    for (int i = 0; i < 100; ++i) {
      calls.push_back(StartGet(OrganizationId(1 + i % 50), absl::Milliseconds(5)));
    }
    for (const auto& call : calls) EXPECT_FALSE(call->AwaitEnd().ok());
  }
  Await([this] { return GetSession(OrganizationId(0)).ok(); }, "the live session");
  AwaitWaitingCallers(0);
  EXPECT_EQ(broker_.sessions.Counts().queued, 0);
  AwaitRelease();
}

TEST_F(CancelledCallTest, CancelledBatchSpendsNothing) {
  broker_.bill.Hold();
  const auto batch = StartBatch(kOrganizations);
  AwaitWaitingCallers(kOrganizations);
  Await([this] { return broker_.bill.held() > 0; }, "a sign-in");
  batch->context.TryCancel();
  EXPECT_THAT(batch->AwaitEnd(), StatusIs(absl::StatusCode::kCancelled));
  AwaitWaitingCallers(0);
  EXPECT_EQ(broker_.sessions.Counts().queued, 0);
  AwaitRelease();
  const int under_way = broker_.sessions.Counts().signing_in;
  EXPECT_LE(under_way, 2);
  broker_.bill.ReleaseAll();
  Await([&] { return broker_.sessions.Counts().live == under_way; }, "the sign-ins under way");
  EXPECT_EQ(broker_.sessions.Counts().signing_in, 0);
  EXPECT_EQ(broker_.bill.CountSignIns(), under_way);
}

TEST_F(CancelledCallTest, CancelledLoginLeavesNoWaiter) {
  broker_.bill.Hold();
  const auto login = StartLogin(OrganizationId(0));
  AwaitWaitingCallers(1);
  login->context.TryCancel();
  EXPECT_THAT(login->AwaitEnd(), StatusIs(absl::StatusCode::kCancelled));
  AwaitWaitingCallers(0);
  AwaitRelease();
}

TEST_F(CancelledCallTest, OtherCallersOfTheSignInAreAnswered) {
  broker_.bill.Hold();
  const auto leaves = StartGet(OrganizationId(0));
  const auto stays = StartGet(OrganizationId(0));
  AwaitWaitingCallers(2);
  leaves->context.TryCancel();
  EXPECT_THAT(leaves->AwaitEnd(), StatusIs(absl::StatusCode::kCancelled));
  AwaitWaitingCallers(1);
  Await([this] { return broker_.bill.held() == 1; }, "the sign-in");
  broker_.bill.ReleaseAll();
  EXPECT_THAT(stays->AwaitEnd(), IsOk());
  AwaitRelease();
}

TEST_F(CancelledCallTest, CancelMayMeetTheAnswer) {
  std::vector<std::unique_ptr<PendingGet>> calls;
  std::vector<std::unique_ptr<PendingBatch>> batches;
  for (int i = 0; i < kOrganizations; ++i) {
    calls.push_back(StartGet(OrganizationId(i)));
    batches.push_back(StartBatch(i + 1));
    calls.back()->context.TryCancel();
    batches.back()->context.TryCancel();
  }
  for (const auto& call : calls) (void)call->AwaitEnd();
  for (const auto& batch : batches) (void)batch->AwaitEnd();
  AwaitWaitingCallers(0);
  AwaitRelease();
}

TEST_F(CancelledCallTest, WaitingCallsDoNotLimitHits) {
  ASSERT_THAT(GetSession(OrganizationId(0)), IsOk());
  Policy policy = EverythingGranted();
  policy.limits.calls_in_flight = 2;
  callers_.SetPolicy(policy);
  broker_.bill.Hold();
  // gRPC releases a call some time after its answer.
  std::deque<std::unique_ptr<PendingGet>> waiting;
  Await(
      [&] {
        waiting.push_back(StartGet(OrganizationId(1)));
        return CountWaitingCallers() == 2;
      },
      "two calls that wait");
  EXPECT_THAT(GetSession(OrganizationId(1)), HasReason(Reason::kCallerLimit));
  Await([&] { return GetSession(OrganizationId(0)).ok(); }, "a hit");

  const auto batch = StartBatch(2);
  ASSERT_THAT(batch->AwaitEnd(), IsOk());
  EXPECT_TRUE(batch->response.outcomes(0).has_session());
  EXPECT_THAT(FromErrorStatus(batch->response.outcomes(1).error()),
              HasReason(Reason::kCallerLimit));
  EXPECT_THAT(StartLogin(OrganizationId(1))->AwaitEnd(), HasReason(Reason::kCallerLimit));
  for (const auto& call : waiting) call->context.TryCancel();
  for (const auto& call : waiting) (void)call->AwaitEnd();
  AwaitRelease();
}

TEST_F(CancelledCallTest, EndOfDrainAnswersWaitingCalls) {
  ASSERT_THAT(GetSession(OrganizationId(0)), IsOk());
  broker_.bill.Hold();
  const auto get = StartGet(OrganizationId(1));
  const auto login = StartLogin(OrganizationId(2));
  const auto batch = StartBatch(2);
  AwaitWaitingCallers(3);
  state_.StartDraining();
  EXPECT_EQ(CountWaitingCallers(), 3) << "a drain lets callers wait";
  state_.EndWaiting();
  EXPECT_THAT(get->AwaitEnd(), HasReason(Reason::kDraining));
  EXPECT_THAT(login->AwaitEnd(), HasReason(Reason::kDraining));
  ASSERT_THAT(batch->AwaitEnd(), IsOk());
  EXPECT_TRUE(batch->response.outcomes(0).has_session());
  EXPECT_THAT(FromErrorStatus(batch->response.outcomes(1).error()), HasReason(Reason::kDraining));
  EXPECT_EQ(CountWaitingCallers(), 0);
  AwaitRelease();
}

// Changes behind another change of their credential.
class QueuedChangeTest : public RpcTest {
 protected:
  using PendingDelete = PendingCall<v1::DeleteCredentialRequest, v1::DeleteCredentialResponse>;

  QueuedChangeTest() : made_(Create(NewUser("acme-payables-user", {}))) {
    changes_.Hold();
    StartDelete(running_, 99);  // a version that does not exist
    changes_.AwaitWaiting();
    StartDelete(queued_, made_.version());
  }

  void StartDelete(PendingDelete& call, std::uint64_t version) {
    call.request.set_credential("acme-payables-user");
    call.request.set_uid(made_.uid());
    call.request.set_version(version);
    credentials_->async()->DeleteCredential(&call.context, &call.request, &call.response,
                                            call.Done());
  }

  const v1::Credential made_;
  PendingDelete running_;
  PendingDelete queued_;
};

TEST_F(QueuedChangeTest, LeavesItsPlaceWithItsCaller) {
  Await([this] { return change_queue_.waiting() == 1; }, "the second change to wait");
  queued_.context.TryCancel();
  EXPECT_THAT(queued_.AwaitEnd(), StatusIs(absl::StatusCode::kCancelled));
  changes_.Release();
  EXPECT_THAT(running_.AwaitEnd(), HasReason(Reason::kVersionConflict));
  EXPECT_THAT(broker_.credentials.Get("acme-payables-user"), IsOk()) << "it was not deleted";
}

TEST_F(QueuedChangeTest, EndsAsDrainingWhileTheOneThatBeganIsFinished) {
  Await([this] { return change_queue_.waiting() == 1; }, "the second change to wait");
  state_.EndWaiting();
  EXPECT_THAT(queued_.AwaitEnd(), HasReason(Reason::kDraining));
  EXPECT_FALSE(running_.HasEnded());
  changes_.Release();
  EXPECT_THAT(running_.AwaitEnd(), HasReason(Reason::kVersionConflict));
}

}  // namespace
}  // namespace billbroker

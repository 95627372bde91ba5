// BatchGetSessions: merged requests.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/server/rpc/pending_call.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using PendingBatch = PendingCall<v1::BatchGetSessionsRequest, v1::BatchGetSessionsResponse>;

class BatchTest : public RpcTest {
 protected:
  static constexpr char kFirst[] = "00800000000000000081";
  static constexpr char kSecond[] = "00800000000000000082";

  BatchTest() { Create(NewUser("acme-payables-user", {kFirst, kSecond})); }

  void Start(PendingBatch& call) {
    sessions_->async()->BatchGetSessions(&call.context, &call.request, &call.response, call.Done());
  }
  // Lets BILL answer until the call has ended.
  void Release(const PendingBatch& call) {
    broker_.bill.ReleaseAll();
    Await(
        [&] {
          executor_.RunLater();
          return call.HasEnded();
        },
        "the end of the batch");
  }
  int CountWaitingCallers(const std::string& organization_id) {
    for (const SlotInfo& slot : broker_.sessions.List()) {
      if (slot.organization_id == organization_id) return slot.waiting_callers;
    }
    return 0;
  }
};

TEST_F(BatchTest, EqualRequestsWaitOnce) {
  broker_.bill.Hold();
  PendingBatch call;
  for (int i = 0; i < 5; ++i) call.request.add_requests()->set_organization_id(kFirst);
  call.request.mutable_requests(1)->set_include_dev_key(true);
  call.request.mutable_requests(3)->set_credential("acme-payables-user");
  call.request.mutable_requests(4)->mutable_min_remaining()->set_seconds(60);
  call.request.add_requests()->set_organization_id(kSecond);
  Start(call);
  Await([this] { return CountWaitingCallers(kSecond) == 1; }, "the last request to wait");
  EXPECT_EQ(CountWaitingCallers(kFirst), 3) << "one each: as such, by credential, by demand";
  Release(call);
  ASSERT_THAT(call.AwaitEnd(), IsOk());
  ASSERT_EQ(call.response.outcomes_size(), 6);
  for (int i = 0; i < 6; ++i) {
    const v1::Session& session = call.response.outcomes(i).session();
    EXPECT_EQ(session.organization_id(), i == 5 ? kSecond : kFirst) << i;
    EXPECT_EQ(session.dev_key(), i == 1 ? "s3cret-dev-key" : "") << i;
  }
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(BatchTest, EachEqualRequestReceivesTheError) {
  broker_.bill.Hold();
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  PendingBatch call;
  for (int i = 0; i < 3; ++i) call.request.add_requests()->set_organization_id(kFirst);
  Start(call);
  Await([this] { return broker_.bill.held() == 1; }, "a sign-in");
  Release(call);
  ASSERT_THAT(call.AwaitEnd(), IsOk());
  for (const v1::SessionOutcome& outcome : call.response.outcomes()) {
    EXPECT_THAT(FromErrorStatus(outcome.error()), HasReason(Reason::kCredentialRejected));
  }
}

TEST_F(BatchTest, ReturnsLiveSessionsBeforeTheDeadline) {
  ASSERT_THAT(GetSession(kFirst), IsOk());
  broker_.bill.Hold();
  PendingBatch call(absl::Seconds(2));
  for (const char* const id : {kFirst, kSecond, "00800000000000000099"}) {
    call.request.add_requests()->set_organization_id(id);
  }
  Start(call);
  ASSERT_THAT(call.AwaitEnd(), IsOk());
  ASSERT_EQ(call.response.outcomes_size(), 3);
  EXPECT_EQ(call.response.outcomes(0).session().organization_id(), kFirst);
  EXPECT_THAT(FromErrorStatus(call.response.outcomes(1).error()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(FromErrorStatus(call.response.outcomes(2).error()),
              HasReason(Reason::kUnknownOrganization));
  EXPECT_EQ(CountWaitingCallers(kSecond), 0);
  broker_.bill.ReleaseAll();
}

}  // namespace
}  // namespace billbroker

// The steps of a drain, as callers see them.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/server/rpc/pending_call.h"
#include "tests/server/rpc/session_rpc_fixture.h"
#include "tests/server/rpc/watch_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Not;

class DrainTest : public SessionRpcTest {
 protected:
  using PendingGet = PendingCall<v1::GetSessionRequest, v1::GetSessionResponse>;
  using PendingRotate = PendingCall<v1::RotateCredentialRequest, v1::RotateCredentialResponse>;

  void StartGet(PendingGet& call) {
    call.request.set_organization_id(kFirstOrganization);
    sessions_->async()->GetSession(&call.context, &call.request, &call.response, call.Done());
  }

  // Starts a rotation whose proof waits for BILL.
  void StartRotation(PendingRotate& call) {
    const absl::StatusOr<CredentialInfoPtr> acme = broker_.credentials.Get("acme-payables-user");
    ASSERT_THAT(acme, IsOk());
    call.request.set_credential("acme-payables-user");
    call.request.set_uid((*acme)->uid);
    call.request.set_version((*acme)->version);
    call.request.set_password("s3cret-next-password");
    credentials_->async()->RotateCredential(&call.context, &call.request, &call.response,
                                            call.Done());
  }

  [[nodiscard]] std::uint64_t VersionOfAcme() {
    const absl::StatusOr<CredentialInfoPtr> acme = broker_.credentials.Get("acme-payables-user");
    return acme.ok() ? (*acme)->version : 0;
  }
};

TEST_F(DrainTest, RejectionNamesTheTimeToRetry) {
  state_.StartDraining();
  const absl::Status rejected = GetSession(kFirstOrganization).status();
  EXPECT_THAT(rejected, HasReason(Reason::kDraining));
  EXPECT_THAT(rejected, HasRetryAfter(absl::Seconds(1)));
}

TEST_F(DrainTest, HeldRejectionIsSentWhenStreamsEnd) {
  state_.StartDraining();
  EXPECT_THAT(GetSession(kFirstOrganization), HasReason(Reason::kDraining)) << "not held yet";
  state_.HoldRefusals();
  PendingGet held;
  StartGet(held);
  PendingGet cancelled;
  StartGet(cancelled);
  cancelled.context.TryCancel();
  EXPECT_THAT(cancelled.AwaitEnd(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_FALSE(held.HasEnded());
  state_.EndStreams();
  EXPECT_THAT(held.AwaitEnd(), HasReason(Reason::kDraining));
  EXPECT_THAT(GetSession(kFirstOrganization), HasReason(Reason::kDraining)) << "no longer held";
}

TEST_F(DrainTest, AbandonedChangeHasAnUnknownOutcome) {
  broker_.bill.Hold();
  PendingRotate rotation;
  StartRotation(rotation);
  Await([this] { return broker_.bill.held() == 1; }, "the proof to reach BILL");
  state_.StartDraining();
  state_.EndWaiting();
  EXPECT_FALSE(rotation.HasEnded()) << "its work has begun";
  state_.AbandonCalls();
  const absl::Status ended = rotation.AwaitEnd();
  EXPECT_THAT(ended, HasReason(Reason::kDraining));
  EXPECT_THAT(ended, HasMetadata("outcome", "unknown"));
  EXPECT_THAT(ended, Not(HasRetryAfter(::testing::_)));
  state_.AwaitCalls(absl::InfiniteFuture());
  broker_.bill.ReleaseAll();
  Await([this] { return VersionOfAcme() == 2; }, "the change to be finished nevertheless");
}

TEST_F(DrainTest, ChangeThatEndsIsNotAbandoned) {
  PendingRotate rotation;
  StartRotation(rotation);
  EXPECT_THAT(rotation.AwaitEnd(), IsOk());
  state_.AbandonCalls();
}

TEST_F(DrainTest, StreamEndsWithTheAgeOfItsConnection) {
  grpc::ServerBuilder builder;
  builder.SetContextAllocator(state_.MakeContexts(identity_, absl::Milliseconds(50)));
  builder.RegisterService(&session_service_);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto stub = v1::SessionService::NewStub(server->InProcessChannel({}));
  v1::WatchSessionsRequest request;
  request.add_organizations()->set_organization_id(kFirstOrganization);
  WatchReader watch(*stub, request);
  EXPECT_TRUE(watch.NextUpdate().has_error());
  EXPECT_TRUE(watch.Next().has_complete());
  const absl::Status ended = watch.End();
  EXPECT_THAT(ended, HasReason(Reason::kConnectionAged));
  EXPECT_THAT(ended, HasRetryAfter(absl::ZeroDuration()));
  Await([this] { return hub_.watched() == 0; }, "the end of the watch");
}

}  // namespace
}  // namespace billbroker

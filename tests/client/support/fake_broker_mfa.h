// The MfaService of a FakeBroker. Internal to it.
#pragma once

#include <grpcpp/grpcpp.h>

#include "billbroker/v1/mfa.grpc.pb.h"
#include "proto/status.h"
#include "tests/client/support/fake_broker_state.h"
#include "vault/base/error.h"

namespace billbroker {

// Takes the code "123456".
class FakeBroker::Mfa final : public v1::MfaService::Service {
 public:
  explicit Mfa(State& state) : state_(state) {}

  grpc::Status StartChallenge(grpc::ServerContext*, const v1::StartChallengeRequest* request,
                              v1::StartChallengeResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.challenges.push_back(*request);
    response->set_challenge_id("challenge-of-" + request->credential());
    response->mutable_expire_time()->set_seconds(kNowSeconds + 300);
    return ToGrpcStatus(state_.Failure("StartChallenge"));
  }

  grpc::Status CompleteChallenge(grpc::ServerContext* context,
                                 const v1::CompleteChallengeRequest* request,
                                 v1::CompleteChallengeResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.codes.push_back(*request);
    state_.NoteChange("CompleteChallenge", *context, *request);
    const absl::Status failure = state_.Failure("CompleteChallenge");
    if (!failure.ok()) return ToGrpcStatus(failure);
    if (request->code() != "123456") {
      return ToGrpcStatus(MakeError(
          {Reason::kMfaFailed, absl::nullopt, {{"bill_code", "BDC_1356"}}}, "the code is wrong"));
    }
    response->mutable_credential()->set_name("acme-payables-user");
    response->mutable_credential()->mutable_remember_me_expire_time()->set_seconds(kNowSeconds);
    if (request->device() == "refused-device") {
      response->mutable_credential()->mutable_remember_me_refuse_time()->set_seconds(kNowSeconds);
    }
    response->mutable_sessions()->set_trusted_count(2);
    response->mutable_sessions()->set_failed_count(1);
    return grpc::Status::OK;
  }

  grpc::Status StepUp(grpc::ServerContext*, const v1::StepUpRequest*,
                      v1::StepUpResponse* response) override {
    const MutexLock lock(state_.mutex);
    response->mutable_sessions()->set_trusted_count(1);
    response->mutable_sessions()->set_refused_count(3);
    return ToGrpcStatus(state_.Failure("StepUp"));
  }

 private:
  State& state_;
};

}  // namespace billbroker

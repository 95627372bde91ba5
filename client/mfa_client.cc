#include "client/mfa_client.h"

#include <grpcpp/channel.h>

#include <utility>

#include "billbroker/v1/mfa.grpc.pb.h"
#include "client/call.h"

namespace billbroker {
namespace {

using MfaStub = v1::MfaService::StubInterface;

}  // namespace

struct MfaClient::Impl {
  std::unique_ptr<MfaStub> stub;
  CallPolicy policy;
  bool allow_prompt = false;
};

MfaClient::MfaClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : impl_(std::make_unique<Impl>(Impl{v1::MfaService::NewStub(std::move(channel)),
                                        {options.call_timeout, options.wait_for_ready},
                                        options.allow_prompt})) {}

MfaClient::~MfaClient() = default;

absl::StatusOr<v1::StartChallengeResponse> MfaClient::StartChallenge(
    absl::string_view credential, absl::string_view organization_id) {
  v1::StartChallengeRequest request;
  request.set_credential(std::string(credential));
  request.set_organization_id(std::string(organization_id));
  return Call(*impl_->stub, &MfaStub::StartChallenge, std::move(request), impl_->policy);
}

absl::StatusOr<v1::CompleteChallengeResponse> MfaClient::CompleteChallenge(
    absl::string_view challenge_id, const SecretString& code, absl::string_view device) {
  v1::CompleteChallengeRequest request;
  request.set_challenge_id(std::string(challenge_id));
  // Assigned in place, see CredentialClient.
  request.mutable_code()->assign(code.Reveal().data(), code.size());
  request.set_device(std::string(device));
  request.set_allow_prompt(impl_->allow_prompt);
  return Call(*impl_->stub, &MfaStub::CompleteChallenge, std::move(request), impl_->policy);
}

absl::StatusOr<v1::StepUpCounts> MfaClient::StepUp(absl::string_view credential) {
  v1::StepUpRequest request;
  request.set_credential(std::string(credential));
  const absl::StatusOr<v1::StepUpResponse> response =
      Call(*impl_->stub, &MfaStub::StepUp, std::move(request), impl_->policy);
  if (!response.ok()) return response.status();
  return response->sessions();
}

}  // namespace billbroker

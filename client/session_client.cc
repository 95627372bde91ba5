#include "client/session_client.h"

#include <grpcpp/channel.h>

#include "billbroker/v1/session.grpc.pb.h"
#include "client/call.h"

namespace billbroker {
namespace {

void SetDuration(absl::Duration duration, google::protobuf::Duration& to) {
  absl::Duration rest;
  to.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  to.set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(rest)));
}

v1::GetSessionRequest RequestFor(absl::string_view organization_id,
                                 const GetSessionOptions& options) {
  v1::GetSessionRequest request;
  request.set_organization_id(std::string(organization_id));
  request.set_credential(options.credential);
  if (options.min_remaining != absl::ZeroDuration()) {
    SetDuration(options.min_remaining, *request.mutable_min_remaining());
  }
  request.set_stale_generation(options.stale_generation);
  request.set_require_trusted(options.require_trusted);
  request.set_include_dev_key(options.include_dev_key);
  request.set_include_headers(options.include_headers);
  request.set_cached_only(options.cached_only);
  return request;
}

}  // namespace

struct SessionClient::Impl {
  std::unique_ptr<v1::SessionService::StubInterface> stub;
  CallPolicy policy;
};

absl::StatusOr<std::unique_ptr<SessionClient>> SessionClient::Connect(
    const ClientOptions& options) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = OpenChannel(options);
  if (!channel.ok()) return channel.status();
  return std::make_unique<SessionClient>(*std::move(channel), options);
}

SessionClient::SessionClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : impl_(
          std::make_unique<Impl>(Impl{v1::SessionService::NewStub(std::move(channel)),
                                      CallPolicy{options.call_timeout, options.wait_for_ready}})) {}

SessionClient::~SessionClient() = default;

absl::StatusOr<ClientSession> SessionClient::DoGetSession(absl::string_view organization_id,
                                                          const GetSessionOptions& options) {
  absl::StatusOr<v1::GetSessionResponse> response =
      Call(*impl_->stub, &v1::SessionService::StubInterface::GetSession,
           RequestFor(organization_id, options), impl_->policy);
  if (!response.ok()) return response.status();
  return TakeSession(*response->mutable_session());
}

}  // namespace billbroker

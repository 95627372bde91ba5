#include "client/admin_client.h"

#include <grpcpp/channel.h>

#include <iterator>
#include <utility>

#include "billbroker/v1/session.grpc.pb.h"
#include "client/call.h"

namespace billbroker {
namespace {

using Stub = v1::SessionService::StubInterface;

constexpr int kPageSize = 1000;  // the largest that the broker gives

using Listener =
    std::function<void(const WatchedOrganization&, const absl::StatusOr<ClientSession>&)>;

class CallingHandler final : public WatchHandler {
 public:
  explicit CallingHandler(const Listener& told) : told_(told) {}

  void Told(const WatchedOrganization& which, absl::StatusOr<ClientSession> state) override {
    told_(which, state);
  }
  void Completed() override {}
  void Ended(const absl::Status& why) override { why_ = why; }

  // Once the watch has ended.
  [[nodiscard]] const absl::Status& why() const { return why_; }

 private:
  const Listener& told_;
  absl::Status why_;
};

}  // namespace

struct AdminClient::Impl {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Stub> stub;
  CallPolicy policy;
};

AdminClient::AdminClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : impl_(
          std::make_unique<Impl>(Impl{channel, v1::SessionService::NewStub(channel),
                                      CallPolicy{options.call_timeout, options.wait_for_ready}})) {}

AdminClient::~AdminClient() = default;

absl::StatusOr<LoginResult> AdminClient::Login(absl::string_view organization_id,
                                               const LoginOptions& options) {
  v1::LoginRequest request;
  request.set_organization_id(std::string(organization_id));
  request.set_credential(options.credential);
  request.set_force(options.force);
  request.set_include_dev_key(options.include_dev_key);
  absl::StatusOr<v1::LoginResponse> response =
      Call(*impl_->stub, &Stub::Login, std::move(request), impl_->policy);
  if (!response.ok()) return response.status();
  absl::StatusOr<ClientSession> session = TakeSession(*response->mutable_session());
  if (!session.ok()) return session.status();
  return LoginResult{*std::move(session), response->reused()};
}

absl::StatusOr<bool> AdminClient::Logout(absl::string_view organization_id,
                                         const LogoutOptions& options) {
  v1::LogoutRequest request;
  request.set_organization_id(std::string(organization_id));
  request.set_credential(options.credential);
  request.set_if_generation(options.if_generation);
  absl::StatusOr<v1::LogoutResponse> response =
      Call(*impl_->stub, &Stub::Logout, std::move(request), impl_->policy);
  if (!response.ok()) return response.status();
  return response->ended();
}

absl::StatusOr<std::vector<v1::SessionEntry>> AdminClient::ListSessions(
    absl::string_view credential) {
  std::vector<v1::SessionEntry> all;
  std::string page_token;
  do {
    v1::ListSessionsRequest request;
    request.set_page_size(kPageSize);
    request.set_page_token(page_token);
    request.set_credential(std::string(credential));
    absl::StatusOr<v1::ListSessionsResponse> response =
        Call(*impl_->stub, &Stub::ListSessions, std::move(request), impl_->policy);
    if (!response.ok()) return response.status();
    std::move(response->mutable_sessions()->begin(), response->mutable_sessions()->end(),
              std::back_inserter(all));
    page_token = response->next_page_token();
  } while (!page_token.empty());
  return all;
}

absl::Status AdminClient::WatchSessions(const WatchOptions& options, const Listener& told) {
  CallingHandler handler(told);
  SessionWatch watch(impl_->channel, options, handler);
  watch.AwaitEnd();
  return handler.why();
}

absl::StatusOr<v1::GetStatusResponse> AdminClient::GetStatus() {
  return Call(*impl_->stub, &Stub::GetStatus, v1::GetStatusRequest(), impl_->policy);
}

}  // namespace billbroker

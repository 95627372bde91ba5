#include "client/admin_client.h"

#include <grpcpp/channel.h>

#include <condition_variable>
#include <iterator>
#include <mutex>
#include <utility>

#include "absl/types/optional.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "client/call.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

using SessionStub = v1::SessionService::StubInterface;

constexpr int kSessionPageSize = 1000;  // the broker's maximum

using Listener =
    std::function<bool(const WatchedOrganization&, const absl::StatusOr<ClientSession>&)>;

class CallingHandler final : public WatchHandler {
 public:
  explicit CallingHandler(const Listener& told) : told_(told) {}

  void Told(const WatchedOrganization& which, absl::StatusOr<ClientSession> state) override {
    if (!enough_ && !told_(which, state)) {
      enough_ = true;
      Conclude(absl::OkStatus());
    }
  }
  void Completed() override {}
  void Ended(const absl::Status& why) override { Conclude(why); }

  // Blocks until the watch has ended, and returns the cause. Waits on the native mutex.
  absl::Status Await() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    concluded_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return why_.has_value(); });
    return *why_;
  }

 private:
  void Conclude(const absl::Status& why) {
    MutexLock lock(mutex_);
    if (!why_.has_value()) why_ = why;
    concluded_.notify_all();
  }

  const Listener& told_;
  bool enough_ = false;
  Mutex mutex_;
  std::condition_variable concluded_;
  absl::optional<absl::Status> why_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

struct AdminClient::Impl {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<SessionStub> stub;
  CallPolicy policy;
};

AdminClient::AdminClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : impl_(
          std::make_unique<Impl>(Impl{channel, v1::SessionService::NewStub(std::move(channel)),
                                      CallPolicy{options.call_timeout, options.wait_for_ready}})) {}

AdminClient::~AdminClient() = default;

absl::StatusOr<LoginResult> AdminClient::Login(absl::string_view organization_id,
                                               const LoginOptions& options) {
  v1::LoginRequest request;
  request.set_organization_id(std::string(organization_id));
  request.set_credential(options.credential);
  request.set_force(options.force);
  request.set_include_dev_key(options.include_dev_key);
  request.set_include_headers(options.include_headers);
  absl::StatusOr<v1::LoginResponse> response =
      Call(*impl_->stub, &SessionStub::Login, std::move(request), impl_->policy);
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
      Call(*impl_->stub, &SessionStub::Logout, std::move(request), impl_->policy);
  if (!response.ok()) return response.status();
  return response->ended();
}

absl::StatusOr<std::vector<v1::SessionEntry>> AdminClient::ListSessions(
    absl::string_view credential) {
  std::vector<v1::SessionEntry> all;
  std::string page_token;
  do {
    v1::ListSessionsRequest request;
    request.set_page_size(kSessionPageSize);
    request.set_page_token(page_token);
    request.set_credential(std::string(credential));
    absl::StatusOr<v1::ListSessionsResponse> response =
        Call(*impl_->stub, &SessionStub::ListSessions, std::move(request), impl_->policy);
    if (!response.ok()) return response.status();
    std::move(response->mutable_sessions()->begin(), response->mutable_sessions()->end(),
              std::back_inserter(all));
    page_token = response->next_page_token();
  } while (!page_token.empty());
  return all;
}

absl::Status AdminClient::WatchSessions(const WatchOptions& options, const Listener& told) {
  CallingHandler handler(told);
  const SessionWatch watch(impl_->channel, options, handler);
  return handler.Await();
}

absl::StatusOr<v1::GetStatusResponse> AdminClient::GetStatus() {
  return Call(*impl_->stub, &SessionStub::GetStatus, v1::GetStatusRequest(), impl_->policy);
}

}  // namespace billbroker

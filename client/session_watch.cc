#include "client/session_watch.h"

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <utility>

#include "billbroker/v1/session.grpc.pb.h"
#include "client/call.h"
#include "proto/redacted.h"
#include "proto/status.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

v1::WatchSessionsRequest RequestFor(const WatchOptions& options) {
  v1::WatchSessionsRequest request;
  for (const WatchedOrganization& watched : options.organizations) {
    v1::WatchedOrganization& organization = *request.add_organizations();
    organization.set_organization_id(watched.organization_id);
    organization.set_credential(watched.credential);
  }
  request.set_include_dev_key(options.include_dev_key);
  request.set_include_headers(options.include_headers);
  request.set_keep_warm(options.keep_warm);
  return request;
}

}  // namespace

class SessionWatch::Call final : public grpc::ClientReadReactor<v1::WatchSessionsResponse> {
 public:
  Call(const std::shared_ptr<grpc::Channel>& channel, const WatchOptions& options,
       WatchHandler& handler)
      : stub_(v1::SessionService::NewStub(channel)),
        request_(RequestFor(options)),
        handler_(handler) {
    context_.set_wait_for_ready(options.wait_for_ready);
    stub_->async()->WatchSessions(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  void Cancel() { context_.TryCancel(); }

  // Waits on the native mutex.
  void AwaitEnd() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    changed_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ended_; });
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;  // OnDone() follows
    if (response_.has_complete()) handler_.Completed();
    if (response_.has_update()) Tell(*response_.mutable_update());
    WipeSecrets(response_);
    response_.Clear();
    StartRead(&response_);
  }

  void Tell(v1::SessionUpdate& update) {
    const WatchedOrganization which{update.organization_id(), update.credential()};
    if (update.has_session()) return handler_.Told(which, TakeSession(*update.mutable_session()));
    absl::Status error = FromErrorStatus(update.error());
    if (error.ok()) error = absl::InternalError("the broker sent neither session nor error");
    handler_.Told(which, std::move(error));
  }

  void OnDone(const grpc::Status& status) override {
    const absl::Status why = status.ok() ? absl::UnavailableError("the broker ended the stream")
                                         : Explained(FromGrpcStatus(status), CallPolicy());
    handler_.Ended(why);
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.notify_all();  // under the lock: the waiting thread may destroy this at once
  }

  const std::unique_ptr<v1::SessionService::Stub> stub_;
  const v1::WatchSessionsRequest request_;
  WatchHandler& handler_;
  grpc::ClientContext context_;
  v1::WatchSessionsResponse response_;
  Mutex mutex_;
  std::condition_variable changed_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

SessionWatch::SessionWatch(const std::shared_ptr<grpc::Channel>& channel,
                           const WatchOptions& options, WatchHandler& handler)
    : call_(std::make_unique<Call>(channel, options, handler)) {}

SessionWatch::~SessionWatch() {
  call_->Cancel();
  call_->AwaitEnd();
}

}  // namespace billbroker

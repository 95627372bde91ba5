#include "tests/client/support/fake_broker.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "tests/client/support/fake_broker_audit.h"
#include "tests/client/support/fake_broker_credentials.h"
#include "tests/client/support/fake_broker_mfa.h"
#include "tests/client/support/fake_broker_state.h"
#include "vault/base/error.h"

namespace billbroker {

v1::Session FakeSession(const std::string& organization_id, std::uint64_t generation,
                        bool include_dev_key, bool include_headers) {
  v1::Session session;
  session.set_session_id(kSessionIdSecret);
  if (include_dev_key) session.set_dev_key(kDevKeySecret);
  session.set_dev_key_id("0123456789abcdef");
  session.set_organization_id(organization_id);
  session.set_credential("acme-payables-user");
  session.set_user_id("00600000000000000601");
  session.set_base_url("https://bill.test/connect");
  session.set_generation(generation);
  session.mutable_sign_in_time()->set_seconds(kNowSeconds - 60);
  session.mutable_verify_time()->set_seconds(kNowSeconds);
  session.mutable_expire_time()->set_seconds(kNowSeconds + 2040);
  session.mutable_remaining()->set_seconds(2040);
  if (include_headers) {
    for (const auto& [name, value] :
         {std::pair("sessionId", kSessionIdSecret), std::pair("devKey", kDevKeySecret)}) {
      v1::Header& header = *session.add_headers();
      header.set_name(name);
      header.set_value(value);
    }
  }
  return session;
}

class FakeBroker::Sessions final : public v1::SessionService::Service {
 public:
  explicit Sessions(State& state) : state_(state) {}

  grpc::Status GetSession(grpc::ServerContext*, const v1::GetSessionRequest* request,
                          v1::GetSessionResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.gets.push_back(*request);
    const absl::Status failure = state_.Failure("GetSession");
    if (!failure.ok()) return ToGrpcStatus(failure);
    if (request->organization_id() == "unknown") {
      return ToGrpcStatus(MakeError(Reason::kUnknownOrganization,
                                    "organization \"unknown\" belongs to no credential"));
    }
    std::uint64_t& generation = state_.generations[request->organization_id()];
    generation = std::max<std::uint64_t>(generation, 1);
    if (request->stale_generation() >= generation) ++generation;
    *response->mutable_session() =
        FakeSession(request->organization_id(), generation, request->include_dev_key(),
                    request->include_headers());
    return grpc::Status::OK;
  }

  grpc::Status Login(grpc::ServerContext*, const v1::LoginRequest* request,
                     v1::LoginResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.logins.push_back(*request);
    const absl::Status failure = state_.Failure("Login");
    if (!failure.ok()) return ToGrpcStatus(failure);
    *response->mutable_session() = FakeSession(
        request->organization_id(), 1, request->include_dev_key(), request->include_headers());
    response->set_reused(!request->force());
    return grpc::Status::OK;
  }

  grpc::Status Logout(grpc::ServerContext*, const v1::LogoutRequest* request,
                      v1::LogoutResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.logouts.push_back(*request);
    response->set_ended(true);
    return ToGrpcStatus(state_.Failure("Logout"));
  }

  grpc::Status WatchSessions(grpc::ServerContext* context, const v1::WatchSessionsRequest* request,
                             grpc::ServerWriter<v1::WatchSessionsResponse>* writer) override {
    std::vector<int> seen(static_cast<std::size_t>(request->organizations_size()), -1);
    bool complete = false;
    {
      const MutexLock lock(state_.mutex);
      state_.watches.push_back(*request);
      const absl::Status failure = state_.Failure("WatchSessions");
      if (!failure.ok()) return ToGrpcStatus(failure);
    }
    while (!context->IsCancelled()) {
      std::vector<v1::WatchSessionsResponse> news;
      absl::Status end;
      int changes = 0;
      {
        const MutexLock lock(state_.mutex);
        changes = state_.watch_changes;
        if (!state_.watches_silent) {
          news = News(*request, seen);
          if (!complete) news.emplace_back().mutable_complete();
          complete = true;
          end = state_.Failure("WatchEnd");
        }
      }
      for (const v1::WatchSessionsResponse& one : news) writer->Write(one);
      if (!end.ok()) return ToGrpcStatus(end);
      AwaitChange(changes);
    }
    return grpc::Status::CANCELLED;
  }

  grpc::Status ListSessions(grpc::ServerContext*, const v1::ListSessionsRequest* request,
                            v1::ListSessionsResponse* response) override {
    const MutexLock lock(state_.mutex);
    Page(state_.entries, request->page_token(), response,
         [&](const v1::SessionEntry& entry) { *response->add_sessions() = entry; });
    return ToGrpcStatus(state_.Failure("ListSessions"));
  }

  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*,
                         v1::GetStatusResponse* response) override {
    const MutexLock lock(state_.mutex);
    *response = state_.status;
    return ToGrpcStatus(state_.Failure("GetStatus"));
  }

 private:
  // Returns the states since `seen`, which holds the number of states of each organization.
  std::vector<v1::WatchSessionsResponse> News(const v1::WatchSessionsRequest& request,
                                              std::vector<int>& seen) {
    std::vector<v1::WatchSessionsResponse> news;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const v1::WatchedOrganization& watched = request.organizations(static_cast<int>(i));
      const std::string& id = watched.organization_id();
      const std::uint64_t generation = std::max<std::uint64_t>(state_.generations[id], 1);
      const auto& [times, state] =
          state_.told.try_emplace(id, 0, FakeSession(id, generation, true, true)).first->second;
      if (seen[i] == times) continue;
      seen[i] = times;
      v1::SessionUpdate& update = *news.emplace_back().mutable_update();
      update.set_organization_id(id);
      update.set_credential(watched.credential());
      if (!state.ok()) {
        *update.mutable_error() = ToErrorStatus(state.status());
        continue;
      }
      *update.mutable_session() = *state;
      if (!request.include_dev_key()) update.mutable_session()->clear_dev_key();
      if (!request.include_headers()) update.mutable_session()->clear_headers();
    }
    return news;
  }

  // Blocks until there are more than `changes`. Returns after 20 ms at the latest, because a
  // synchronous handler is not notified when its call is cancelled.
  void AwaitChange(int changes) {
    std::unique_lock lock(state_.mutex.native());
    state_.watch_changed.wait_for(lock, std::chrono::milliseconds(20),
                                  [&] { return state_.watch_changes != changes; });
  }

  State& state_;
};

struct FakeBroker::Server {
  explicit Server(State& state) : sessions(state), credentials(state), mfa(state), audit(state) {}

  Sessions sessions;
  Credentials credentials;
  Mfa mfa;
  Audit audit;
  std::unique_ptr<grpc::Server> grpc;
};

FakeBroker::FakeBroker(const std::string& path)
    : state_(std::make_unique<State>()), server_(std::make_unique<Server>(*state_)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
  builder.RegisterService(&server_->sessions);
  builder.RegisterService(&server_->credentials);
  builder.RegisterService(&server_->mfa);
  builder.RegisterService(&server_->audit);
  server_->grpc = builder.BuildAndStart();
  if (server_->grpc == nullptr) std::abort();
}

FakeBroker::~FakeBroker() { server_->grpc->Shutdown(std::chrono::system_clock::now()); }

void FakeBroker::FailNext(const std::string& method, const absl::Status& status) {
  const MutexLock lock(state_->mutex);
  state_->failures[method].push_back(status);
  state_->NotifyWatches();
}

std::vector<v1::GetSessionRequest> FakeBroker::get_session_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->gets;
}

void FakeBroker::Tell(const std::string& organization_id,
                      const absl::StatusOr<v1::Session>& state) {
  const MutexLock lock(state_->mutex);
  const auto [told, added] = state_->told.try_emplace(organization_id, 0, state);
  if (!added) told->second = {told->second.first + 1, state};
  state_->NotifyWatches();
}

void FakeBroker::set_watches_silent(bool silent) {
  const MutexLock lock(state_->mutex);
  state_->watches_silent = silent;
  state_->NotifyWatches();
}

std::vector<v1::WatchSessionsRequest> FakeBroker::watch_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->watches;
}

void FakeBroker::AddProgress(int live, int current, int watchers, int told) {
  const MutexLock lock(state_->mutex);
  v1::GetRotationProgressResponse& progress = state_->progress.emplace_back();
  progress.set_version(4);
  progress.set_live_session_count(live);
  progress.set_current_session_count(current);
  progress.set_watcher_count(watchers);
  progress.set_updated_watcher_count(told);
}

std::vector<v1::StartChallengeRequest> FakeBroker::challenge_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->challenges;
}

std::vector<v1::CompleteChallengeRequest> FakeBroker::code_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->codes;
}

std::vector<v1::LoginRequest> FakeBroker::login_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->logins;
}

std::vector<v1::LogoutRequest> FakeBroker::logout_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->logouts;
}

std::vector<v1::CreateCredentialRequest> FakeBroker::create_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->creates;
}

std::vector<v1::AttachOrganizationsRequest> FakeBroker::attach_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->attaches;
}

std::vector<v1::RotateCredentialRequest> FakeBroker::rotate_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->rotates;
}

std::vector<v1::DetachOrganizationsRequest> FakeBroker::detach_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->detaches;
}

std::vector<FakeBroker::Change> FakeBroker::changes() const {
  const MutexLock lock(state_->mutex);
  return state_->changes;
}

void FakeBroker::AddPendingRotation(const std::string& credential) {
  const MutexLock lock(state_->mutex);
  state_->credentials[credential].mutable_pending_rotation()->set_rotation_id("rotation-1");
}

std::vector<std::string> FakeBroker::credential_names() const {
  const MutexLock lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, credential] : state_->credentials) names.push_back(name);
  return names;
}

void FakeBroker::AddCredential(const std::string& name,
                               const std::vector<std::string>& organizations) {
  const MutexLock lock(state_->mutex);
  v1::Credential& credential = state_->credentials[name];
  credential.Clear();
  credential.set_name(name);
  credential.set_uid("ffeeddccbbaa99887766554433221100");
  credential.set_version(3);
  credential.set_environment("sandbox");
  credential.set_kind(v1::CREDENTIAL_KIND_USER);
  credential.set_username("ada@acme.test");
  for (const std::string& id : organizations) {
    credential.add_organizations()->set_organization_id(id);
  }
  credential.set_organization_count(credential.organizations_size());
  credential.mutable_create_time()->set_seconds(kNowSeconds - 86400);
  credential.mutable_update_time()->set_seconds(kNowSeconds);
}

void FakeBroker::set_discovered(const std::map<std::string, std::string>& organizations) {
  const MutexLock lock(state_->mutex);
  state_->discovered = organizations;
}

std::vector<v1::DiscoverOrganizationsRequest> FakeBroker::discover_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->discovers;
}

void FakeBroker::AddSessionEntry(v1::SessionEntry entry) {
  const MutexLock lock(state_->mutex);
  state_->entries.push_back(std::move(entry));
}

void FakeBroker::set_status(v1::GetStatusResponse status) {
  const MutexLock lock(state_->mutex);
  state_->status = std::move(status);
}

void FakeBroker::set_sessions_live(bool live) {
  const MutexLock lock(state_->mutex);
  state_->sessions_live = live;
}

void FakeBroker::set_audit_report(v1::VerifyAuditResponse report) {
  const MutexLock lock(state_->mutex);
  state_->audit_report = std::move(report);
}

std::vector<std::pair<std::string, std::string>> FakeBroker::audited() const {
  const MutexLock lock(state_->mutex);
  return state_->audited;
}

void FakeBroker::set_adoption(v1::AdoptKeyringResponse adoption) {
  const MutexLock lock(state_->mutex);
  state_->adoption = std::move(adoption);
}

std::vector<v1::AdoptKeyringRequest> FakeBroker::adopt_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->adopts;
}

}  // namespace billbroker

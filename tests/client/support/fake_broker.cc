#include "tests/client/support/fake_broker.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "billbroker/v1/credential.grpc.pb.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr int kPageSize = 2;
constexpr std::int64_t kNowSeconds = 1'800'000'000;  // where ManualClock stands

absl::Status UnknownCredential(const std::string& name) {
  return MakeError(Reason::kUnknownCredential,
                   absl::StrCat("credential \"", name, "\" does not exist"));
}

v1::Session MakeSession(const std::string& organization_id, std::uint64_t generation,
                        bool include_dev_key) {
  v1::Session session;
  session.set_session_id(kSessionIdSecret);
  if (include_dev_key) session.set_dev_key(kDevKeySecret);
  session.set_dev_key_id("0123456789abcdef");
  session.set_organization_id(organization_id);
  session.set_credential("acme");
  session.set_user_id("00601");
  session.set_base_url("https://bill.test/connect");
  session.set_generation(generation);
  session.mutable_sign_in_time()->set_seconds(kNowSeconds - 60);
  session.mutable_verified_time()->set_seconds(kNowSeconds);
  session.mutable_expire_time()->set_seconds(kNowSeconds + 2040);
  session.mutable_remaining()->set_seconds(2040);
  return session;
}

// Copies the page of `all` that `token` names, and says where the next begins.
template <typename T, typename Response, typename Add>
void Page(const std::vector<T>& all, const std::string& token, Response* response, const Add& add) {
  std::size_t at = 0;
  if (!token.empty() && !absl::SimpleAtoi(token, &at)) std::abort();
  const std::size_t end = std::min(all.size(), at + kPageSize);
  for (; at < end; ++at) add(all[at]);
  if (end < all.size()) response->set_next_page_token(absl::StrCat(end));
}

}  // namespace

struct FakeBroker::State {
  mutable Mutex mutex;
  std::map<std::string, std::deque<absl::Status>> failures;
  std::map<std::string, std::uint64_t> generations;
  std::map<std::string, v1::Credential> credentials;
  std::vector<v1::SessionEntry> entries;
  v1::GetStatusResponse status;
  bool sessions_live = false;
  std::vector<v1::GetSessionRequest> gets;
  std::vector<v1::LoginRequest> logins;
  std::vector<v1::LogoutRequest> logouts;
  std::vector<v1::CreateCredentialRequest> creates;
  std::vector<v1::AttachOrganizationsRequest> attaches;
  std::vector<v1::DetachOrganizationsRequest> detaches;

  absl::Status Failure(const std::string& method) {
    std::deque<absl::Status>& queued = failures[method];
    if (queued.empty()) return absl::OkStatus();
    absl::Status next = queued.front();
    queued.pop_front();
    return next;
  }

  absl::Status CheckVersion(const std::string& name, const std::string& uid,
                            std::uint64_t version) const {
    const auto found = credentials.find(name);
    if (found == credentials.end()) return UnknownCredential(name);
    if (found->second.uid() == uid && found->second.version() == version) return absl::OkStatus();
    return MakeError(Reason::kVersionConflict, "the credential was changed meanwhile");
  }
};

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
        MakeSession(request->organization_id(), generation, request->include_dev_key());
    return grpc::Status::OK;
  }

  grpc::Status Login(grpc::ServerContext*, const v1::LoginRequest* request,
                     v1::LoginResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.logins.push_back(*request);
    const absl::Status failure = state_.Failure("Login");
    if (!failure.ok()) return ToGrpcStatus(failure);
    *response->mutable_session() =
        MakeSession(request->organization_id(), 1, request->include_dev_key());
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
  State& state_;
};

class FakeBroker::Credentials final : public v1::CredentialService::Service {
 public:
  explicit Credentials(State& state) : state_(state) {}

  grpc::Status CreateCredential(grpc::ServerContext*, const v1::CreateCredentialRequest* request,
                                v1::CreateCredentialResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.creates.push_back(*request);
    const absl::Status failure = state_.Failure("CreateCredential");
    if (!failure.ok()) return ToGrpcStatus(failure);
    v1::Credential& credential = *response->mutable_credential();
    credential.set_name(request->name());
    credential.set_uid("00112233445566778899aabbccddeeff");
    credential.set_version(1);
    credential.set_environment(request->environment());
    credential.set_kind(request->kind());
    credential.set_username(request->username());
    credential.set_sync_token(request->sync_token());
    credential.set_device(request->device());
    credential.mutable_create_time()->set_seconds(kNowSeconds);
    credential.mutable_update_time()->set_seconds(kNowSeconds);
    if (!request->dev_key().empty()) {
      v1::SecretFingerprint& secret = *credential.add_secrets();
      secret.set_field("dev_key");
      secret.set_fingerprint("0123456789abcdef");
    }
    for (const v1::OrganizationSpec& spec : request->organizations()) {
      credential.add_organizations()->set_organization_id(spec.organization_id());
    }
    credential.set_organization_count(request->organizations_size());
    state_.credentials[request->name()] = credential;
    return grpc::Status::OK;
  }

  grpc::Status GetCredential(grpc::ServerContext*, const v1::GetCredentialRequest* request,
                             v1::GetCredentialResponse* response) override {
    const MutexLock lock(state_.mutex);
    const auto found = state_.credentials.find(request->name());
    if (found == state_.credentials.end()) return ToGrpcStatus(UnknownCredential(request->name()));
    *response->mutable_credential() = found->second;
    return ToGrpcStatus(state_.Failure("GetCredential"));
  }

  grpc::Status ListCredentials(grpc::ServerContext*, const v1::ListCredentialsRequest* request,
                               v1::ListCredentialsResponse* response) override {
    const MutexLock lock(state_.mutex);
    std::vector<v1::Credential> all;
    for (const auto& [name, credential] : state_.credentials) all.push_back(credential);
    Page(all, request->page_token(), response, [&](v1::Credential credential) {
      credential.clear_organizations();
      *response->add_credentials() = credential;
    });
    return ToGrpcStatus(state_.Failure("ListCredentials"));
  }

  grpc::Status DeleteCredential(grpc::ServerContext*, const v1::DeleteCredentialRequest* request,
                                v1::DeleteCredentialResponse*) override {
    const MutexLock lock(state_.mutex);
    const absl::Status current =
        state_.CheckVersion(request->name(), request->uid(), request->version());
    if (!current.ok()) return ToGrpcStatus(current);
    if (state_.sessions_live && !request->force()) {
      return ToGrpcStatus(MakeError(Reason::kSessionsLive, "the credential has live sessions"));
    }
    state_.credentials.erase(request->name());
    return grpc::Status::OK;
  }

  grpc::Status AttachOrganizations(grpc::ServerContext*,
                                   const v1::AttachOrganizationsRequest* request,
                                   v1::AttachOrganizationsResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.attaches.push_back(*request);
    const absl::Status current =
        state_.CheckVersion(request->name(), request->uid(), request->version());
    if (!current.ok()) return ToGrpcStatus(current);
    v1::Credential& credential = state_.credentials[request->name()];
    for (const v1::OrganizationSpec& spec : request->organizations()) {
      v1::Organization& organization = *credential.add_organizations();
      organization.set_organization_id(spec.organization_id());
      if (!spec.dev_key().empty()) organization.set_dev_key_id("fedcba9876543210");
    }
    return Changed(credential, *response->mutable_credential());
  }

  grpc::Status DetachOrganizations(grpc::ServerContext*,
                                   const v1::DetachOrganizationsRequest* request,
                                   v1::DetachOrganizationsResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.detaches.push_back(*request);
    const absl::Status current =
        state_.CheckVersion(request->name(), request->uid(), request->version());
    if (!current.ok()) return ToGrpcStatus(current);
    v1::Credential& credential = state_.credentials[request->name()];
    auto& all = *credential.mutable_organizations();
    for (const std::string& id : request->organization_ids()) {
      all.erase(
          std::remove_if(all.begin(), all.end(),
                         [&](const v1::Organization& one) { return one.organization_id() == id; }),
          all.end());
    }
    return Changed(credential, *response->mutable_credential());
  }

 private:
  static grpc::Status Changed(v1::Credential& credential, v1::Credential& answer) {
    credential.set_version(credential.version() + 1);
    credential.set_organization_count(credential.organizations_size());
    answer = credential;
    return grpc::Status::OK;
  }

  State& state_;
};

struct FakeBroker::Server {
  explicit Server(State& state) : sessions(state), credentials(state) {}

  Sessions sessions;
  Credentials credentials;
  std::unique_ptr<grpc::Server> grpc;
};

FakeBroker::FakeBroker(const std::string& path)
    : state_(std::make_unique<State>()), server_(std::make_unique<Server>(*state_)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
  builder.RegisterService(&server_->sessions);
  builder.RegisterService(&server_->credentials);
  server_->grpc = builder.BuildAndStart();
  if (server_->grpc == nullptr) std::abort();
}

FakeBroker::~FakeBroker() { server_->grpc->Shutdown(std::chrono::system_clock::now()); }

void FakeBroker::FailNext(const std::string& method, const absl::Status& status) {
  const MutexLock lock(state_->mutex);
  state_->failures[method].push_back(status);
}

std::vector<v1::GetSessionRequest> FakeBroker::get_session_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->gets;
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

std::vector<v1::DetachOrganizationsRequest> FakeBroker::detach_requests() const {
  const MutexLock lock(state_->mutex);
  return state_->detaches;
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

}  // namespace billbroker

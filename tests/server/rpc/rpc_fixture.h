// RpcTest: all services over an in-process channel (and a Unix socket), on a TestBroker.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "billbroker/v1/audit.grpc.pb.h"
#include "billbroker/v1/credential.grpc.pb.h"
#include "billbroker/v1/mfa.grpc.pb.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "server/access/caller.h"
#include "server/rpc/audit_service.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/credential_service.h"
#include "server/rpc/mfa_service.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "server/rpc/session_service.h"
#include "server/session/watch_hub.h"
#include "tests/server/rpc/blocking_executor.h"
#include "tests/server/rpc/fake_keyring_adopter.h"
#include "tests/support/fake_audit.h"
#include "tests/support/held_timers.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"
#include "vault/base/executor.h"

namespace billbroker {

class RpcTest : public ::testing::Test {
 protected:
  // The default caller, to which everything is granted.
  static constexpr char kPrincipal[] = "unix:rpc-test-caller";
  // The origin in the audit log.
  static constexpr std::uint32_t kUid = 4711;
  static constexpr std::int64_t kPid = 17;

  static Policy EverythingGranted() {
    Policy policy;
    policy.grants = {{{kPrincipal}, Role::kAdmin, {"*"}, {}}};
    policy.limits = {1e6, 1e6, 1'000'000, 1'000'000, 10'000'000};
    return policy;
  }

  explicit RpcTest(SessionObserver* observer = nullptr, bool session_reads = false)
      : session_reads_(session_reads), broker_(executor_, observer) {
    broker_.sessions.SetWatcher(&hub_);
    grpc::ServerBuilder builder;
    identity_.Bind(callers_.Of(kPrincipal));
    builder.SetContextAllocator(
        std::make_unique<ContextRecorder>(state_.MakeContexts(identity_), newest_call_));
    builder.RegisterService(&session_service_);
    builder.RegisterService(&credential_service_);
    builder.RegisterService(&mfa_service_);
    builder.RegisterService(&audit_service_);
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    const std::shared_ptr<grpc::Channel> channel = server_->InProcessChannel({});
    sessions_ = v1::SessionService::NewStub(channel);
    credentials_ = v1::CredentialService::NewStub(channel);
    mfa_ = v1::MfaService::NewStub(channel);
    audits_ = v1::AuditService::NewStub(channel);
  }

  ~RpcTest() override {
    for (BlockingExecutor* work : {&changes_, &challenges_}) work->Release();
    server_->Shutdown();
    server_->Wait();
    threads_.reset();  // ends all work before the session manager is destroyed
  }

  // A user credential of environment "sandbox" whose secrets are "s3cret-…".
  static v1::CreateCredentialRequest NewUser(const std::string& name,
                                             const std::vector<std::string>& organization_ids) {
    v1::CreateCredentialRequest request;
    request.set_credential(name);
    request.set_environment("sandbox");
    request.set_kind(v1::CREDENTIAL_KIND_USER);
    request.set_username(name + "@acme.example");
    request.set_dev_key("s3cret-dev-key");
    request.set_password("s3cret-password");
    for (const std::string& id : organization_ids) {
      request.add_organizations()->set_organization_id(id);
    }
    return request;
  }

  v1::Credential Create(const v1::CreateCredentialRequest& request) {
    grpc::ClientContext context;
    v1::CreateCredentialResponse response;
    EXPECT_THAT(FromGrpcStatus(credentials_->CreateCredential(&context, request, &response)),
                IsOk());
    return response.credential();
  }

  // Calls `method` of `stub`, stores the response in `response` and returns the status.
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    last_ = (stub.*method)(&context, request, response);
    return FromGrpcStatus(last_);
  }

  absl::StatusOr<v1::Session> GetSession(const v1::GetSessionRequest& request) {
    v1::GetSessionResponse response;
    const absl::Status status =
        Call(*sessions_, &v1::SessionService::Stub::GetSession, request, &response);
    if (!status.ok()) return status;
    return response.session();
  }

  absl::StatusOr<v1::Session> GetSession(const std::string& organization_id) {
    v1::GetSessionRequest request;
    request.set_organization_id(organization_id);
    return GetSession(request);
  }

  static std::string FieldOf(const absl::Status& status) {
    const absl::optional<ErrorDetails> details = DetailsOf(status);
    if (!details.has_value() || details->reason != Reason::kMalformedRequest) return "";
    return details->metadata.at("field");
  }

  const bool session_reads_;  // are recorded
  TempFolder folder_;
  const std::string address_ =
      "unix:" + folder_.File("rpc.sock");  // for tests that permission a connection
  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  HeldTimers executor_{*threads_};
  ThreadExecutor news_{1};
  WatchHub hub_{news_};
  TestBroker broker_;
  ThreadExecutor changes_thread_{1};
  BlockingExecutor changes_{changes_thread_};
  ServingState state_{
      "1.2.3", absl::FromUnixSeconds(1'800'000'000), {{"sandbox", "https://sandbox.test/connect"}}};
  Callers callers_{EverythingGranted()};
  std::atomic<int> origins_asked_ = 0;
  Identity identity_{{kUid, kPid, ""}, [this](absl::string_view) {
                       ++origins_asked_;
                       return absl::nullopt;
                     }};
  FakeAudit audit_;
  const Recorder recorder_{audit_, broker_.clock, broker_.random, session_reads_};
  const Authorizer authorizer_{state_, broker_.credentials, broker_.clock, recorder_};
  SessionServiceImpl session_service_{{broker_.clock, broker_.random, broker_.vault_health,
                                       broker_.credentials, broker_.remember_me_refusals, state_,
                                       authorizer_, broker_.sessions, hub_, broker_.store, audit_,
                                       "/var/lib/billbroker/audit.jsonl", session_reads_}};
  FakeKeyringAdopter adopter_;
  ChangeQueue change_queue_{changes_, 1};
  CredentialServiceImpl credential_service_{{broker_.credentials,
                                             broker_.remember_me_refusals,
                                             authorizer_,
                                             broker_.manager,
                                             {authorizer_, state_, change_queue_},
                                             broker_.discovery,
                                             broker_.sessions,
                                             hub_,
                                             adopter_}};
  ThreadExecutor challenges_thread_{1};
  BlockingExecutor challenges_{challenges_thread_};
  ChangeQueue challenge_queue_{challenges_, 1};
  MfaServiceImpl mfa_service_{{authorizer_,
                               broker_.mfa,
                               broker_.remember_me_refusals,
                               {authorizer_, state_, challenge_queue_}}};
  AuditServiceImpl audit_service_{authorizer_, audit_};
  ContextRecorder::Newest newest_call_ = nullptr;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::SessionService::Stub> sessions_;
  std::unique_ptr<v1::CredentialService::Stub> credentials_;
  std::unique_ptr<v1::MfaService::Stub> mfa_;
  std::unique_ptr<v1::AuditService::Stub> audits_;
  grpc::Status last_;  // of the last Call()
};

}  // namespace billbroker

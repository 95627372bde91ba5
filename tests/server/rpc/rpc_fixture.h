// RpcTest: all services over an in-process channel (and a Unix socket), on a TestBroker.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "billbroker/v1/credential.grpc.pb.h"
#include "billbroker/v1/mfa.grpc.pb.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "server/rpc/credential_service.h"
#include "server/rpc/mfa_service.h"
#include "server/rpc/serving_state.h"
#include "server/rpc/session_service.h"
#include "server/session/watch_hub.h"
#include "tests/support/held_timers.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"
#include "vault/base/executor.h"

namespace billbroker {

class RpcTest : public ::testing::Test {
 protected:
  explicit RpcTest(EngineObserver* observer = nullptr) : broker_(executor_, observer) {
    broker_.engine.SetWatcher(&hub_);
    grpc::ServerBuilder builder;
    builder.SetContextAllocator(state_.MakeContexts());
    builder.RegisterService(&session_service_);
    builder.RegisterService(&credential_service_);
    builder.RegisterService(&mfa_service_);
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    const std::shared_ptr<grpc::Channel> channel = server_->InProcessChannel({});
    sessions_ = v1::SessionService::NewStub(channel);
    credentials_ = v1::CredentialService::NewStub(channel);
    mfa_ = v1::MfaService::NewStub(channel);
  }

  ~RpcTest() override {
    server_->Shutdown();
    server_->Wait();
    threads_.reset();  // ends the engine's work before the engine goes
  }

  // A user credential of environment "sandbox" whose secrets are "s3cret-…".
  static v1::CreateCredentialRequest NewUser(const std::string& name,
                                             const std::vector<std::string>& organization_ids) {
    v1::CreateCredentialRequest request;
    request.set_name(name);
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
    const grpc::Status status = credentials_->CreateCredential(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.credential();
  }

  // What a call of `stub`'s `method` answers; the response is in `response`.
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

  TempFolder folder_;
  const std::string address_ = "unix:" + folder_.File("rpc.sock");  // for what needs a connection
  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  HeldTimers executor_{*threads_};
  ThreadExecutor news_{1};
  WatchHub hub_{news_};
  TestBroker broker_;
  ThreadExecutor changes_{1};
  ServingState state_{
      "1.2.3", absl::FromUnixSeconds(1'800'000'000), {{"sandbox", "https://sandbox.test/connect"}}};
  SessionServiceImpl session_service_{
      {broker_.clock, broker_.directory, state_, broker_.engine, hub_, broker_.store}};
  CredentialServiceImpl credential_service_{{broker_.directory, state_, broker_.manager, changes_,
                                             broker_.discovery, broker_.engine, hub_}};
  ThreadExecutor challenges_{1};
  MfaServiceImpl mfa_service_{{state_, broker_.mfa, challenges_}};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::SessionService::Stub> sessions_;
  std::unique_ptr<v1::CredentialService::Stub> credentials_;
  std::unique_ptr<v1::MfaService::Stub> mfa_;
  grpc::Status last_;  // of the last Call()
};

}  // namespace billbroker

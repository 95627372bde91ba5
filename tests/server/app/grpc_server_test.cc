#include "server/app/grpc_server.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <future>
#include <memory>
#include <string>
#include <thread>

#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "server/rpc/serving_state.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kHealthName[] = "billbroker.v1.SessionService";

// Answers GetStatus when the test releases it.
class SlowService final : public v1::SessionService::CallbackService {
 public:
  explicit SlowService(ServingState& state) : state_(state) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest*,
                                      v1::GetStatusResponse* response) override {
    response->set_version("slow");
    EXPECT_THAT(state_.Enter(*context, absl::ZeroDuration()), IsOk());
    EXPECT_THAT(state_.Admit(*context), IsOk());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor_.set_value(reactor);
    return reactor;
  }
  std::promise<grpc::ServerUnaryReactor*> reactor_;

 private:
  ServingState& state_;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  GrpcServerTest() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    identity_.Bind(std::make_shared<Caller>("unix:grpc-server-test", Grants(), CallerLimits()));
    server_ = *GrpcServer::Start({.services = {&service_},
                                  .health_names = {kHealthName},
                                  .max_connection_age = absl::Minutes(30),
                                  .contexts = state_.MakeContexts(identity_)});
    server_->AddConnection(ends[0]);
    channel_ = grpc::CreateInsecureChannelFromFd("test", ends[1]);
  }
  ~GrpcServerTest() override { server_->Shutdown(absl::InfinitePast()); }

  grpc::Status Ask(const std::string& method, const grpc::ByteBuffer& request,
                   grpc::ByteBuffer& answer) {
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(channel_);
    const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(&answer, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }

  // Returns the raw bytes of HealthCheckResponse for `name`, or the error's code. Debian ships no
  // client for the health service: `service` is field 1 and `status` field 1, both written by hand.
  std::string Health(const std::string& name) {
    std::string request;
    if (!name.empty()) request = "\x0a" + std::string(1, static_cast<char>(name.size())) + name;
    const grpc::Slice slice(request);
    grpc::ByteBuffer answer;
    const grpc::Status status = Ask(kHealthCheck, grpc::ByteBuffer(&slice, 1), answer);
    if (!status.ok()) return "error " + std::to_string(status.error_code());
    grpc::Slice bytes;
    if (!answer.DumpToSingleSlice(&bytes).ok()) return "no bytes";
    return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
  }

  static std::string Serving() { return "\x08\x01"; }
  static std::string NotServing() { return "\x08\x02"; }

  TempFolder folder_;
  ServingState state_{"1.0", absl::UnixEpoch(), {}};
  SlowService service_{state_};
  Identity identity_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(GrpcServerTest, HealthIsNotServingUntilSet) {
  EXPECT_EQ(Health(""), NotServing());
  EXPECT_EQ(Health(kHealthName), NotServing());
  server_->SetServing("", true);
  server_->SetServing(kHealthName, true);
  EXPECT_EQ(Health(""), Serving());
  EXPECT_EQ(Health(kHealthName), Serving());
  server_->SetServing(kHealthName, false);
  EXPECT_EQ(Health(kHealthName), NotServing());
  EXPECT_EQ(Health("no.such.Service"), "error 5");
}

TEST_F(GrpcServerTest, AnswersAcceptedCallWhileDraining) {
  grpc::Status status;
  v1::GetStatusResponse response;
  std::future<grpc::ServerUnaryReactor*> accepted = service_.reactor_.get_future();
  std::jthread caller([this, &status, &response] {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Minutes(2)));
    status = v1::SessionService::NewStub(channel_)->GetStatus(&context, {}, &response);
  });
  ASSERT_TRUE(AwaitReady(accepted, "the call to be accepted"));
  std::thread drain([this] {
    state_.StartDraining();
    state_.AwaitCalls(absl::InfiniteFuture());
    server_->Shutdown(absl::InfiniteFuture());
  });
  accepted.get()->Finish(grpc::Status::OK);
  drain.join();
  caller.join();
  EXPECT_THAT(FromGrpcStatus(status), IsOk());
  EXPECT_EQ(response.version(), "slow");
}

TEST_F(GrpcServerTest, UnknownMethodIsUnimplemented) {
  for (int i = 0; i < 3; ++i) {
    grpc::ByteBuffer answer;
    const grpc::Status status = Ask("/no.such.Service/Call", grpc::ByteBuffer(nullptr, 0), answer);
    EXPECT_THAT(FromGrpcStatus(status), StatusIs(absl::StatusCode::kUnimplemented));
  }
  EXPECT_EQ(Health(""), NotServing());
}

TEST_F(GrpcServerTest, UnknownStreamIsUnimplemented) {
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel_);
  const auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(this);
  queue.Next(&tag, &ok);
  grpc::Status status;
  call->Finish(&status, this);
  queue.Next(&tag, &ok);
  EXPECT_THAT(FromGrpcStatus(status), StatusIs(absl::StatusCode::kUnimplemented));
}

TEST_F(GrpcServerTest, RejectsTooLargeMessage) {
  grpc::ClientContext context;
  v1::LoginRequest request;
  request.set_organization_id(std::string((4 << 20) + 1, 'x'));
  v1::LoginResponse response;
  const grpc::Status status =
      v1::SessionService::NewStub(channel_)->Login(&context, request, &response);
  EXPECT_THAT(FromGrpcStatus(status), StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace billbroker

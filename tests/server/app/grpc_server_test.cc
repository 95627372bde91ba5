#include "server/app/grpc_server.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>

#include "billbroker/v1/session.grpc.pb.h"
#include "server/app/unix_socket.h"
#include "server/rpc/serving_state.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kHealthName[] = "billbroker.v1.SessionService";

// Answers GetStatus when the test says so.
class SlowService final : public v1::SessionService::CallbackService {
 public:
  explicit SlowService(ServingState& state) : state_(state) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest*,
                                      v1::GetStatusResponse* response) override {
    response->set_version("slow");
    EXPECT_TRUE(state_.Admit(*context).ok());
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
    ListenerConfig config;
    config.socket = folder_.File("broker.sock");
    socket_ = *UnixSocket::Claim(config);
    server_ = *GrpcServer::Start({.socket = socket_->private_path(),
                                  .services = {&service_},
                                  .health_names = {kHealthName},
                                  .max_connection_age = absl::Minutes(30),
                                  .contexts = state_.MakeContexts()});
    EXPECT_TRUE(socket_->Publish().ok());
    channel_ = grpc::CreateChannel("unix:" + config.socket, grpc::InsecureChannelCredentials());
  }
  ~GrpcServerTest() override { server_->Shutdown(absl::InfinitePast()); }

  // The raw bytes of HealthCheckResponse for `name`, or the error's code. Debian ships no client
  // for the health service: `service` is field 1 and `status` field 1, both written by hand.
  std::string Health(const std::string& name) {
    std::string request;
    if (!name.empty()) request = "\x0a" + std::string(1, static_cast<char>(name.size())) + name;
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(channel_);
    const grpc::Slice slice(request);
    grpc::ByteBuffer sent(&slice, 1);
    const auto call = stub.PrepareUnaryCall(&context, kHealthCheck, sent, &queue);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
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
  std::unique_ptr<UnixSocket> socket_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(GrpcServerTest, HealthSaysNotServingUntilItIsToldOtherwise) {
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

TEST_F(GrpcServerTest, ACallThatWasAcceptedIsAnsweredWhileTheServerDrains) {
  grpc::Status status;
  v1::GetStatusResponse response;
  std::thread caller([this, &status, &response] {
    grpc::ClientContext context;
    status = v1::SessionService::NewStub(channel_)->GetStatus(&context, {}, &response);
  });
  grpc::ServerUnaryReactor* reactor = service_.reactor_.get_future().get();
  std::thread drain([this] {
    state_.StartDraining();
    state_.AwaitCalls(absl::InfiniteFuture());
    server_->Shutdown(absl::InfiniteFuture());
  });
  reactor->Finish(grpc::Status::OK);
  drain.join();
  caller.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.version(), "slow");
}

TEST_F(GrpcServerTest, ReflectionIsThere) {
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel_);
  const auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(this);
  queue.Next(&tag, &ok);
  call->WritesDone(this);
  queue.Next(&tag, &ok);
  grpc::Status status;
  call->Finish(&status, this);
  queue.Next(&tag, &ok);
  EXPECT_TRUE(status.ok()) << status.error_code() << " " << status.error_message();
}

}  // namespace
}  // namespace billbroker

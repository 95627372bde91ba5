#include "server/app/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/support/server_interceptor.h>

#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace billbroker {
namespace {

constexpr int kMaxMessageBytes = 4 << 20;
constexpr absl::Duration kMaxConnectionIdle = absl::Seconds(60);
// Longer than a caller waits for a sign-in.
constexpr absl::Duration kConnectionAgeGrace = absl::Minutes(1);
constexpr absl::Duration kLeastPingInterval = absl::Seconds(20);
constexpr absl::Duration kFarewell = absl::Seconds(1);  // for clients to read the last answers

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

// Counts the calls under way, from their arrival until gRPC has sent their answers and lets go of
// them. Health and reflection do not count: a client may watch health for ever. Nor does what comes
// once the drain began, which no one has promised to answer.
class GrpcServer::Calls final {
 public:
  // What gRPC keeps with each call and destroys with it.
  class Call final : public grpc::experimental::Interceptor {
   public:
    explicit Call(std::shared_ptr<Calls> calls) : calls_(std::move(calls)) {}
    ~Call() override { calls_->End(); }
    void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
      methods->Proceed();
    }

   private:
    const std::shared_ptr<Calls> calls_;
  };

  class Counter final : public grpc::experimental::ServerInterceptorFactoryInterface {
   public:
    explicit Counter(std::shared_ptr<Calls> calls) : calls_(std::move(calls)) {}
    grpc::experimental::Interceptor* CreateServerInterceptor(
        grpc::experimental::ServerRpcInfo* info) override {
      if (absl::StartsWith(info->method(), "/grpc.") || !calls_->Begin()) return nullptr;
      return new Call(calls_);
    }

   private:
    const std::shared_ptr<Calls> calls_;
  };

  void AwaitEnd(absl::Time deadline) {
    const absl::MutexLock lock(&mutex_);
    draining_ = true;
    const auto none = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return count_ == 0; };
    mutex_.AwaitWithDeadline(absl::Condition(&none), deadline);
  }

 private:
  [[nodiscard]] bool Begin() {
    const absl::MutexLock lock(&mutex_);
    if (!draining_) ++count_;
    return !draining_;
  }

  void End() {
    const absl::MutexLock lock(&mutex_);
    --count_;
  }

  absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const std::string& socket, const std::vector<grpc::Service*>& services,
    const std::vector<std::string>& health_names, absl::Duration max_connection_age) {
  // Both have to be there before the builder is.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(kMaxConnectionIdle));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             Milliseconds(kConnectionAgeGrace));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(kLeastPingInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddListeningPort(absl::StrCat("unix:", socket), grpc::InsecureServerCredentials());
  for (grpc::Service* service : services) builder.RegisterService(service);
  const auto calls = std::make_shared<Calls>();
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> counters;
  counters.push_back(std::make_unique<Calls::Counter>(calls));
  builder.experimental().SetInterceptorCreators(std::move(counters));
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("gRPC cannot listen at ", socket,
                                                      "; its own message on standard error says "
                                                      "why"));
  }
  grpc::HealthCheckServiceInterface& health = *server->GetHealthCheckService();
  health.SetServingStatus(false);
  for (const std::string& name : health_names) health.SetServingStatus(name, false);
  return std::unique_ptr<GrpcServer>(new GrpcServer(calls, std::move(server)));
}

GrpcServer::GrpcServer(std::shared_ptr<Calls> calls, std::unique_ptr<grpc::Server> server)
    : calls_(std::move(calls)), server_(std::move(server)) {}

GrpcServer::~GrpcServer() = default;

void GrpcServer::SetServing(const std::string& health_name, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(health_name, serving);
}

void GrpcServer::Drain(absl::Time deadline) {
  server_->GetHealthCheckService()->Shutdown();
  // Shutdown() during a call would close its connection in the moment that the last answer is
  // written. A client that happens to write then (gRPC pings when data comes) gets "Broken pipe",
  // and throws away the answers that it has not read yet. After the last answer it is safe: gRPC
  // closes once the client has acknowledged a ping that came behind all answers. A client that is
  // idle may take five seconds and more for that, and misses nothing.
  calls_->AwaitEnd(deadline);
  server_->Shutdown(absl::ToChronoTime(std::min(deadline, absl::Now() + kFarewell)));
}

}  // namespace billbroker

#include "server/app/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
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

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(Options options) {
  // Both have to be there before the builder is.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(kMaxConnectionIdle));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             Milliseconds(options.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             Milliseconds(kConnectionAgeGrace));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(kLeastPingInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddListeningPort(absl::StrCat("unix:", options.socket),
                           grpc::InsecureServerCredentials());
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  builder.SetContextAllocator(std::move(options.contexts));
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("gRPC cannot listen at ", options.socket,
                                                      "; its own message on standard error says "
                                                      "why"));
  }
  grpc::HealthCheckServiceInterface& health = *server->GetHealthCheckService();
  health.SetServingStatus(false);
  for (const std::string& name : options.health_names) health.SetServingStatus(name, false);
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(server)));
}

GrpcServer::GrpcServer(std::unique_ptr<grpc::Server> server) : server_(std::move(server)) {}

void GrpcServer::SetServing(const std::string& health_name, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(health_name, serving);
}

void GrpcServer::StopServing() { server_->GetHealthCheckService()->Shutdown(); }

void GrpcServer::Shutdown(absl::Time deadline) {
  server_->Shutdown(absl::ToChronoTime(std::min(deadline, absl::Now() + kFarewell)));
}

}  // namespace billbroker

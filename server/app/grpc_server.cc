#include "server/app/grpc_server.h"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_posix.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace billbroker {
namespace {

constexpr int kMaxAnswerBytes = 4 << 20;
// gRPC's clients send keepalive pings every 10 s at most often; the network may bring two of them
// closer together.
constexpr absl::Duration kLeastPingInterval = absl::Seconds(5);
constexpr absl::Duration kHandshakeTimeout = absl::Seconds(10);
constexpr absl::Duration kFarewell = absl::Seconds(1);  // for clients to read the last answers

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

absl::Duration GrpcServer::GraceOf(absl::Duration max_connection_age) {
  // Longer than a unary call may wait (kLongestPatience).
  constexpr absl::Duration kLongestCall = absl::Minutes(6);
  return max_connection_age + kLongestCall;
}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(Options options) {
  grpc::EnableDefaultHealthCheckService(true);  // must come before the builder is created
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(kMaxAnswerBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             Milliseconds(options.max_connection_idle));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             Milliseconds(options.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             Milliseconds(GraceOf(options.max_connection_age)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(kLeastPingInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  builder.SetContextAllocator(std::move(options.contexts));
  std::unique_ptr<Acceptor> tls;
  if (options.credentials != nullptr) {
    using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                               Milliseconds(kHandshakeTimeout));
    tls = builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, options.credentials);
  }
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::InternalError("gRPC cannot serve; its own message in the log has the cause");
  }
  grpc::HealthCheckServiceInterface& health = *server->GetHealthCheckService();
  health.SetServingStatus(false);
  for (const std::string& name : options.health_names) health.SetServingStatus(name, false);
  return std::unique_ptr<GrpcServer>(
      new GrpcServer(std::move(server), std::move(tls), std::move(options.health_names)));
}

GrpcServer::GrpcServer(std::unique_ptr<grpc::Server> server, std::unique_ptr<Acceptor> tls,
                       std::vector<std::string> health_names)
    : server_(std::move(server)), tls_(std::move(tls)), health_names_(std::move(health_names)) {}

void GrpcServer::AddConnection(int fd) {
  if (tls_ == nullptr) return grpc::AddInsecureChannelFromFd(server_.get(), fd);
  Acceptor::NewConnectionParameters connection;
  connection.fd = fd;
  tls_->HandleNewConnection(&connection);
}

void GrpcServer::SetServing(const std::string& health_name, bool serving) {
  const bool ours = health_name.empty() || std::find(health_names_.begin(), health_names_.end(),
                                                     health_name) != health_names_.end();
  if (ours) server_->GetHealthCheckService()->SetServingStatus(health_name, serving);
}

void GrpcServer::StopServing() { server_->GetHealthCheckService()->Shutdown(); }

void GrpcServer::Shutdown(absl::Time deadline) {
  // gRPC treats a time before 1970 as the end of time.
  server_->Shutdown(
      absl::ToChronoTime(std::clamp(deadline, absl::UnixEpoch(), absl::Now() + kFarewell)));
}

void GrpcServer::Retire(absl::Duration grace) {
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
}

}  // namespace billbroker

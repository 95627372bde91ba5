#include "tests/simulator/https_front.h"

#include <sys/socket.h>

#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/strip.h"
#include "tests/simulator/elastic_threads.h"
#include "tests/simulator/errors.h"
#include "tests/simulator/httplib_calls.h"

namespace billbroker::billsim {
namespace {

constexpr std::size_t kMaxConnections = 2048;
constexpr std::size_t kMostCallsOfAConnection = 1'000'000'000;
constexpr time_t kKeepAliveSeconds = 600;
constexpr time_t kReadSeconds = 30;
constexpr std::size_t kMostBodyBytes = 1 << 20;

// Disconnecting a TCP socket with AF_UNSPEC sends a reset at once. httplib keeps the file
// descriptor and closes it after its next read fails.
void Reset(int socket) {
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  (void)connect(socket, &none, sizeof(none));
}

bool Prepare(SSL_CTX& context, const ServerIdentity& identity) {
  return SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_use_certificate(&context, identity.certificate.get()) == 1 &&
         SSL_CTX_use_PrivateKey(&context, identity.key.get()) == 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpsFront>> HttpsFront::Start(Gateway& gateway,
                                                              const ServerIdentity& identity,
                                                              int port) {
  absl::StatusOr<std::unique_ptr<StopSignal>> stop = StopSignal::Create();
  if (!stop.ok()) return stop.status();
  auto front = absl::WrapUnique(new HttpsFront(gateway, *std::move(stop)));
  front->server_ = std::make_unique<httplib::SSLServer>([&](SSL_CTX& context) {
    front->connections_.Watch(context);
    return Prepare(context, identity);
  });
  httplib::SSLServer& server = *front->server_;
  if (!server.is_valid()) return absl::InternalError("openssl refuses the server's certificate");
  server.new_task_queue = [] { return new ElasticThreads(kMaxConnections); };
  server.set_keep_alive_max_count(kMostCallsOfAConnection);
  server.set_keep_alive_timeout(kKeepAliveSeconds);
  server.set_read_timeout(kReadSeconds);
  server.set_payload_max_length(kMostBodyBytes);
  HandleAll(server,
            [front = front.get()](const httplib::Request& request, httplib::Response& response) {
              front->Serve(request, response);
            });
  const absl::StatusOr<int> bound = BindLoopback(server, port);
  if (!bound.ok()) return bound.status();
  front->port_ = *bound;
  front->thread_ = std::thread([&server] { server.listen_after_bind(); });
  if (absl::Status status = AwaitRunning(server); !status.ok()) return status;
  return front;
}

HttpsFront::~HttpsFront() {
  if (!thread_.joinable()) return;
  stop_->Raise();
  server_->stop();
  connections_.ShutDown();
  thread_.join();
}

void HttpsFront::Serve(const httplib::Request& request, httplib::Response& response) {
  absl::string_view path = request.path;
  if (!absl::ConsumePrefix(&path, "/connect")) return SetAnswer(HtmlAnswer(404), response);
  const int socket = SSL_get_fd(request.ssl);
  const Delivery delivery = gateway_.Receive(CallOf(request, path));
  // A call that a stop interrupts is reset, because an empty answer would be wrong.
  if (!stop_->Wait(delivery.latency, socket)) return Reset(socket);
  Deliver(delivery, socket, response);
}

void HttpsFront::Deliver(const Delivery& delivery, int socket, httplib::Response& response) {
  switch (delivery.manner) {
    case Manner::kWhole:
      return SetAnswer(delivery.answer, response);
    case Manner::kReset:
    case Manner::kRefuseStream:
    case Manner::kResetStream:
    case Manner::kGoAwayBefore:
    case Manner::kGoAwayAfter:
    case Manner::kGoAwayInAnswerBefore:
    case Manner::kGoAwayInAnswerAfter:
      return Reset(socket);
    case Manner::kHang:
      (void)stop_->Wait(delivery.pace, socket);
      return Reset(socket);
    case Manner::kDrip:
      SetHead(delivery.answer, response);
      if (delivery.answer.body.empty() || !MayHaveBody("", delivery.answer.status)) return;
      response.set_content_provider(
          delivery.answer.body.size(), delivery.answer.content_type,
          [this, socket, body = delivery.answer.body, pace = delivery.pace](
              std::size_t offset, std::size_t, httplib::DataSink& sink) {
            return stop_->Wait(pace, socket) && sink.write(&body[offset], 1);
          });
      return;
  }
}

}  // namespace billbroker::billsim

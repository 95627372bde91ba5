#include "tests/simulator/http2_front.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace billbroker::billsim {
namespace {

constexpr std::size_t kMostConnections = 2048;
constexpr int kBacklog = 4096;
constexpr int kAcceptPauseMilliseconds = 100;

int SelectHttp2(SSL*, const unsigned char** selected, unsigned char* length,
                const unsigned char* offered, unsigned int offered_length, void*) {
  static constexpr unsigned char kProtocols[] = {2, 'h', '2'};
  // It writes only through the pointer to the pointer.
  const int result = SSL_select_next_proto(const_cast<unsigned char**>(selected), length,
                                           kProtocols, sizeof kProtocols, offered, offered_length);
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool Prepare(SSL_CTX* context, const ServerIdentity& identity) {
  if (context == nullptr) return false;
  SSL_CTX_set_alpn_select_cb(context, &SelectHttp2, nullptr);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_use_certificate(context, identity.certificate.get()) == 1 &&
         SSL_CTX_use_PrivateKey(context, identity.key.get()) == 1;
}

// For this thread: a write to a connection that the client closed must not end the process.
void BlockSigPipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Http2Front>> Http2Front::Start(Gateway& gateway,
                                                              const ServerIdentity& identity,
                                                              const Clock& clock, int port) {
  absl::StatusOr<std::unique_ptr<StopSignal>> stop = StopSignal::Create();
  if (!stop.ok()) return stop.status();
  auto front = absl::WrapUnique(new Http2Front(gateway, clock, *std::move(stop)));
  if (!Prepare(front->context_.get(), identity)) {
    return absl::InternalError("openssl refuses the server's certificate");
  }
  front->open_connections_.Watch(*front->context_);
  if (absl::Status bound = front->Bind(port); !bound.ok()) return bound;
  front->accepting_ = std::thread([front = front.get()] { front->AcceptLoop(); });
  return front;
}

Http2Front::Http2Front(Gateway& gateway, const Clock& clock, std::unique_ptr<StopSignal> stop)
    : gateway_(gateway),
      clock_(clock),
      stop_(std::move(stop)),
      context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free),
      threads_(kMostConnections) {}

Http2Front::~Http2Front() {
  stop_->Raise();
  if (accepting_.joinable()) accepting_.join();
  threads_.shutdown();
  if (listening_ >= 0) close(listening_);
}

absl::Status Http2Front::Bind(int port) {
  listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  setsockopt(listening_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t length = sizeof address;
  if (bind(listening_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listening_, kBacklog) != 0 ||
      getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return absl::UnavailableError(absl::StrCat(
        "port ", port, " of 127.0.0.1 is not available; choose another, or 0 for a free one"));
  }
  port_ = ntohs(address.sin_port);
  return absl::OkStatus();
}

void Http2Front::AcceptLoop() {
  std::array<pollfd, 2> watched = {pollfd{listening_, POLLIN, 0}, pollfd{stop_->fd(), POLLIN, 0}};
  while (true) {
    (void)poll(watched.data(), watched.size(), -1);
    if (watched[1].revents != 0) return;
    const int socket = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) {
      // The process may be out of descriptors. The listener stays readable, so that a loop without
      // a pause would take a whole core.
      (void)poll(&watched[1], 1, kAcceptPauseMilliseconds);
      continue;
    }
    const int yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    threads_.enqueue([this, socket] {
      BlockSigPipe();
      Http2Connection({gateway_, clock_, *stop_, counts_}, *context_, socket).Run();
    });
  }
}

}  // namespace billbroker::billsim

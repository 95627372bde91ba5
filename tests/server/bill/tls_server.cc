#include "tests/server/bill/tls_server.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace billbroker {
namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

// Reads from `ssl` until `buffer` holds `bytes`, or, for 0, the end of a request's head.
bool ReadInto(SSL* ssl, std::string& buffer, std::size_t bytes) {
  while (bytes == 0 ? buffer.find("\r\n\r\n") == std::string::npos : buffer.size() < bytes) {
    char chunk[4096];
    const int got = SSL_read(ssl, chunk, sizeof chunk);
    if (got <= 0) return false;
    buffer.append(chunk, got);
  }
  return true;
}

bool ReadRequest(SSL* ssl, std::string& buffer, ServedRequest& request) {
  if (!ReadInto(ssl, buffer, 0)) return false;
  const std::size_t head_end = buffer.find("\r\n\r\n");
  const std::vector<std::string> lines = absl::StrSplit(buffer.substr(0, head_end), "\r\n");
  const std::vector<std::string> words = absl::StrSplit(lines[0], ' ');
  request.method = words[0];
  request.path = words[1];
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> header =
        absl::StrSplit(lines[i], absl::MaxSplits(':', 1));
    request.headers[absl::AsciiStrToLower(header.first)] =
        std::string(absl::StripAsciiWhitespace(header.second));
  }
  std::size_t length = 0;
  (void)absl::SimpleAtoi(request.headers["content-length"], &length);
  if (length > 0 && !ReadInto(ssl, buffer, head_end + 4 + length)) return false;
  request.body = buffer.substr(head_end + 4, length);
  buffer.erase(0, head_end + 4 + length);
  return true;
}

// A write to a connection that the client has closed must not end the test.
void BlockSigPipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

LoopbackPort::LoopbackPort(bool listening) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  Check(bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  Check(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  if (listening) Check(listen(fd_, 512) == 0);
  port_ = ntohs(address.sin_port);
}

LoopbackPort::~LoopbackPort() { close(fd_); }

bool LoopbackPort::HasCaller() const {
  pollfd waiting = {fd_, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1;
}

bool TlsServer::Connection::Write(absl::string_view bytes) {
  ERR_clear_error();
  return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

void TlsServer::Connection::Answer(int status, absl::string_view body, absl::string_view headers) {
  Write(absl::StrCat("HTTP/1.1 ", status, " Whatever\r\nContent-Length: ", body.size(), "\r\n",
                     headers, "\r\n", body));
}

void TlsServer::Connection::Reset() {
  const linger at_once = {1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void TlsServer::Connection::WaitForRelease(absl::Duration limit) {
  std::unique_lock<std::mutex> lock(server_->mutex_.native());
  const auto let_go = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return server_->released_ || server_->stopping_;
  };
  if (limit == absl::InfiniteDuration()) {
    server_->changed_.wait(lock, let_go);
  } else {
    server_->changed_.wait_for(lock, absl::ToChronoNanoseconds(limit), let_go);
  }
}

TlsServer::TlsServer(const Certificate& certificate, Handler handler, int newest_tls)
    : handler_(std::move(handler)), context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
  if (newest_tls < TLS1_2_VERSION) SSL_CTX_set_cipher_list(context_.get(), "DEFAULT@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context_.get(), newest_tls);
  Check(SSL_CTX_use_certificate(context_.get(), certificate.x509.get()) == 1);
  Check(SSL_CTX_use_PrivateKey(context_.get(), certificate.key.get()) == 1);
  accepting_ = std::thread([this] { AcceptLoop(); });
}

TlsServer::~TlsServer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  changed_.notify_all();
  shutdown(port_.fd(), SHUT_RDWR);
  accepting_.join();
  for (std::thread& thread : threads_) thread.join();
}

std::string TlsServer::url() const {
  return absl::StrCat("https://127.0.0.1:", port(), "/connect");
}

void TlsServer::Release() {
  {
    MutexLock lock(mutex_);
    released_ = true;
  }
  changed_.notify_all();
}

std::vector<ServedRequest> TlsServer::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

int TlsServer::connections() const {
  MutexLock lock(mutex_);
  return connections_;
}

int TlsServer::most_at_once() const {
  MutexLock lock(mutex_);
  return most_at_once_;
}

bool TlsServer::WaitForRequests(std::size_t count) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  return changed_.wait_for(lock, std::chrono::seconds(30), [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return requests_.size() >= count;
  });
}

void TlsServer::AcceptLoop() {
  while (true) {
    const int fd = accept4(port_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    {
      MutexLock lock(mutex_);
      if (stopping_) {
        close(fd);
        return;
      }
      open_.push_back(fd);
    }
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void TlsServer::Serve(int fd) {
  BlockSigPipe();
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
  SSL_set_fd(ssl.get(), fd);
  if (SSL_accept(ssl.get()) == 1) {
    {
      MutexLock lock(mutex_);
      ++connections_;
    }
    Connection connection;
    connection.server_ = this;
    connection.ssl_ = ssl.get();
    connection.fd_ = fd;
    ServeRequests(connection);
  }
  MutexLock lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  close(fd);
}

void TlsServer::ServeRequests(Connection& connection) {
  std::string buffer;
  while (true) {
    ServedRequest request;
    if (!ReadRequest(connection.ssl_, buffer, request)) return;
    if (!Handle(connection, request)) return;
  }
}

bool TlsServer::Handle(Connection& connection, const ServedRequest& request) {
  {
    MutexLock lock(mutex_);
    requests_.push_back(request);
    most_at_once_ = std::max(most_at_once_, ++at_once_);
  }
  changed_.notify_all();
  const bool keep = handler_(connection, request);
  MutexLock lock(mutex_);
  --at_once_;
  return keep && !stopping_;
}

}  // namespace billbroker

#include "tests/simulator/tls_channel.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace billbroker::billsim {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

enum class Wait { kReady, kTimeout, kStopped };

// Waits until `socket` is ready for `events`, `limit` is over, or `stop` is raised.
Wait Poll(int socket, short events, const StopSignal& stop, absl::Duration limit) {
  std::array<pollfd, 2> watched = {pollfd{socket, events, 0}, pollfd{stop.fd(), POLLIN, 0}};
  limit = std::clamp(limit, absl::ZeroDuration(), absl::Minutes(10));
  const auto milliseconds = absl::ToInt64Milliseconds(absl::Ceil(limit, absl::Milliseconds(1)));
  (void)poll(watched.data(), watched.size(), static_cast<int>(milliseconds));
  if (watched[1].revents != 0) return Wait::kStopped;
  return watched[0].revents != 0 ? Wait::kReady : Wait::kTimeout;
}

}  // namespace

TlsChannel::TlsChannel(SSL_CTX& context, int socket, const StopSignal& stop)
    : socket_(socket), stop_(stop), ssl_(SSL_new(&context), &SSL_free) {
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_fd(ssl_.get(), socket);
}

TlsChannel::~TlsChannel() {
  ssl_.reset();  // before the descriptor, as OpenConnections requires
  close(socket_);
}

bool TlsChannel::WaitFor(int result, absl::Duration limit) {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return false;
  const short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
  return Poll(socket_, events, stop_, limit) == Wait::kReady;
}

bool TlsChannel::Handshake() {
  while (true) {
    ERR_clear_error();
    const int result = SSL_accept(ssl_.get());
    if (result == 1) return true;
    if (!WaitFor(result, kPatience)) return false;
  }
}

absl::optional<std::string> TlsChannel::Read(absl::Duration limit) {
  std::array<char, 16 * 1024> chunk{};
  for (bool waited = false;; waited = true) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), chunk.data(), chunk.size());
    if (got > 0) return std::string(chunk.data(), got);
    if (SSL_get_error(ssl_.get(), got) != SSL_ERROR_WANT_READ) return absl::nullopt;
    if (waited) return "";
    switch (Poll(socket_, POLLIN, stop_, limit)) {
      case Wait::kReady:
        break;
      case Wait::kTimeout:
        return "";
      case Wait::kStopped:
        return absl::nullopt;
    }
  }
}

bool TlsChannel::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (sent > 0) {
      bytes.remove_prefix(sent);
    } else if (!WaitFor(sent, kPatience)) {
      return false;
    }
  }
  return true;
}

void TlsChannel::EndOutput() {
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());
  (void)shutdown(socket_, SHUT_WR);
}

void TlsChannel::Reset() {
  const linger at_once = {1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace billbroker::billsim

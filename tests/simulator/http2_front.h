// Http2Front: a Gateway on https://127.0.0.1:PORT/connect, over HTTP/2 only.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "tests/simulator/certificates.h"
#include "tests/simulator/elastic_threads.h"
#include "tests/simulator/gateway.h"
#include "tests/simulator/http2_connection.h"
#include "tests/simulator/open_connections.h"
#include "tests/simulator/stop_signal.h"
#include "vault/base/clock.h"

namespace billbroker::billsim {

// Serves from Start() until it is destroyed. The destructor ends open connections. A client that
// does not offer "h2" by ALPN fails the handshake, so every call was made over HTTP/2.
class Http2Front final {
 public:
  // `gateway` and `clock` are borrowed; `port` 0 means a free one. Errors: kUnavailable, the port
  // is taken.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Http2Front>> Start(
      Gateway& gateway, const ServerIdentity& identity, const Clock& clock, int port);
  ~Http2Front();
  Http2Front(const Http2Front&) = delete;
  Http2Front& operator=(const Http2Front&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] const Http2Counts& counts() const { return counts_; }

 private:
  Http2Front(Gateway& gateway, const Clock& clock, std::unique_ptr<StopSignal> stop);

  [[nodiscard]] absl::Status Bind(int port);
  void AcceptLoop();

  Gateway& gateway_;
  const Clock& clock_;
  const std::unique_ptr<StopSignal> stop_;
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  OpenConnections open_connections_;
  Http2Counts counts_;
  int listening_ = -1;
  int port_ = 0;
  ElasticThreads threads_;  // one for each connection
  std::thread accepting_;
};

}  // namespace billbroker::billsim

// HttpsFront: serves a Gateway at https://127.0.0.1:PORT/connect over HTTP/1.1.
#pragma once

#include <httplib.h>

#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "tests/simulator/certificates.h"
#include "tests/simulator/gateway.h"
#include "tests/simulator/open_connections.h"
#include "tests/simulator/stop_signal.h"

namespace billbroker::billsim {

// Serves from Start() until it is destroyed. The destructor ends open connections at once.
class HttpsFront final {
 public:
  // `gateway` is borrowed; `port` 0 is a free one. Errors: kUnavailable, the port is taken.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<HttpsFront>> Start(
      Gateway& gateway, const ServerIdentity& identity, int port);
  ~HttpsFront();
  HttpsFront(const HttpsFront&) = delete;
  HttpsFront& operator=(const HttpsFront&) = delete;

  [[nodiscard]] int port() const { return port_; }

 private:
  HttpsFront(Gateway& gateway, std::unique_ptr<StopSignal> stop)
      : gateway_(gateway), stop_(std::move(stop)) {}

  void Serve(const httplib::Request& request, httplib::Response& response);
  void Deliver(const Delivery& delivery, int socket, httplib::Response& response);

  Gateway& gateway_;
  std::unique_ptr<StopSignal> stop_;
  OpenConnections connections_;
  std::unique_ptr<httplib::SSLServer> server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace billbroker::billsim

// RawTlsClient: sends bytes over TLS exactly as given, for tests of requests that libcurl would
// write differently.
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace billbroker::billsim {

// Keeps one connection to a port of 127.0.0.1, and connects again after an answer with
// "Connection: close". A read or write fails after twenty seconds. Not thread-safe.
class RawTlsClient final {
 public:
  struct Answer {
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };

  RawTlsClient(int port, std::string ca_file) : port_(port), ca_file_(std::move(ca_file)) {}
  ~RawTlsClient() { Disconnect(); }
  RawTlsClient(const RawTlsClient&) = delete;
  RawTlsClient& operator=(const RawTlsClient&) = delete;

  // Writes `head` and `body` in two writes and reads one answer. Errors: kUnavailable.
  [[nodiscard]] absl::StatusOr<Answer> Send(absl::string_view head, absl::string_view body);

 private:
  struct Deleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  [[nodiscard]] absl::Status Connect();
  void Disconnect();
  [[nodiscard]] absl::Status Write(absl::string_view bytes);
  [[nodiscard]] absl::StatusOr<Answer> ReadAnswer();
  [[nodiscard]] absl::Status ReadMore(std::string& into);

  const int port_;
  const std::string ca_file_;
  int socket_ = -1;
  std::unique_ptr<SSL_CTX, Deleter> context_;
  std::unique_ptr<SSL, Deleter> ssl_;
};

}  // namespace billbroker::billsim

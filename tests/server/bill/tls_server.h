// TlsServer: an HTTPS server on a loopback port whose answers a test writes byte by byte.
#pragma once

#include <openssl/ssl.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/server/bill/certificates.h"
#include "vault/base/mutex.h"

namespace billbroker {

struct ServedRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// A listening socket on 127.0.0.1. Without `listening` its port is taken and refuses connections.
class LoopbackPort final {
 public:
  explicit LoopbackPort(bool listening = true);
  ~LoopbackPort();
  LoopbackPort(const LoopbackPort&) = delete;
  LoopbackPort& operator=(const LoopbackPort&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int port() const { return port_; }
  // Returns true if a client has connected and was not accepted.
  [[nodiscard]] bool HasCaller() const;

 private:
  int fd_;
  int port_ = 0;
};

// Thread-safe, except that a handler runs on its connection's thread.
class TlsServer final {
 public:
  class Connection {
   public:
    // False once the other side is gone.
    bool Write(absl::string_view bytes);
    // A whole answer with a Content-Length; `headers` are lines that end in CRLF.
    void Answer(int status, absl::string_view body, absl::string_view headers = "");
    // Ends the connection with a TCP reset.
    void Reset();
    // Waits for the server's Release() or its end, at most `limit`.
    void WaitForRelease(absl::Duration limit = absl::InfiniteDuration());

   private:
    friend class TlsServer;
    TlsServer* server_ = nullptr;
    SSL* ssl_ = nullptr;
    int fd_ = -1;
  };
  // Answers one request; false closes the connection.
  using Handler = std::function<bool(Connection&, const ServedRequest&)>;

  TlsServer(const Certificate& certificate, Handler handler, int newest_tls = TLS1_3_VERSION);
  ~TlsServer();  // ends every connection

  [[nodiscard]] int port() const { return port_.port(); }
  [[nodiscard]] std::string url() const;

  void Release();  // ends every WaitForRelease(), also later ones
  [[nodiscard]] std::vector<ServedRequest> requests() const;
  [[nodiscard]] int connections() const;   // with a complete handshake
  [[nodiscard]] int most_at_once() const;  // the most requests in handlers at a time
  // Waits until `count` requests were received; false if that takes too long.
  [[nodiscard]] bool WaitForRequests(std::size_t count);

 private:
  void AcceptLoop();
  void Serve(int fd);
  void ServeRequests(Connection& connection);
  bool Handle(Connection& connection, const ServedRequest& request);

  LoopbackPort port_;
  Handler handler_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  int connections_ ABSL_GUARDED_BY(mutex_) = 0;
  int at_once_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_at_once_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<ServedRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;  // of the accepting thread
  std::thread accepting_;
};

}  // namespace billbroker

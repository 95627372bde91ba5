// TlsChannel: the server's side of one TLS connection, whose waits end when a StopSignal is raised.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "tests/simulator/stop_signal.h"

namespace billbroker::billsim {

// Not thread-safe. After a function has failed, only Reset() and the destructor may be called.
class TlsChannel final {
 public:
  // Owns `socket`, which is connected and does not block. Borrows `stop`.
  TlsChannel(SSL_CTX& context, int socket, const StopSignal& stop);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Returns false if the client fails, or does not end, the handshake.
  [[nodiscard]] bool Handshake();
  // Waits for bytes and returns them; returns an empty text after `limit`, and nullopt if the
  // client closed the connection or the signal was raised.
  [[nodiscard]] absl::optional<std::string> Read(absl::Duration limit);
  // Returns false if the client does not take the bytes.
  [[nodiscard]] bool Write(absl::string_view bytes);
  // Ends the output: the client reads to its end and can still send.
  void EndOutput();
  // Lets the destructor end the connection with a TCP reset.
  void Reset();

 private:
  // Waits until the socket is ready for the SSL function that returned `result`. Returns false if
  // the function failed.
  [[nodiscard]] bool WaitFor(int result, absl::Duration limit);

  const int socket_;
  const StopSignal& stop_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

}  // namespace billbroker::billsim

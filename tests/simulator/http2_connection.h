// Http2Connection: serves a Gateway on one HTTP/2 connection.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <map>
#include <set>

#include "absl/time/time.h"
#include "tests/simulator/gateway.h"
#include "tests/simulator/http2_session.h"
#include "tests/simulator/stop_signal.h"
#include "tests/simulator/tls_channel.h"
#include "vault/base/clock.h"

namespace billbroker::billsim {

// Counts of an Http2Front.
struct Http2Counts {
  std::atomic<int> connections{0};  // that spoke HTTP/2
  std::atomic<int> calls{0};
  std::atomic<int> calls_under_way{0};  // received, and neither answered nor reset
};

// Not thread-safe.
class Http2Connection final {
 public:
  struct Parts {  // all borrowed
    Gateway& gateway;
    const Clock& clock;
    const StopSignal& stop;
    Http2Counts& counts;
  };

  // Owns `socket`, which is connected and does not block.
  Http2Connection(const Parts& parts, SSL_CTX& context, int socket);
  ~Http2Connection();

  // Serves until either side ends the connection or the signal is raised.
  void Run();

 private:
  struct Pending {
    Delivery delivery;
    absl::Duration due;  // on Clock::SinceBoot()
    bool begun = false;
  };

  void OnHeaders(int stream, HttpCall head);
  void OnCall(int stream, HttpCall call);
  void OnClosed(int stream);
  // Discards input until the client closes the connection, or `limit` is over. Closing it with
  // unread bytes would reset it, and the client could lose the GOAWAY or the answer.
  void DiscardInput(absl::Duration limit);
  [[nodiscard]] absl::Duration UntilDue() const;
  void DeliverDue();
  // Takes the next step of a delivery that is due. Returns false if it was the last one.
  [[nodiscard]] bool Deliver(int stream, Pending& pending);
  [[nodiscard]] bool Hang(Pending& pending);
  [[nodiscard]] bool Drip(int stream, Pending& pending);

  const Parts parts_;
  TlsChannel channel_;
  Http2Session session_;
  std::map<int, Pending> pending_;  // by stream
  // Streams that a GOAWAY excluded before the end of their requests.
  std::set<int> excluded_;
  bool reset_ = false;
};

}  // namespace billbroker::billsim

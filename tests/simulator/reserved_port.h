// ReservedPort: a TCP port of 127.0.0.1 that stays this process's own while no server listens on
// it.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

namespace billbroker::billsim {

// Holds a bound socket that does not listen: connections are refused unless a server of this
// process listens on the same port.
class ReservedPort final {
 public:
  // Reserves `port`, or a free one if it is 0. Errors: kUnavailable, the port is taken.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ReservedPort>> Reserve(int port);
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  [[nodiscard]] int port() const { return port_; }

 private:
  ReservedPort(int socket, int port) : socket_(socket), port_(port) {}

  const int socket_;
  int port_;
};

}  // namespace billbroker::billsim

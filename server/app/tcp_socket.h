// TcpSocket: the listening socket of a TLS listener.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/app/config.h"

namespace billbroker {

class TcpSocket final {
 public:
  // Binds `config.address`; callers cannot connect yet. Fails with kFailedPrecondition and the fix.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<TcpSocket>> Claim(
      const ListenerConfig& config);
  ~TcpSocket();
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;

  [[nodiscard]] const ListenerConfig& config() const { return config_; }
  // Returns a non-blocking descriptor. Its connections send small packets at once.
  [[nodiscard]] int fd() const { return fd_; }
  // Returns the address with its actual port, such as "127.0.0.1:8443".
  [[nodiscard]] std::string address() const;

  // Lets callers connect.
  [[nodiscard]] absl::Status Publish() const;
  // Ends it: callers can no longer connect.
  void Close();

 private:
  TcpSocket(ListenerConfig config, int fd) : config_(std::move(config)), fd_(fd) {}

  const ListenerConfig config_;
  int fd_;  // -1 once closed
};

}  // namespace billbroker

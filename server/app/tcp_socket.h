// TcpSocket: the place of a TLS listener.
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
  // Binds `config.address`, where nobody reaches it yet. kFailedPrecondition with the fix.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<TcpSocket>> Claim(
      const ListenerConfig& config);
  ~TcpSocket();
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;

  [[nodiscard]] const ListenerConfig& config() const { return config_; }
  // Does not block; nor do the connections wait to send small packets.
  [[nodiscard]] int fd() const { return fd_; }
  // With the port that it has, such as "127.0.0.1:8443".
  [[nodiscard]] std::string address() const;

  // Lets callers in.
  [[nodiscard]] absl::Status Publish() const;

 private:
  TcpSocket(ListenerConfig config, int fd) : config_(std::move(config)), fd_(fd) {}

  const ListenerConfig config_;
  const int fd_;
};

}  // namespace billbroker

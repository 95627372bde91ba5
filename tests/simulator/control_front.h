// ControlFront: serves a Control at http://127.0.0.1:PORT.
#pragma once

#include <httplib.h>

#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "tests/simulator/control.h"

namespace billbroker::billsim {

// Serves from Start() until it is destroyed.
class ControlFront final {
 public:
  // `control` is borrowed; `port` 0 is a free one. Errors: kUnavailable, the port is taken.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ControlFront>> Start(Control& control,
                                                                           int port);
  ~ControlFront();
  ControlFront(const ControlFront&) = delete;
  ControlFront& operator=(const ControlFront&) = delete;

  [[nodiscard]] int port() const { return port_; }

 private:
  ControlFront() = default;

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace billbroker::billsim

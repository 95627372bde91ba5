// How a client reaches the broker: the options that every client shares.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Channel;
}

namespace billbroker {

struct ClientOptions {
  // "unix:" and an absolute path. Nothing else: over TCP the broker speaks mutual TLS only.
  std::string address = "unix:/run/billbroker/broker.sock";

  // The deadline of each call, from its start; positive. A first sign-in of an organization waits
  // for BILL, so leave it longer than the broker's own timeout (20 s by default).
  absl::Duration call_timeout = absl::Seconds(30);

  // What a call does while no broker listens. False: it fails at once with UNAVAILABLE, so that a
  // broker that is down is heard of. True: it waits inside its deadline, which carries a caller
  // over a restart of the broker at the price of a full `call_timeout` when it does not come back.
  bool wait_for_ready = false;
};

// A channel to `options.address`. Does not wait for the broker: the first call connects, and a lost
// connection is made anew, at most a second after the broker is back. INVALID_ARGUMENT for options
// out of shape.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(
    const ClientOptions& options);

}  // namespace billbroker

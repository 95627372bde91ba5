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

// For an address over TCP: absolute or relative paths of PEM files. They are looked at once a
// second, and new connections use what they hold then, so certificates may be renewed under a
// running client; replace each by renaming, the certificate and its key one right after the other:
// gRPC ends a program that has it look into an empty one.
struct TlsClientOptions {
  std::string ca_file;           // who may certify the broker
  std::string certificate_file;  // who this client is, with the chain
  std::string key_file;          // its key, without a passphrase
};

struct ClientOptions {
  // "unix:" and an absolute path; or, with `tls`, "HOST:PORT", where HOST is a name that the
  // broker's certificate has. Over TCP the broker speaks mutual TLS only.
  std::string address = "unix:/run/billbroker/broker.sock";

  // The deadline of each call, from its start; positive. A first sign-in of an organization waits
  // for BILL, so leave it no shorter than the broker's own (`timeout` of [bill], 30 s by default).
  absl::Duration call_timeout = absl::Seconds(30);

  // What a call does while no broker listens. False: it fails at once with UNAVAILABLE, so that a
  // broker that is down is heard of. True: it waits inside its deadline, which carries a caller
  // over a restart of the broker at the price of a full `call_timeout` when it does not come back.
  bool wait_for_ready = false;

  // All three files for an address over TCP, none for a Unix socket.
  TlsClientOptions tls = {};
};

// A channel to `options.address`. Does not wait for the broker: the first call connects, and a lost
// connection is made anew, at most a second after the broker is back. INVALID_ARGUMENT for options
// out of shape, and for a file of `tls` that cannot be read.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(
    const ClientOptions& options);

}  // namespace billbroker

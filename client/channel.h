// The connection to the broker: the options that every client shares.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Channel;
}

namespace billbroker {

// For an address over TCP: absolute or relative paths of PEM files. They are read once a second,
// and new connections use their present contents, so certificates may be renewed while a client
// runs. Replace each file by renaming, the certificate and its key one right after the other: gRPC
// aborts a program if one of its files is empty.
struct TlsClientOptions {
  std::string ca_file;           // the CA of the broker's certificate
  std::string certificate_file;  // of this client, with the chain
  std::string key_file;          // its key, without a passphrase
};

struct ClientOptions {
  // "unix:" and an absolute path; or, with `tls`, "HOST:PORT", where HOST is a name in the broker's
  // certificate. Over TCP the broker accepts mutual TLS only.
  std::string address = "unix:/run/billbroker/broker.sock";

  // The deadline of each call, from its start; positive. A first sign-in of an organization waits
  // for BILL, so do not make it shorter than the broker's own (`timeout` of [bill], 30 s by
  // default).
  absl::Duration call_timeout = absl::Seconds(30);

  // The behavior of a call while no broker listens. False: it fails at once with UNAVAILABLE, so
  // that the program notices the outage. True: it waits until its deadline. That survives a restart
  // of the broker, but costs a full `call_timeout` if the broker does not come back.
  bool wait_for_ready = false;

  // True: a change of a credential or of the keyring lets the Secret Service ask a person, and the
  // broker waits up to 2 minutes for each answer. Needs the role admin and a Unix socket. Make
  // `call_timeout` longer than these waits: a rotation may need two answers and a sign-in.
  bool allow_prompt = false;

  // All three files for an address over TCP, none for a Unix socket.
  TlsClientOptions tls = {};
};

// Returns a channel to `options.address`. Does not wait for the broker: the first call connects,
// and a lost connection is restored at most a second after the broker is back. Fails with
// INVALID_ARGUMENT for malformed options, and for a file of `tls` that cannot be read.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(
    const ClientOptions& options);

}  // namespace billbroker

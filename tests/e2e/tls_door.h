// TlsDoor: the certificates of a TCP listener of a House's broker, and of its clients.
#pragma once

#include <string>

#include "client/channel.h"
#include "tests/e2e/house.h"
#include "tests/support/pki.h"

namespace billbroker {

class TlsDoor final {
 public:
  // With a certificate of CA "ca", whose clients it takes too.
  TlsDoor();

  // The table of the listener, for House::Options::config; `services` such as "\"session\"".
  [[nodiscard]] std::string Config(const std::string& services) const;

  // Puts a file in place as docs/operations.md says: "server.pem", "server.key", "clients-ca.pem".
  void Rename(const std::string& file, const std::string& place) const;
  void PutServer(const Pki::Pair& pair) const;

  // How a client with this certificate reaches the running broker of `house`.
  [[nodiscard]] ClientOptions ClientOf(const House& house, const Pki::Pair& client);
  // The address that the system chose, from the log's line that says "ready".
  [[nodiscard]] static std::string AddressOf(const House& house);

  [[nodiscard]] Pki& pki() { return pki_; }
  [[nodiscard]] std::string File(const std::string& name) const { return files_.File(name); }

 private:
  TempFolder files_;
  Pki pki_;
};

}  // namespace billbroker

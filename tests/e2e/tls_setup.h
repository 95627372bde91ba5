// TlsSetup: the certificates of the TCP listener of a TestEnvironment's broker, and of its clients.
#pragma once

#include <string>

#include "client/channel.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/pki.h"

namespace billbroker {

class TlsSetup final {
 public:
  // Creates a server certificate of CA "ca". The listener accepts clients of the same CA.
  TlsSetup();

  // Returns the table of the listener, for TestEnvironment::Options::config. `services` is such as
  // "\"session\"".
  [[nodiscard]] std::string Config(const std::string& services) const;

  // Replaces a file as described in docs/operations.md: "server.pem", "server.key" or
  // "clients-ca.pem".
  void Rename(const std::string& file, const std::string& place) const;
  void PutServer(const Pki::Pair& pair) const;

  // Returns the options of a client with this certificate for the running broker of `env`.
  [[nodiscard]] ClientOptions ClientOf(const TestEnvironment& env, const Pki::Pair& client);
  // Returns the address that the system chose for the listener, from the "ready" line of the log.
  [[nodiscard]] static std::string AddressOf(const TestEnvironment& env);

  [[nodiscard]] Pki& pki() { return pki_; }
  [[nodiscard]] std::string File(const std::string& name) const { return files_.File(name); }

 private:
  TempFolder files_;
  Pki pki_;
};

}  // namespace billbroker

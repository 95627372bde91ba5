// The simulator's own certification authority, and its server's certificate.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace billbroker::billsim {

enum class CertificateKind {
  kGood,       // for 127.0.0.1 and localhost
  kExpired,    // since yesterday
  kWrongHost,  // for elsewhere.example
  kOtherCa,    // issued by an authority that ca.pem does not hold
};

struct OpenSslDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using X509Ptr = std::unique_ptr<X509, OpenSslDeleter>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpenSslDeleter>;

struct ServerIdentity {
  X509Ptr certificate;
  KeyPtr key;  // in memory only
};

struct Certificates {
  std::string ca_file;  // PEM, for clients to trust
  ServerIdentity server;
};

// Makes a server's certificate, written to server.pem in `state_dir` (made, mode 0700, where
// absent). The authority in ca.pem and ca-key.pem (mode 0600) is used again where it is there, so
// that a client which trusts it still does after a restart. Errors: the folder cannot be written.
[[nodiscard]] absl::StatusOr<Certificates> MakeCertificates(const std::string& state_dir,
                                                            CertificateKind kind);

}  // namespace billbroker::billsim

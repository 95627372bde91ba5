// The simulator's certification authority and its server's certificate.
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

// Creates a server's certificate and writes it to server.pem in `state_dir`, which is created with
// mode 0700 if it does not exist. Reuses the authority in ca.pem and ca-key.pem (mode 0600) if the
// files exist, so that a client that trusts it still does so after a restart. Errors: the folder
// cannot be written.
[[nodiscard]] absl::StatusOr<Certificates> MakeCertificates(const std::string& state_dir,
                                                            CertificateKind kind);

}  // namespace billbroker::billsim

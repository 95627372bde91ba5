// Certificates made on the spot, good ones and bad ones.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace billbroker {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

struct Certificate {
  X509Ptr x509{nullptr, &X509_free};
  KeyPtr key{nullptr, &EVP_PKEY_free};
};

struct CertificateShape {
  std::string host = "IP:127.0.0.1";            // subjectAltName
  absl::Duration valid_from = absl::Hours(-1);  // from now
  absl::Duration valid_until = absl::Hours(1);
};

// A certificate authority of the test's own.
class CertificateAuthority final {
 public:
  CertificateAuthority();

  [[nodiscard]] Certificate Issue(const CertificateShape& shape = {}) const;

  // A PEM file of the authority's certificate, deleted with this object.
  [[nodiscard]] const std::string& file() const { return file_; }

  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

 private:
  const std::string folder_;
  Certificate self_;  // its name is the folder's: two of one name would differ by signature alone
  const std::string file_;
};

}  // namespace billbroker

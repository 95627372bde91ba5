#include "server/rpc/tls_caller.h"

#include <grpc/grpc_security_constants.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/access/certificate_principal.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

std::vector<std::string> Values(const grpc::AuthContext& peer, const char* property) {
  std::vector<std::string> values;
  for (const grpc::string_ref& value : peer.FindPropertyValues(property)) {
    values.emplace_back(value.data(), value.size());
  }
  return values;
}

std::string First(std::vector<std::string> values) { return values.empty() ? "" : values[0]; }

}  // namespace

absl::StatusOr<std::string> CertificateName(const grpc::AuthContext& peer) {
  return PrincipalOf({Values(peer, GRPC_PEER_URI_PROPERTY_NAME),
                      Values(peer, GRPC_PEER_DNS_PROPERTY_NAME),
                      First(Values(peer, GRPC_X509_CN_PROPERTY_NAME))});
}

absl::StatusOr<CallerPtr> TlsCaller(Callers& callers, const grpc::AuthContext& peer) {
  const absl::StatusOr<std::string> principal = CertificateName(peer);
  if (!principal.ok()) return MakeError(Reason::kCallerUnknown, principal.status().message());
  CallerPtr caller = callers.OfGranted(*principal);
  if (caller != nullptr) return caller;
  return MakeError(
      {Reason::kCallerUnknown, {}, {{"principal", *principal}}},
      absl::StrCat("the policy grants nothing to ", *principal, "; an administrator adds a grant"));
}

std::string CertificateSerial(const grpc::AuthContext& peer) {
  const std::string pem = First(Values(peer, GRPC_X509_PEM_CERT_PROPERTY_NAME));
  const std::unique_ptr<BIO, int (*)(BIO*)> bytes(
      ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), ::BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      ::PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr), ::X509_free);
  if (certificate == nullptr) return "";
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> number(
      ::ASN1_INTEGER_to_BN(::X509_get0_serialNumber(certificate.get()), nullptr), ::BN_free);
  char* const digits = ::BN_bn2hex(number.get());
  std::string serial(digits);
  ::OPENSSL_free(digits);
  return serial;
}

}  // namespace billbroker

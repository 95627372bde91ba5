#include "server/rpc/tls_caller.h"

#include <grpc/grpc_security_constants.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
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

std::string SerialOf(const X509& certificate) {
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> number(
      ::ASN1_INTEGER_to_BN(::X509_get0_serialNumber(&certificate), nullptr), ::BN_free);
  char* const digits = ::BN_bn2hex(number.get());
  std::string serial(digits);
  ::OPENSSL_free(digits);
  return serial;
}

// Returns `otherwise` if the time cannot be read.
absl::Time TimeOf(const ASN1_TIME* time, absl::Time otherwise) {
  std::tm parts{};
  if (::ASN1_TIME_to_tm(time, &parts) != 1) return otherwise;
  return absl::FromTM(parts, absl::UTCTimeZone());
}

ClientCertificate Parse(const grpc::AuthContext& peer, absl::string_view pem) {
  ClientCertificate parsed = {PrincipalOf({Values(peer, GRPC_PEER_URI_PROPERTY_NAME),
                                           Values(peer, GRPC_PEER_DNS_PROPERTY_NAME),
                                           First(Values(peer, GRPC_X509_CN_PROPERTY_NAME))}),
                              ""};
  const std::unique_ptr<BIO, int (*)(BIO*)> bytes(
      ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), ::BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      ::PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr), ::X509_free);
  if (certificate == nullptr) return parsed;
  parsed.serial = SerialOf(*certificate);
  parsed.begins = TimeOf(::X509_get0_notBefore(certificate.get()), absl::InfiniteFuture());
  parsed.expires = TimeOf(::X509_get0_notAfter(certificate.get()), absl::InfinitePast());
  return parsed;
}

absl::Status NotValid(const std::string& principal, absl::string_view fact, absl::Time since) {
  return MakeError({Reason::kCallerUnknown, {}, {{"principal", principal}}},
                   absl::StrCat("the certificate of ", principal, " ", fact, " at ",
                                absl::FormatTime(absl::RFC3339_sec, since, absl::UTCTimeZone()),
                                "; renew it, and check the clocks of both machines"));
}

}  // namespace

std::shared_ptr<const ClientCertificate> ClientCertificates::Of(const grpc::AuthContext& peer) {
  // More than the connections of a listener, usually. It is emptied when it is full, because to
  // parse a certificate again costs little.
  constexpr std::size_t kMost = 4096;
  const std::vector<grpc::string_ref> pems =
      peer.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  const absl::string_view pem =
      pems.empty() ? absl::string_view() : absl::string_view(pems[0].data(), pems[0].size());
  MutexLock lock(mutex_);
  const auto known = by_pem_.find(pem);
  if (known != by_pem_.end()) return known->second;
  if (by_pem_.size() >= kMost) by_pem_.clear();
  auto parsed = std::make_shared<const ClientCertificate>(Parse(peer, pem));
  by_pem_.emplace(pem, parsed);
  return parsed;
}

absl::StatusOr<CallerPtr> TlsCaller(Callers& callers, const ClientCertificate& certificate,
                                    absl::Time now) {
  if (!certificate.principal.ok()) {
    return MakeError(Reason::kCallerUnknown, certificate.principal.status().message());
  }
  const std::string& principal = *certificate.principal;
  if (now < certificate.begins) {
    return NotValid(principal, "becomes valid", certificate.begins);
  }
  if (now >= certificate.expires) return NotValid(principal, "expired", certificate.expires);
  CallerPtr caller = callers.OfGranted(principal);
  if (caller != nullptr) return caller;
  return MakeError(
      {Reason::kCallerUnknown, {}, {{"principal", principal}}},
      absl::StrCat("the policy grants nothing to ", principal, "; an administrator adds a grant"));
}

}  // namespace billbroker

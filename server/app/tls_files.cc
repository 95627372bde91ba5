#include "server/app/tls_files.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/app/policy_watch.h"
#include "server/app/toml_reader.h"

namespace billbroker {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;

constexpr absl::string_view kNoCertificate =
    "holds no certificate in PEM, or one that is broken; put it there again";

std::unique_ptr<BIO, decltype(&::BIO_free)> Bytes(const std::string& text) {
  return {::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &::BIO_free};
}

absl::Status Wrong(const std::string& file, absl::string_view what) {
  ::ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
}

// Returns the certificates; empty if one of them cannot be parsed.
std::vector<Certificate> ParseCertificates(const std::string& pem) {
  const auto bytes = Bytes(pem);
  std::vector<Certificate> all;
  while (X509* one = ::PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(one, &::X509_free);
  }
  const bool at_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ::ERR_clear_error();
  if (!at_end) all.clear();
  return all;
}

Key ParseKey(const std::string& pem) {
  const auto bytes = Bytes(pem);
  // By default OpenSSL would ask a terminal for a passphrase.
  constexpr auto kNoPassphrase = [](char*, int, int, void*) { return -1; };
  return {::PEM_read_bio_PrivateKey(bytes.get(), nullptr, kNoPassphrase, nullptr),
          &::EVP_PKEY_free};
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (::ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string Text(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

absl::Status CheckInForce(const std::string& file, const X509& certificate, absl::Time now) {
  const absl::Time begins = TimeOf(::X509_get0_notBefore(&certificate));
  const absl::Time expires = TimeOf(::X509_get0_notAfter(&certificate));
  if (now < begins) {
    return Wrong(file, absl::StrCat("is not valid before ", Text(begins),
                                    "; wait until then, or fix this machine's clock"));
  }
  if (now >= expires) {
    return Wrong(file, absl::StrCat("expired at ", Text(expires), "; renew it"));
  }
  return absl::OkStatus();
}

absl::Status Read(TlsIdentity& identity, const TlsFiles& files) {
  constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
  const struct {
    const std::string& path;
    mode_t forbidden;
    std::string& text;
  } parts[] = {{files.certificate, kOthersWrite, identity.certificate},
               {files.key, kOthersWrite | S_IROTH, identity.key},
               {files.client_ca, kOthersWrite, identity.client_ca}};
  for (const auto& part : parts) {
    absl::StatusOr<std::string> text = ReadGuardedFile(part.path, part.forbidden);
    if (!text.ok()) return text.status();
    part.text = *std::move(text);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TlsIdentity> LoadTlsIdentity(const TlsFiles& files, absl::Time now) {
  TlsIdentity identity;
  if (absl::Status read = Read(identity, files); !read.ok()) return read;
  const std::vector<Certificate> chain = ParseCertificates(identity.certificate);
  if (chain.empty()) return Wrong(files.certificate, kNoCertificate);
  X509& certificate = *chain[0];
  const Key key = ParseKey(identity.key);
  if (key == nullptr) {
    return Wrong(files.key, "holds no private key in PEM that needs no passphrase");
  }
  if (::X509_check_private_key(&certificate, key.get()) != 1) {
    return Wrong(files.key, absl::StrCat("is not the key of the certificate in ", files.certificate,
                                         "; put the two of one pair there"));
  }
  if (absl::Status status = CheckInForce(files.certificate, certificate, now); !status.ok()) {
    return status;
  }
  if (ParseCertificates(identity.client_ca).empty()) return Wrong(files.client_ca, kNoCertificate);
  identity.expires = TimeOf(::X509_get0_notAfter(&certificate));
  return identity;
}

std::string StateOf(const TlsFiles& files) {
  return absl::StrCat(PolicyWatch::StateOf(files.certificate), "\n",
                      PolicyWatch::StateOf(files.key), "\n", PolicyWatch::StateOf(files.client_ca));
}

}  // namespace billbroker

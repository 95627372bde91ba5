#include "tests/simulator/certificates.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker::billsim {
namespace {

constexpr long kDaySeconds = 86'400;
constexpr long kCaDays = 3650;
constexpr long kServerDays = 365;

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;

struct Authority {
  X509Ptr certificate;
  KeyPtr key;
};

struct Validity {
  long from_seconds;  // from now
  long to_seconds;
};

absl::Status OpenSslFailed(absl::string_view what) {
  return absl::InternalError(absl::StrCat("openssl cannot ", what));
}

KeyPtr NewKey() { return KeyPtr(EVP_EC_gen("P-256")); }

bool AddExtension(X509& certificate, X509& issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(&certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// Returns a certificate of version 3 for `key`, named `name`, without extensions and not signed.
X509Ptr NewCertificate(EVP_PKEY& key, const char* name, Validity validity) {
  X509Ptr certificate(X509_new());
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial));
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), validity.from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), validity.to_seconds);
  X509_set_pubkey(certificate.get(), &key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return certificate;
}

absl::StatusOr<Authority> NewAuthority() {
  Authority authority;
  authority.key = NewKey();
  if (authority.key == nullptr) return OpenSslFailed("make a key");
  authority.certificate = NewCertificate(*authority.key, "billsim test authority",
                                         {-kDaySeconds, kCaDays * kDaySeconds});
  X509& ca = *authority.certificate;
  X509_set_issuer_name(&ca, X509_get_subject_name(&ca));
  if (!AddExtension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(ca, ca, NID_subject_key_identifier, "hash") ||
      X509_sign(&ca, authority.key.get(), EVP_sha256()) == 0) {
    return OpenSslFailed("make the authority's certificate");
  }
  return authority;
}

absl::StatusOr<ServerIdentity> NewServer(const Authority& authority, CertificateKind kind) {
  ServerIdentity server;
  server.key = NewKey();
  if (server.key == nullptr) return OpenSslFailed("make a key");
  const bool expired = kind == CertificateKind::kExpired;
  const Validity validity = expired ? Validity{-30 * kDaySeconds, -kDaySeconds}
                                    : Validity{-kDaySeconds, kServerDays * kDaySeconds};
  const char* hosts =
      kind == CertificateKind::kWrongHost ? "DNS:elsewhere.example" : "IP:127.0.0.1,DNS:localhost";
  server.certificate = NewCertificate(*server.key, "billsim", validity);
  X509& certificate = *server.certificate;
  X509& issuer = *authority.certificate;
  X509_set_issuer_name(&certificate, X509_get_subject_name(&issuer));
  if (!AddExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(certificate, issuer, NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(certificate, issuer, NID_ext_key_usage, "serverAuth") ||
      !AddExtension(certificate, issuer, NID_subject_alt_name, hosts) ||
      !AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid") ||
      X509_sign(&certificate, authority.key.get(), EVP_sha256()) == 0) {
    return OpenSslFailed("make the server's certificate");
  }
  return server;
}

// Writes a new file and renames it: a reader sees the old file or the new one.
absl::Status WriteFile(const std::string& path, const std::string& text, mode_t mode) {
  const std::string draft = absl::StrCat(path, ".new");
  const int file = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", draft));
  const bool whole = fchmod(file, mode) == 0 &&
                     write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  if (!whole || rename(draft.c_str(), path.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  }
  return absl::OkStatus();
}

std::string TextOf(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::string PemOf(X509& certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), &certificate);
  return TextOf(bio.get());
}

std::string PemOf(EVP_PKEY& key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(bio.get());
}

// Returns the authority of an earlier run; null pointers if there is none that can be read.
Authority ReadAuthority(const std::string& ca_file, const std::string& key_file) {
  const BioPtr certificate_bio(BIO_new_file(ca_file.c_str(), "r"));
  const BioPtr key_bio(BIO_new_file(key_file.c_str(), "r"));
  if (certificate_bio == nullptr || key_bio == nullptr) return {};
  Authority authority;
  authority.certificate.reset(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
  authority.key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (authority.certificate == nullptr || authority.key == nullptr ||
      X509_check_private_key(authority.certificate.get(), authority.key.get()) != 1 ||
      X509_cmp_current_time(X509_get0_notAfter(authority.certificate.get())) <= 0) {
    return {};
  }
  return authority;
}

absl::StatusOr<Authority> KeptAuthority(const std::string& ca_file, const std::string& key_file) {
  Authority kept = ReadAuthority(ca_file, key_file);
  if (kept.certificate != nullptr) return kept;
  absl::StatusOr<Authority> made = NewAuthority();
  if (!made.ok()) return made.status();
  absl::Status written = WriteFile(key_file, PemOf(*made->key), 0600);
  if (written.ok()) written = WriteFile(ca_file, PemOf(*made->certificate), 0644);
  if (!written.ok()) return written;
  return made;
}

}  // namespace

absl::StatusOr<Certificates> MakeCertificates(const std::string& state_dir, CertificateKind kind) {
  if (mkdir(state_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the folder ", state_dir));
  }
  Certificates made;
  made.ca_file = absl::StrCat(state_dir, "/ca.pem");
  const absl::StatusOr<Authority> trusted =
      KeptAuthority(made.ca_file, absl::StrCat(state_dir, "/ca-key.pem"));
  if (!trusted.ok()) return trusted.status();
  const bool other = kind == CertificateKind::kOtherCa;
  absl::StatusOr<Authority> stranger = other ? NewAuthority() : Authority{};
  if (!stranger.ok()) return stranger.status();
  absl::StatusOr<ServerIdentity> server = NewServer(other ? *stranger : *trusted, kind);
  if (!server.ok()) return server.status();
  made.server = *std::move(server);
  const absl::Status written =
      WriteFile(absl::StrCat(state_dir, "/server.pem"), PemOf(*made.server.certificate), 0644);
  if (!written.ok()) return written;
  return made;
}

}  // namespace billbroker::billsim

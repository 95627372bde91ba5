#include "tests/server/bill/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace billbroker {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void AddExtension(X509& x509, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  Require(extension != nullptr);
  X509_add_ext(&x509, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate Draft(const std::string& name, absl::Duration valid_from, absl::Duration valid_until) {
  Certificate draft;
  draft.key.reset(EVP_EC_gen("P-256"));
  draft.x509.reset(X509_new());
  X509& x509 = *draft.x509;
  X509_set_version(&x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(&x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(&x509), absl::ToInt64Seconds(valid_from));
  X509_gmtime_adj(X509_getm_notAfter(&x509), absl::ToInt64Seconds(valid_until));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(&x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_pubkey(&x509, draft.key.get());
  return draft;
}

std::string MakeFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "billbroker-XXXXXX").string();
  Require(mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

}  // namespace

CertificateAuthority::CertificateAuthority()
    : folder_(MakeFolder()),
      self_(Draft(std::filesystem::path(folder_).filename(), absl::Hours(-48), absl::Hours(48))),
      file_(folder_ + "/ca.pem") {
  X509_set_issuer_name(self_.x509.get(), X509_get_subject_name(self_.x509.get()));
  AddExtension(*self_.x509, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(*self_.x509, NID_key_usage, "critical,keyCertSign");
  Require(X509_sign(self_.x509.get(), self_.key.get(), EVP_sha256()) > 0);

  std::FILE* file = std::fopen(file_.c_str(), "w");
  Require(file != nullptr && PEM_write_X509(file, self_.x509.get()) == 1);
  std::fclose(file);
}

CertificateAuthority::~CertificateAuthority() { std::filesystem::remove_all(folder_); }

Certificate CertificateAuthority::Issue(const CertificateShape& shape) const {
  Certificate issued = Draft("billbroker test server", shape.valid_from, shape.valid_until);
  X509_set_issuer_name(issued.x509.get(), X509_get_subject_name(self_.x509.get()));
  AddExtension(*issued.x509, NID_subject_alt_name, shape.host);
  Require(X509_sign(issued.x509.get(), self_.key.get(), EVP_sha256()) > 0);
  return issued;
}

}  // namespace billbroker

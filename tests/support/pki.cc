#include "tests/support/pki.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/child_process.h"

namespace billbroker {
namespace {

constexpr char kNewKey[] = "ec_paramgen_curve:P-256";

}  // namespace

std::string Pki::Run(const std::vector<std::string>& command) const {
  const std::string output = folder_.File("output");
  std::filesystem::remove(output);
  const int exit_code = ChildProcess({command, {}, "", output}).Wait();
  std::ostringstream text;
  text << std::ifstream(output).rdbuf();
  if (exit_code == 0) return text.str();
  std::cerr << absl::StrJoin(command, " ") << "\n" << text.str();
  std::abort();
}

std::string Pki::Write(const std::string& name, const std::string& text) const {
  std::string path = folder_.File(name);
  std::ofstream(path) << text;
  return path;
}

std::string Pki::Ca(const std::string& name) {
  std::string certificate = folder_.File(name + ".pem");
  if (std::filesystem::exists(certificate)) return certificate;
  Run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", kNewKey, "-nodes", "-days", "2",
       "-subj", "/CN=" + name, "-keyout", folder_.File(name + ".key"), "-out", certificate});
  return certificate;
}

Pki::Pair Pki::Issue(const Names& names, Term term, const std::string& ca) {
  const std::string authority = Ca(ca);
  const std::string number = absl::StrCat(++issued_);
  Pair slot{folder_.File(number + ".pem"), folder_.File(number + ".key")};
  const std::string request = folder_.File(number + ".csr");
  Run({"openssl", "req", "-newkey", "ec", "-pkeyopt", kNewKey, "-nodes", "-keyout", slot.key,
       "-subj", names.common_name.empty() ? "/" : "/CN=" + names.common_name, "-out", request});
  ::chmod(slot.key.c_str(), 0600);
  // Only `openssl ca` can set the dates.
  const std::string config = Write(
      "ca.conf",
      absl::StrCat("[ca]\ndefault_ca = c\n[c]\ndatabase = ", Write(number + ".db", ""),
                   "\nnew_certs_dir = ", folder_.path(), "\ndefault_md = sha256\npolicy = p\n",
                   "rand_serial = yes\nx509_extensions = e\n[p]\ncommonName = optional\n",
                   "[e]\nbasicConstraints = critical, CA:FALSE\n",
                   names.alt_names.empty() ? "" : "subjectAltName = " + names.alt_names, "\n"));
  const char* const begins = term == Term::kNotYet ? "20900101000000Z" : "20200101000000Z";
  const char* const ends = term == Term::kOver ? "20210101000000Z" : "20910101000000Z";
  Run({"openssl", "ca", "-batch", "-notext", "-config", config, "-cert", authority, "-keyfile",
       folder_.File(ca + ".key"), "-startdate", begins, "-enddate", ends, "-in", request, "-out",
       slot.certificate});
  return slot;
}

std::string Pki::Print(const std::string& certificate, const std::string& what) const {
  return Run({"openssl", "x509", "-noout", "-in", certificate, what});
}

}  // namespace billbroker

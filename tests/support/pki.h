// Pki: certificates that the openssl command creates.
#pragma once

#include <string>
#include <vector>

#include "tests/support/temp_folder.h"

namespace billbroker {

// Aborts with the output of openssl if a step fails. All files are PEM.
class Pki final {
 public:
  // The names in a certificate. `alt_names` has the syntax of x509v3_config, such as "DNS:a,URI:b".
  struct Names {
    std::string common_name;  // empty: none
    std::string alt_names;    // empty: none
  };
  enum class Term { kNow, kOver, kNotYet };
  struct Pair {
    std::string certificate;  // paths
    std::string key;
  };

  Pki() = default;
  Pki(const Pki&) = delete;
  Pki& operator=(const Pki&) = delete;

  // Returns the path of the CA's certificate. The first call creates the CA.
  std::string Ca(const std::string& name = "ca");
  Pair Issue(const Names& names, Term term = Term::kNow, const std::string& ca = "ca");
  // Returns the output of `openssl x509` with the option `what`, such as "-serial".
  std::string Print(const std::string& certificate, const std::string& what) const;

 private:
  std::string Run(const std::vector<std::string>& command) const;
  [[nodiscard]] std::string Write(const std::string& name, const std::string& text) const;

  TempFolder folder_;
  int issued_ = 0;
};

}  // namespace billbroker

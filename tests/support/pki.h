// Pki: certificates, made by the openssl command as people make them.
#pragma once

#include <string>
#include <vector>

#include "tests/support/temp_folder.h"

namespace billbroker {

// Aborts, with what openssl said, where a step does not succeed. All files are PEM.
class Pki final {
 public:
  // What a certificate says; `alt_names` as in openssl's x509v3_config, such as "DNS:a,URI:b".
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

  // The CA's certificate; made when it is first named.
  std::string Ca(const std::string& name = "ca");
  Pair Issue(const Names& names, Term term = Term::kNow, const std::string& ca = "ca");
  // What `openssl x509` prints of it, such as with "-serial".
  std::string Print(const std::string& certificate, const std::string& what) const;

 private:
  std::string Run(const std::vector<std::string>& command) const;
  [[nodiscard]] std::string Write(const std::string& name, const std::string& text) const;

  TempFolder folder_;
  int issued_ = 0;
};

}  // namespace billbroker

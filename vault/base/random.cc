#include "vault/base/random.h"

#include <sodium.h>

#include <array>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace billbroker {

double SystemRandom::Uniform() {
  return static_cast<double>(randombytes_random()) / 4294967296.0;  // 2^32
}

std::string SystemRandom::Uid() {
  std::array<char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace billbroker

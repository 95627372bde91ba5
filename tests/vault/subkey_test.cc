#include "vault/subkey.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "absl/strings/escaping.h"

namespace billbroker {
namespace {

// Computed without libsodium, with Python's hashlib: blake2b keyed with the master key, the number
// as the salt and the purpose as the personalization. Stored files depend on these keys.
TEST(SubkeyTest, StaysTheSameAcrossReleases) {
  std::string bytes(32, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  const SecretString master_key = SecretString::CopyOf(bytes);
  const auto hex = [&master_key](Subkey subkey) {
    return absl::BytesToHexString(DeriveSubkey(master_key, subkey).Reveal());
  };
  EXPECT_EQ(hex(Subkey::kFingerprints),
            "539322a15dc20eb8c0422c5c99974ef1a035bad83b1767465d97387416c46f92");
  EXPECT_EQ(hex(Subkey::kSealedBox),
            "3b98cdae4aa2c09f3a272b07912c115f7f37a32ea49c8e99afa043ef1a19e6fc");
  EXPECT_EQ(hex(Subkey::kAuditLog),
            "e3280f4055a0f1d4b01e162e09c643b5525e9bc7ac80829700fbe5378402c3fe");
}

}  // namespace
}  // namespace billbroker

#include "vault/fingerprint.h"

#include <gtest/gtest.h>

#include <string>

namespace billbroker {
namespace {

SecretString FingerprintKey(char fill) { return SecretString::CopyOf(std::string(32, fill)); }
SecretString Secret(absl::string_view text) { return SecretString::CopyOf(text); }

TEST(FingerprinterTest, DiffersBySecretAndByKey) {
  const Fingerprinter fingerprinter(FingerprintKey('a'));
  EXPECT_EQ(fingerprinter.Of(Secret("one")), Fingerprinter(FingerprintKey('a')).Of(Secret("one")));
  EXPECT_NE(fingerprinter.Of(Secret("one")), fingerprinter.Of(Secret("two")));
  EXPECT_NE(fingerprinter.Of(Secret("one")), Fingerprinter(FingerprintKey('b')).Of(Secret("one")));
}

TEST(FingerprinterTest, Is16HexadecimalDigits) {
  const std::string fingerprint = Fingerprinter(FingerprintKey('a')).Of(Secret("one"));
  EXPECT_EQ(fingerprint.size(), 16u);
  EXPECT_EQ(fingerprint.find_first_not_of("0123456789abcdef"), std::string::npos);
}

// Stored sessions and quarantines use it as their key: a change would lose them all.
TEST(FingerprinterTest, StaysTheSameAcrossReleases) {
  EXPECT_EQ(Fingerprinter(FingerprintKey('a')).Of(Secret("one")), "3a8124dc371568e4");
}

TEST(FingerprinterTest, IsEmptyForAnEmptySecret) {
  EXPECT_EQ(Fingerprinter(FingerprintKey('a')).Of(SecretString()), "");
  EXPECT_EQ(Fingerprinter(FingerprintKey('a')).Of("context", SecretString()), "");
}

TEST(FingerprinterTest, DiffersByContext) {
  const Fingerprinter fingerprinter(FingerprintKey('a'));
  EXPECT_NE(fingerprinter.Of("ann", Secret("one")), fingerprinter.Of("bob", Secret("one")));
  EXPECT_NE(fingerprinter.Of("ab", Secret("c")), fingerprinter.Of("a", Secret("bc")));
  EXPECT_NE(fingerprinter.Of("a", Secret("b")), fingerprinter.Of(Secret("ab")));
}

}  // namespace
}  // namespace billbroker

#include "vault/sealed_box.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <string>

#include "absl/strings/match.h"

namespace billbroker {
namespace {

SecretString Key(char fill) { return SecretString::CopyOf(std::string(32, fill)); }
SecretString Secret(absl::string_view text) { return SecretString::CopyOf(text); }

TEST(SealedBoxTest, OpensWhatItSealed) {
  const SealedBox box(Key('a'));
  const std::string large(20'000, 's');
  for (const std::string& text : {std::string(), std::string("s3cret"), large}) {
    const std::string sealed = box.Seal(Secret(text), "place");
    EXPECT_EQ(sealed.size(), text.size() + SealedBox::kOverheadBytes);
    const absl::StatusOr<SecretString> opened = SealedBox(Key('a')).Open(sealed, "place");
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(*opened == Secret(text));
  }
}

TEST(SealedBoxTest, ShowsNothingAndNeverSealsTheSameWay) {
  const SealedBox box(Key('a'));
  const std::string sealed = box.Seal(Secret("known s3cret"), "known place");
  EXPECT_FALSE(absl::StrContains(sealed, "known"));
  EXPECT_NE(sealed, box.Seal(Secret("known s3cret"), "known place"));
}

TEST(SealedBoxTest, AnotherKeyOrPlaceDoesNotOpenIt) {
  const SealedBox box(Key('a'));
  const std::string sealed = box.Seal(Secret("s3cret"), "place");
  EXPECT_EQ(SealedBox(Key('b')).Open(sealed, "place").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(box.Open(sealed, "another").ok());
  EXPECT_FALSE(box.Open(sealed, "").ok());
}

TEST(SealedBoxTest, NoChangedByteAndNoShorterTextOpens) {
  const SealedBox box(Key('a'));
  const std::string sealed = box.Seal(Secret("s3cret"), "place");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(box.Open(changed, "place").ok()) << i;
    EXPECT_FALSE(box.Open(sealed.substr(0, i), "place").ok()) << i;
  }
  EXPECT_FALSE(box.Open(sealed + '\0', "place").ok());
}

// A daemon opens what an older release sealed.
TEST(SealedBoxTest, StaysTheSameAcrossReleases) {
  const absl::string_view hex =
      "000102030405060708090a0b0c0d0e0f101112131415161732f0825c51ad8aa53112e9d7fec07aeeb4085316e40"
      "9";
  std::string sealed(hex.size() / 2, '\0');
  ASSERT_EQ(sodium_hex2bin(reinterpret_cast<unsigned char*>(sealed.data()), sealed.size(),
                           hex.data(), hex.size(), nullptr, nullptr, nullptr),
            0);
  const absl::StatusOr<SecretString> opened = SealedBox(Key('a')).Open(sealed, "place");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->Reveal(), "s3cret");
}

}  // namespace
}  // namespace billbroker

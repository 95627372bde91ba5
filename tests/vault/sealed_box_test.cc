#include "vault/sealed_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SecretString Key(char fill) { return SecretString::CopyOf(std::string(32, fill)); }
SecretString SealedText(absl::string_view text) { return SecretString::CopyOf(text); }

TEST(SealedBoxTest, OpensASealedText) {
  const SealedBox box(Key('a'));
  const std::string large(20'000, 's');
  for (const std::string& text : {std::string(), std::string("s3cret"), large}) {
    const std::string sealed = box.Seal(SealedText(text), "place");
    EXPECT_EQ(sealed.size(), text.size() + SealedBox::kOverheadBytes);
    const absl::StatusOr<SecretString> opened = SealedBox(Key('a')).Open(sealed, "place");
    ASSERT_THAT(opened, IsOk());
    EXPECT_TRUE(*opened == SealedText(text));
  }
}

TEST(SealedBoxTest, HidesTheTextAndUsesANewNonce) {
  const SealedBox box(Key('a'));
  const std::string sealed = box.Seal(SealedText("known s3cret"), "known place");
  EXPECT_THAT(sealed, Not(HasSubstr("known")));
  EXPECT_NE(sealed, box.Seal(SealedText("known s3cret"), "known place"));
}

TEST(SealedBoxTest, RejectsOtherKeyOrPlace) {
  const SealedBox box(Key('a'));
  const std::string sealed = box.Seal(SealedText("s3cret"), "place");
  EXPECT_THAT(SealedBox(Key('b')).Open(sealed, "place"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(box.Open(sealed, "another-unique-id-0001"), Not(IsOk()));
  EXPECT_THAT(box.Open(sealed, ""), Not(IsOk()));
}

TEST(SealedBoxTest, RejectsChangedOrTruncatedText) {
  const SealedBox box(Key('a'));
  const std::string sealed = box.Seal(SealedText("s3cret"), "place");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_THAT(box.Open(changed, "place"), Not(IsOk())) << i;
    EXPECT_THAT(box.Open(sealed.substr(0, i), "place"), Not(IsOk())) << i;
  }
  EXPECT_THAT(box.Open(sealed + '\0', "place"), Not(IsOk()));
}

// A daemon must open texts that an older release has sealed.
TEST(SealedBoxTest, StaysTheSameAcrossReleases) {
  const absl::string_view hex =
      "000102030405060708090a0b0c0d0e0f101112131415161732f0825c51ad8aa53112e9d7fec07aeeb4085316e40"
      "9";
  std::string sealed(hex.size() / 2, '\0');
  ASSERT_EQ(sodium_hex2bin(reinterpret_cast<unsigned char*>(sealed.data()), sealed.size(),
                           hex.data(), hex.size(), nullptr, nullptr, nullptr),
            0);
  const absl::StatusOr<SecretString> opened = SealedBox(Key('a')).Open(sealed, "place");
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(opened->Reveal(), "s3cret");
}

}  // namespace
}  // namespace billbroker

#include "vault/base/secret_string.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <type_traits>
#include <utility>

namespace billbroker {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

TEST(SecretStringTest, CannotBeCopiedOrPrinted) {
  static_assert(!std::is_copy_constructible_v<SecretString>);
  static_assert(!std::is_copy_assignable_v<SecretString>);
  static_assert(!Streamable<SecretString>);
  EXPECT_EQ(testing::PrintToString(SecretString::CopyOf("s3cret")), "SecretString of 6 bytes");
}

TEST(SecretStringTest, HoldsArbitraryBytes) {
  const std::string bytes("a\0b\xff", 4);
  EXPECT_EQ(SecretString::CopyOf(bytes).Reveal(), bytes);
  EXPECT_TRUE(SecretString().empty());
  EXPECT_TRUE(SecretString::CopyOf("").empty());
}

TEST(SecretStringTest, MoveEmptiesTheSource) {
  SecretString from = SecretString::CopyOf("s3cret");
  SecretString to(std::move(from));
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): tested on purpose
  EXPECT_EQ(to.Reveal(), "s3cret");
  SecretString other = SecretString::CopyOf("another-unique-id-0001");
  other = std::move(to);
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move): tested on purpose
  EXPECT_EQ(other.Reveal(), "s3cret");
}

TEST(SecretStringTest, ComparesBytes) {
  const SecretString secret = SecretString::CopyOf("s3cret");
  EXPECT_TRUE(secret == secret.Clone());
  EXPECT_FALSE(secret == SecretString::CopyOf("s3creT"));
  EXPECT_FALSE(secret == SecretString::CopyOf("s3cret!"));
  EXPECT_TRUE(SecretString() == SecretString());
}

TEST(SecretBuilderTest, GrowsPieceByPiece) {
  SecretBuilder builder;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    builder.Append("piece").Append("");
    expected += "piece";
  }
  EXPECT_EQ(builder.size(), expected.size());
  EXPECT_TRUE(std::move(builder).Build() == SecretString::CopyOf(expected));
}

TEST(WipeStringTest, WipesContentAndCapacity) {
  std::string text = "a s3cret that is too long for the string object itself";
  text.resize(8);
  const char* held = text.data();
  const std::size_t room = text.capacity();
  WipeString(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.data(), held);
  EXPECT_EQ(std::string(held, room), std::string(room, '\0'));
}

}  // namespace
}  // namespace billbroker

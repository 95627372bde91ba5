#include "vault/base/json/json_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

// Returns "!" if the string is refused.
std::string ReadString(absl::string_view json) {
  JsonReader reader(json);
  SecretString value;
  return reader.String(value) && reader.AtEnd() ? std::string(value.Reveal()) : "!";
}

bool ReadsUint(absl::string_view json, std::uint64_t expected) {
  JsonReader reader(json);
  std::uint64_t value = 0;
  return reader.Uint(value) && reader.AtEnd() && value == expected;
}

TEST(JsonReaderTest, StringsAreUnescaped) {
  EXPECT_EQ(ReadString(R"("")"), "");
  EXPECT_EQ(ReadString(R"( "plain" )"), "plain");
  EXPECT_EQ(ReadString(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(ReadString(R"("\u0041\u00e9\u20AC\ud83d\ude00")"),
            "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(ReadString(R"("\u0000")"), std::string(1, '\0'));
}

TEST(JsonReaderTest, RejectsMalformedStrings) {
  for (const char* json : {"", "\"", "plain", R"("open)", R"("\)", R"("\x")", R"("\u12")",
                           R"("\u12g4")", R"("\ud83d")", R"("\ud83dx")", R"("\ud83d\u0041")",
                           R"("\ude00")", "\"line\nbreak\"", R"("two" "strings")"}) {
    EXPECT_EQ(ReadString(json), "!") << json;
  }
}

TEST(JsonReaderTest, WholeNumbersAreReadExactly) {
  EXPECT_TRUE(ReadsUint("0", 0));
  EXPECT_TRUE(ReadsUint("18446744073709551615", 18446744073709551615u));
  for (const char* json : {"", "-1", "+1", "01", "1.0", "1e3", "18446744073709551616", "x"}) {
    EXPECT_FALSE(ReadsUint(json, 1)) << json;
  }
}

TEST(JsonReaderTest, BooleansAreReadExactly) {
  bool value = false;
  EXPECT_TRUE(JsonReader("true").Bool(value));
  EXPECT_TRUE(value);
  EXPECT_TRUE(JsonReader(" false").Bool(value));
  EXPECT_FALSE(value);
  EXPECT_FALSE(JsonReader("1").Bool(value));
}

// Returns the members of an object of whole numbers in order, or "!" if it is refused.
std::string ReadObject(absl::string_view json) {
  JsonReader reader(json);
  std::string members;
  const bool read = reader.Object([&](absl::string_view key) {
    std::uint64_t value = 0;
    if (!reader.Uint(value)) return false;
    absl::StrAppend(&members, key, "=", value, ";");
    return true;
  });
  return read && reader.AtEnd() ? members : "!";
}

TEST(JsonReaderTest, ObjectsAreReadMemberByMember) {
  EXPECT_EQ(ReadObject("{}"), "");
  EXPECT_EQ(ReadObject(" { \"a\" : 1 ,\n\"b\":2 } "), "a=1;b=2;");
  for (const char* json : {"{", "{,}", R"({"a"})", R"({"a":})", R"({"a":1,})", R"({"a":1 "b":2})",
                           R"({a:1})", R"({"a":1}})", R"({"\u0061":1})", "[]"}) {
    EXPECT_EQ(ReadObject(json), "!") << json;
  }
}

TEST(JsonReaderTest, ArraysAreReadElementByElement) {
  std::uint64_t sum = 0;
  JsonReader reader("[1, 2,3 ]");
  EXPECT_TRUE(reader.Array([&] {
    std::uint64_t value = 0;
    const bool read = reader.Uint(value);
    sum += value;
    return read;
  }));
  EXPECT_EQ(sum, 6u);
  JsonReader open("[1,");
  std::uint64_t value = 0;
  EXPECT_FALSE(open.Array([&] { return open.Uint(value); }));
}

TEST(JsonReaderTest, TimesAreFinite) {
  absl::Time time;
  EXPECT_TRUE(JsonReader(R"("2026-03-01T12:00:00.25+01:00")").Time(time));
  EXPECT_EQ(time, absl::FromUnixMillis(1'772'362'800'250));
  for (const char* json : {R"("infinite-future")", R"("infinite-past")", R"("2026-03-01")", R"("")",
                           R"("2026-03-01T12:00:00Z x")", "1772362800"}) {
    EXPECT_FALSE(JsonReader(json).Time(time)) << json;
  }
}

struct ObjectCase {
  const char* name;
  const char* text;
  JsonFault::Kind kind;
  const char* key;
  int number;
};

class ReadObjectTest : public ::testing::TestWithParam<ObjectCase> {};

TEST_P(ReadObjectTest, ReportsTheFirstFault) {
  JsonReader json(GetParam().text);
  std::string first;
  std::uint64_t second = 0;
  bool third = false;
  const JsonFault fault =
      ReadObject(json, {{"first", [&] { return json.Text(first); }},
                        {"second", [&] { return json.Uint(second) && second < 100; }},
                        {"third", [&] { return json.Bool(third); }, JsonMember::kOptional}});
  EXPECT_EQ(fault.kind, GetParam().kind);
  EXPECT_EQ(fault.key, GetParam().key);
  EXPECT_EQ(fault.number, GetParam().number);
  EXPECT_EQ(fault.ok(), GetParam().kind == JsonFault::kNone);
  if (fault.ok()) {
    EXPECT_EQ(first, "x");
    EXPECT_EQ(second, 7u);
    EXPECT_TRUE(json.AtEnd());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Objects, ReadObjectTest,
    ::testing::Values(
        ObjectCase{"All", R"({"first":"x","second":7,"third":true})", JsonFault::kNone, "", 0},
        ObjectCase{"AnyOrder", R"({"third":true,"second":7,"first":"x"})", JsonFault::kNone, "", 0},
        ObjectCase{"NoOptional", R"({"second":7,"first":"x"})", JsonFault::kNone, "", 0},
        ObjectCase{"Missing", R"({"first":"x","third":true})", JsonFault::kMissingMember, "second",
                   0},
        ObjectCase{"Empty", "{}", JsonFault::kMissingMember, "first", 0},
        ObjectCase{"Duplicate", R"({"first":"x","second":7,"first":"x"})",
                   JsonFault::kDuplicateMember, "first", 3},
        ObjectCase{"DuplicateOptional", R"({"third":true,"third":true})",
                   JsonFault::kDuplicateMember, "third", 2},
        ObjectCase{"Unknown", R"({"first":"x","s3cret":7})", JsonFault::kUnknownMember, "", 2},
        ObjectCase{"Prefix", R"({"firs":"x"})", JsonFault::kUnknownMember, "", 1},
        ObjectCase{"WrongType", R"({"second":"7"})", JsonFault::kBadValue, "second", 1},
        ObjectCase{"Rejected", R"({"first":"x","second":100})", JsonFault::kBadValue, "second", 2},
        ObjectCase{"Array", "[]", JsonFault::kMalformed, "", 0},
        ObjectCase{"Open", R"({"first":"x")", JsonFault::kMalformed, "", 1},
        ObjectCase{"NoComma", R"({"first":"x" "second":7})", JsonFault::kMalformed, "", 1},
        ObjectCase{"EscapedKey", R"({"\u0066irst":"x"})", JsonFault::kMalformed, "", 0}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace billbroker

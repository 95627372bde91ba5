#include "vault/base/json/json_view.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace billbroker {
namespace {

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

absl::optional<std::string> TextOf(absl::string_view json, std::size_t max_bytes = 64) {
  const absl::optional<JsonView> value = JsonView::Parse(json);
  if (!value.has_value()) return absl::nullopt;
  const absl::optional<SecretString> text = value->Text(max_bytes);
  if (!text.has_value()) return absl::nullopt;
  return std::string(text->Reveal());
}

TEST(JsonViewTest, AcceptsValidJson) {
  for (const absl::string_view json :
       {"{}", "[]", "\"\"", "true", "false", "null", "0", "-0.5e+3", "12E9",
        " [1, {\"a\" : [ ]}]\n", "{\"a\":1,\"a\":2}", "\"\\u00e9\\/\\\"\"", "\"\x7f\xc3\xa9\""}) {
    EXPECT_TRUE(JsonView::Parse(json).has_value()) << json;
  }
}

TEST(JsonViewTest, RejectsInvalidJson) {
  for (const absl::string_view json :
       {"",         " ",     "{",          "}",    "[1,]",   "[1 2]",   "{\"a\"}",
        "{\"a\":}", "{a:1}", "{\"a\":1,}", "\"",   "\"\\\"", "\"\\x\"", "\"\\u12g4\"",
        "\"\n\"",   "tru",   "nulls",      "01",   "-",      "1.",      ".5",
        "1e",       "+1",    "[] []",      "{} x", "'a'",    "<html>",  "\xEF\xBB\xBF{}"}) {
    EXPECT_FALSE(JsonView::Parse(json).has_value()) << json;
  }
}

TEST(JsonViewTest, RejectsDeepNesting) {
  EXPECT_TRUE(JsonView::Parse(Nested(JsonView::kDeepestNesting)).has_value());
  EXPECT_FALSE(JsonView::Parse(Nested(JsonView::kDeepestNesting + 1)).has_value());
  EXPECT_FALSE(JsonView::Parse(std::string(1 << 20, '[')).has_value());
}

TEST(JsonViewTest, FindReturnsTheLastMember) {
  const JsonView object = *JsonView::Parse(R"({"a":"x" , "b":{"a":"inner"},"a" : "y","n":null})");
  EXPECT_EQ(object.Find("a")->Text(9)->Reveal(), "y");
  EXPECT_EQ(object.Find("b")->Find("a")->Text(9)->Reveal(), "inner");
  EXPECT_FALSE(object.Find("c").has_value());
  EXPECT_FALSE(object.Find("n").has_value());
  EXPECT_FALSE(JsonView::Parse(R"(["a"])")->Find("a").has_value());
}

TEST(JsonViewTest, VisitsElementsInOrder) {
  std::vector<JsonView::Kind> kinds;
  JsonView::Parse(R"([ 1,"x" , [2,3],{"a":[]},null,true ])")->ForEach([&](JsonView element) {
    kinds.push_back(element.kind());
  });
  using Kind = JsonView::Kind;
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::kNumber, Kind::kString, Kind::kArray, Kind::kObject,
                                      Kind::kNull, Kind::kBool}));
}

TEST(JsonViewTest, TextDecodesEscapes) {
  EXPECT_EQ(TextOf(R"("a\/b\\\"\b\f\n\r\t")"), "a/b\\\"\b\f\n\r\t");
  EXPECT_EQ(TextOf(R"("abc\u003d\u003D")"), "abc==");
  EXPECT_EQ(TextOf(R"("\u00e9\u20ac\ud83d\ude00")"), "é€😀");
}

TEST(JsonViewTest, TextRejectsUnpairedSurrogates) {
  for (const absl::string_view json :
       {R"("\ud83d")", R"("\ud83dx")", R"("\ud83d\u0041")", R"("\ude00")", R"("\ud83d\n")"}) {
    EXPECT_EQ(TextOf(json), absl::nullopt) << json;
  }
}

TEST(JsonViewTest, TextRejectsLongText) {
  EXPECT_EQ(TextOf(R"("abcd")", 4), "abcd");
  EXPECT_EQ(TextOf(R"("abcde")", 4), absl::nullopt);
  EXPECT_EQ(TextOf(R"("abc\u00e9")", 4), absl::nullopt);
  EXPECT_EQ(TextOf("7"), absl::nullopt);
}

}  // namespace
}  // namespace billbroker

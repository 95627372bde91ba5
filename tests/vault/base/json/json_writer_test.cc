#include "vault/base/json/json_writer.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "vault/base/json/json_reader.h"

namespace billbroker {
namespace {

using Escaping = JsonWriter::Escaping;

std::string Written(absl::string_view text, Escaping escaping) {
  JsonWriter json(escaping);
  json.String(text);
  return std::string(std::move(json).Build().Reveal());
}

std::string Parsed(const std::string& json) {
  return nlohmann::json::parse(json).get<std::string>();
}

TEST(JsonWriterTest, WritesValuesWithCommas) {
  JsonWriter json;
  json.Object([&] {
    json.String("text", "a").Uint("number", 18446744073709551615u).Bool("yes", true);
    json.Key("list").Array([&] {
      json.String("b").Object([] {}).Array([] {});
      json.Object([&] { json.Bool("no", false).Key("inner").String("c"); });
      json.String("d");
    });
    json.Key("none").Object([] {}).String("last", "");
  });
  EXPECT_EQ(std::move(json).Build().Reveal(),
            R"({"text":"a","number":18446744073709551615,"yes":true,)"
            R"("list":["b",{},[],{"no":false,"inner":"c"},"d"],"none":{},"last":""})");
}

TEST(JsonWriterTest, WritesTimesInUtc) {
  JsonWriter json;
  const absl::Time time = absl::FromUnixSeconds(1'800'000'000) + absl::Milliseconds(250);
  json.Object([&] { json.Time("time", time); });
  EXPECT_EQ(std::move(json).Build().Reveal(), R"({"time":"2027-01-15T08:00:00.25+00:00"})");
}

TEST(JsonWriterTest, EscapesAreExact) {
  const absl::string_view text("\"\\/\b\n\x1f\0\x7f", 8);
  EXPECT_EQ(Written(text, Escaping::kExact), "\"\\\"\\\\/\\u0008\\u000a\\u001f\\u0000\x7f\"");
  EXPECT_EQ(Written(text, Escaping::kUtf8), "\"\\u0022\\u005c/\\u0008\\u000a\\u001f\\u0000\x7f\"");
}

TEST(JsonWriterTest, KeysAreEscaped) {
  JsonWriter json;
  json.Object([&] { json.String("\"k\n", "v"); });
  EXPECT_EQ(std::move(json).Build().Reveal(), R"({"\"k\u000a":"v"})");
}

TEST(JsonWriterTest, ReaderReturnsEveryByteOfExactText) {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text.push_back(static_cast<char>(byte));
  const std::string json = Written(text, Escaping::kExact);
  SecretString value;
  EXPECT_TRUE(JsonReader(json).String(value));
  EXPECT_EQ(value.Reveal(), text);
}

TEST(JsonWriterTest, ParserReadsAnyTextBack) {
  std::string all_ascii;
  for (int c = 0; c < 0x80; ++c) all_ascii.push_back(static_cast<char>(c));
  for (const std::string& text : {std::string(), all_ascii, std::string("héllo €uro 😀"),
                                  std::string("\"}, \"admin\": true"), std::string(5000, '\\')}) {
    EXPECT_EQ(Parsed(Written(text, Escaping::kUtf8)), text);
    EXPECT_EQ(Parsed(Written(text, Escaping::kExact)), text);
  }
}

TEST(JsonWriterTest, InvalidUtf8IsReadAsLatin1) {
  const struct {
    const char* text;
    const char* utf8;
  } cases[] = {
      {"caf\xe9", "café"},                                // Latin-1
      {"\xff\xfe", "ÿþ"},                                 // never in UTF-8
      {"\xc3", "Ã"},                                      // cut short
      {"\xe2\x82", "â\xc2\x82"},                          // cut short
      {"\xc0\xaf", "À¯"},                                 // overlong
      {"\xe0\x80\xaf", "à\xc2\x80¯"},                     // overlong
      {"\xf0\x80\x80\xaf", "ð\xc2\x80\xc2\x80¯"},         // overlong
      {"\xed\xa0\x80", "í\xc2\xa0\xc2\x80"},              // half a surrogate pair
      {"\xf4\x90\x80\x80", "ô\xc2\x90\xc2\x80\xc2\x80"},  // above U+10FFFF
      {"\xf5\x80\x80\x80", "õ\xc2\x80\xc2\x80\xc2\x80"},
      {"\x80x", "\xc2\x80x"},  // a continuation without a start
      {"é\xe9", "éé"},
  };
  for (const auto& c : cases) {
    const std::string json = Written(c.text, Escaping::kUtf8);
    EXPECT_EQ(Parsed(json), c.utf8) << json;
  }
}

}  // namespace
}  // namespace billbroker

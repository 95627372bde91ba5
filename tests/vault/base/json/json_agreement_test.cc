// Checks that JsonReader, JsonView and JsonScanner accept the same texts and read the same values.
// The table has only types that JsonReader reads, and objects with the members "a" and "b".
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "vault/base/json/json_reader.h"
#include "vault/base/json/json_scanner.h"
#include "vault/base/json/json_view.h"

namespace billbroker {
namespace {

constexpr std::size_t kAnySize = 1 << 20;

struct JsonCase {
  const char* name;
  std::string text;
  absl::optional<std::string> values;  // nullopt if the text is malformed
};

// Appends the next value of `json` to `values`, such as "{a=7;b=[x;true;];}".
bool AppendNext(JsonReader& json, std::string& values, char first);

// Reads a value of any type: tries each type on a copy of the reader.
bool AppendAny(JsonReader& json, std::string& values) {
  for (const char first : {'"', '7', 't', '{', '['}) {
    JsonReader copy = json;
    std::string read;
    if (!AppendNext(copy, read, first)) continue;
    json = copy;
    absl::StrAppend(&values, read, ";");
    return true;
  }
  return false;
}

bool AppendNext(JsonReader& json, std::string& values, char first) {
  if (first == '"') {
    SecretString text;
    if (!json.String(text)) return false;
    absl::StrAppend(&values, text.Reveal());
    return true;
  }
  if (first == '7') {
    std::uint64_t number = 0;
    if (!json.Uint(number)) return false;
    absl::StrAppend(&values, number);
    return true;
  }
  if (first == 't') {
    bool value = false;
    if (!json.Bool(value)) return false;
    values += value ? "true" : "false";
    return true;
  }
  values += first;
  if (first == '[') {
    if (!json.Array([&] { return AppendAny(json, values); })) return false;
    values += ']';
    return true;
  }
  const auto member = [&](absl::string_view key) {
    absl::StrAppend(&values, key, "=");
    return AppendAny(json, values);
  };
  if (!json.Object(member)) return false;
  values += '}';
  return true;
}

absl::optional<std::string> ByReader(absl::string_view text) {
  JsonReader json(text);
  std::string values;
  if (!AppendAny(json, values) || !json.AtEnd()) return absl::nullopt;
  return values;
}

// Returns false if a string has no text.
bool AppendView(const JsonView& view, std::string& values) {
  bool readable = true;
  if (view.kind() == JsonView::Kind::kString) {
    const absl::optional<SecretString> text = view.Text(kAnySize);
    if (!text.has_value()) return false;
    absl::StrAppend(&values, text->Reveal());
  } else if (view.kind() == JsonView::Kind::kNumber) {
    absl::StrAppend(&values, view.Number());
  } else if (view.kind() == JsonView::Kind::kBool) {
    values += view.IsTrue() ? "true" : "false";
  } else if (view.kind() == JsonView::Kind::kArray) {
    values += '[';
    view.ForEach([&](JsonView element) { readable = readable && AppendView(element, values); });
    values += ']';
  } else {
    values += '{';
    for (const absl::string_view key : {"a", "b"}) {
      const absl::optional<JsonView> member = view.Find(key);
      if (!member.has_value()) continue;
      absl::StrAppend(&values, key, "=");
      readable = readable && AppendView(*member, values);
    }
    values += '}';
  }
  values += ';';
  return readable;
}

absl::optional<std::string> ByView(absl::string_view text) {
  const absl::optional<JsonView> view = JsonView::Parse(text);
  std::string values;
  if (!view.has_value() || !AppendView(*view, values)) return absl::nullopt;
  return values;
}

bool ScannerAccepts(absl::string_view text) {
  JsonScanner scanner(text);
  scanner.SkipSpace();
  if (!scanner.SkipValue(JsonView::kDeepestNesting)) return false;
  scanner.SkipSpace();
  return scanner.AtEnd();
}

class JsonAgreementTest : public ::testing::TestWithParam<JsonCase> {};

TEST_P(JsonAgreementTest, ReadersAgree) {
  EXPECT_EQ(ByReader(GetParam().text), GetParam().values);
  EXPECT_EQ(ByView(GetParam().text), GetParam().values);
  EXPECT_EQ(ScannerAccepts(GetParam().text), GetParam().values.has_value());
}

std::string CaseName(const ::testing::TestParamInfo<JsonCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Valid, JsonAgreementTest,
    ::testing::Values(
        JsonCase{"EmptyString", R"("")", ";"}, JsonCase{"Zero", "0", "0;"},
        JsonCase{"LargestNumber", "18446744073709551615", "18446744073709551615;"},
        JsonCase{"True", " true ", "true;"}, JsonCase{"False", "\r\n\tfalse", "false;"},
        JsonCase{"EmptyObject", "{ }", "{};"}, JsonCase{"EmptyArray", "[ ]", "[];"},
        JsonCase{"Object", R"( { "a" : 7 ,"b":[ "x",true ] } )", "{a=7;b=[x;true;];};"},
        JsonCase{"Nested", R"([[{"a":{"b":[]}}],"]"])", "[[{a={b=[];};};];];];"},
        JsonCase{"ShortEscapes", R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t;"},
        JsonCase{"Utf8OfOneByte", R"("\u0041\u007f")", "A\x7f;"},
        JsonCase{"Utf8OfTwoBytes", R"("\u0080\u00e9\u07FF")", "\xc2\x80\xc3\xa9\xdf\xbf;"},
        JsonCase{"Utf8OfThreeBytes", R"("\u0800\u20AC\uffff")",
                 "\xe0\xa0\x80\xe2\x82\xac\xef\xbf\xbf;"},
        JsonCase{"Utf8OfFourBytes", R"("\ud800\uDC00\udbff\udfff")",
                 "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf;"},
        JsonCase{"Nul", R"("\u0000")", std::string("\0;", 2)},
        JsonCase{"BytesThatAreNotUtf8", "\"\xff\x80\"", "\xff\x80;"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Malformed, JsonAgreementTest,
    ::testing::Values(
        JsonCase{"Empty", "", {}}, JsonCase{"Space", " ", {}}, JsonCase{"Word", "plain", {}},
        JsonCase{"OpenString", R"("open)", {}}, JsonCase{"OpenEscape", R"("\)", {}},
        JsonCase{"EscapedQuoteAtTheEnd", R"("\")", {}}, JsonCase{"UnknownEscape", R"("\x")", {}},
        JsonCase{"ShortCodeUnit", R"("\u12")", {}}, JsonCase{"BadCodeUnit", R"("\u12g4")", {}},
        JsonCase{"LineBreak", "\"a\nb\"", {}}, JsonCase{"NulByte", std::string("\"\0\"", 3), {}},
        JsonCase{"TwoValues", R"("a" "b")", {}}, JsonCase{"TwoObjects", "{}{}", {}},
        JsonCase{"PlusSign", "+1", {}}, JsonCase{"LeadingZero", "01", {}},
        JsonCase{"LongWord", "trues", {}}, JsonCase{"ShortWord", "tru", {}},
        JsonCase{"OpenObject", "{", {}}, JsonCase{"ClosedObject", "}", {}},
        JsonCase{"CommaInObject", "{,}", {}}, JsonCase{"KeyOnly", R"({"a"})", {}},
        JsonCase{"NoValue", R"({"a":})", {}}, JsonCase{"NoKey", R"({:1})", {}},
        JsonCase{"NumberAsKey", R"({1:1})", {}}, JsonCase{"BareKey", R"({a:1})", {}},
        JsonCase{"CommaAfterMember", R"({"a":1,})", {}},
        JsonCase{"NoCommaInObject", R"({"a":1 "b":2})", {}},
        JsonCase{"TextAfterObject", R"({"a":1}})", {}}, JsonCase{"OpenArray", "[1,", {}},
        JsonCase{"CommaAfterElement", "[1,]", {}}, JsonCase{"NoCommaInArray", "[1 2]", {}},
        JsonCase{"ObjectClosesArray", "[1}", {}}, JsonCase{"ByteOrderMark", "\xEF\xBB\xBF{}", {}}),
    CaseName);

class JsonSurrogateTest : public ::testing::TestWithParam<const char*> {};

// Half a surrogate pair is a token of JSON, but has no text.
TEST_P(JsonSurrogateTest, ReaderAndViewRejectHalfAPair) {
  EXPECT_TRUE(ScannerAccepts(GetParam()));
  EXPECT_EQ(ByReader(GetParam()), absl::nullopt);
  EXPECT_EQ(ByView(GetParam()), absl::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Half, JsonSurrogateTest,
                         ::testing::Values(R"("\ud83d")", R"("\ud83dx")", R"("\ud83d\n")",
                                           R"("\ud83d\u0041")", R"("\ud83d\ud83d")", R"("\ude00")",
                                           R"(["x","\ude00"])"));

}  // namespace
}  // namespace billbroker

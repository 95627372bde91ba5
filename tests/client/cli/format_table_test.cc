#include <gtest/gtest.h>

#include <sstream>

#include "client/cli/format.h"
#include "client/cli/table.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

TEST(FormatTest, FormatsDurations) {
  EXPECT_EQ(LengthText(absl::ZeroDuration()), "0 s");
  EXPECT_EQ(LengthText(absl::Seconds(-5)), "0 s");
  EXPECT_EQ(LengthText(absl::Milliseconds(1999)), "1 s");
  EXPECT_EQ(LengthText(absl::Seconds(59)), "59 s");
  EXPECT_EQ(LengthText(absl::Minutes(34) + absl::Seconds(59)), "34 min");
  EXPECT_EQ(LengthText(absl::Hours(2)), "2 h");
  EXPECT_EQ(LengthText(absl::Minutes(125)), "2 h 5 min");
  EXPECT_EQ(LengthText(absl::Hours(73)), "3 d 1 h");
}

TEST(FormatTest, RoundsWaitsUp) {
  EXPECT_EQ(WaitText(absl::ZeroDuration()), "1 s");
  EXPECT_EQ(WaitText(absl::Seconds(-5)), "1 s");
  EXPECT_EQ(WaitText(absl::Milliseconds(300)), "1 s");
  EXPECT_EQ(WaitText(absl::Milliseconds(11'001)), "12 s");
  EXPECT_EQ(WaitText(absl::Milliseconds(59'001)), "1 min");
  EXPECT_EQ(WaitText(absl::Seconds(61)), "2 min");
  EXPECT_EQ(WaitText(absl::Minutes(60) - absl::Seconds(1)), "1 h");
  EXPECT_EQ(WaitText(absl::Minutes(125)), "2 h 5 min");
  EXPECT_EQ(WaitText(absl::Hours(24) + absl::Seconds(1)), "1 d 1 h");
}

TEST(FormatTest, TimesAreRfc3339InUtc) {
  EXPECT_EQ(TimeText(absl::FromUnixSeconds(1'800'000'000)), "2027-01-15T08:00:00Z");
}

TEST(FormatTest, FormatsBytesAndCounts) {
  EXPECT_EQ(BytesText(100), "100 bytes");
  EXPECT_EQ(BytesText(262'144), "256 KiB");
  EXPECT_EQ(BytesText(8 << 20), "8 MiB");
  EXPECT_EQ(Counted(1, "check"), "1 check");
  EXPECT_EQ(Counted(0, "check"), "0 checks");
  EXPECT_EQ(EnumWord("VAULT_STATE_NO_BUS", "VAULT_STATE_"), "no_bus");
}

TEST(FormatTest, ReplacesControlCharacters) {
  EXPECT_EQ(Printable("a\x1b[2Jb\r\n\x7f"), "a?[2Jb???");
  EXPECT_EQ(Printable("\xC2\x9B"
                      "2J"),
            "?2J");
  EXPECT_EQ(Printable("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC"), "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC");
}

TEST(TableTest, AlignsColumnsByCharacters) {
  Table table({"NAME", "NOTE", "LAST"});
  table.Add({"j\xC3\xBCrgen", "x", ""});
  table.Add({"al", "", "y\nz"});
  table.Add({});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(),
            "NAME    NOTE  LAST\n"
            "j\xC3\xBCrgen  x\n"
            "al            y?z\n"
            "\n");
}

TEST(Utf8Test, AcceptsOnlyWellFormedText) {
  for (const char* good :
       {"", "abc", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\xE4", "\x80", "\xC0\xAF", "\xC3", "\xE2\x82", "\xE0\x80\xAF",
                          "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\xFF"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace billbroker

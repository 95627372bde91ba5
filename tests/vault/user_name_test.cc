#include "vault/user_name.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace billbroker {
namespace {

struct Spelling {
  const char* first;
  const char* second;
  bool same;
};
void PrintTo(const Spelling& spelling, std::ostream* out) {
  *out << spelling.first << " and " << spelling.second;
}

class FoldUserNameTest : public testing::TestWithParam<Spelling> {};

TEST_P(FoldUserNameTest, FoldsSpellingsOfOneUser) {
  EXPECT_EQ(FoldUserName(GetParam().first) == FoldUserName(GetParam().second), GetParam().same);
}

INSTANTIATE_TEST_SUITE_P(
    Spellings, FoldUserNameTest,
    testing::Values(
        Spelling{"accounts.payable@acme.example", "Accounts.Payable@ACME.example", true},
        Spelling{"jos\u00E9@acme.example", "jose\u0301@acme.example", true},  // NFC and NFD
        Spelling{"jos\u00E9@acme.example", "JOS\u00C9@acme.example", true},   // case
        Spelling{"\uFF41cme@acme.example", "acme@acme.example", true},        // full width
        Spelling{"stra\u00DFe@acme.example", "STRASSE@acme.example", true},  // folds to two letters
        Spelling{"\u03C3\u03C2@acme.example", "\u03A3\u03A3@acme.example", true},  // final sigma
        Spelling{"jos\u00E9@acme.example", "jose@acme.example", false},
        Spelling{"accounts.payable@acme.example", "accountspayable@acme.example", false}));

TEST(FoldedUserNameTest, IsStable) {
  for (const char* name :
       {"JOS\u00C9@acme.example", "\u0345\u0130@acme.example", "\uFB01le@acme"}) {
    EXPECT_EQ(FoldUserName(FoldUserName(name)), FoldUserName(name)) << name;
  }
}

TEST(FoldedUserNameTest, InvalidUtf8ChangesInAsciiOnly) {
  EXPECT_EQ(FoldUserName("ACME-PAYABLES-\xFF@acme.example"), "acme-payables-\xFF@acme.example");
  EXPECT_EQ(FoldUserName(std::string("ACME\0\u00C9", 7)), std::string("acme\0\u00C9", 7));
  EXPECT_EQ(FoldUserName(""), "");
}

}  // namespace
}  // namespace billbroker

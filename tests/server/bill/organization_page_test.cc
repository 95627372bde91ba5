#include "server/bill/organization_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

BillResult<OrganizationPage> Read(absl::string_view body, int status = 200) {
  return ReadOrganizationPage({status, "application/json", "", body}, absl::UnixEpoch());
}

std::vector<std::pair<std::string, std::string>> Listed(absl::string_view body) {
  const auto page = Read(body);
  std::vector<std::pair<std::string, std::string>> listed;
  if (!page.ok()) return {{"error", page.error().detail}};
  for (const ListedOrganization& each : page.value().organizations) {
    listed.emplace_back(each.id, each.name);
  }
  return listed;
}

std::string NextPage(absl::string_view value) {
  const auto page = Read(absl::StrCat(R"({"results":[],"nextPage":)", value, "}"));
  return page.ok() ? page.value().next_page : absl::StrCat("error: ", page.error().detail);
}

TEST(OrganizationPageTest, EveryUsualNameOfTheListIsTaken) {
  for (const char* list : {"results", "organizations", "items", "data"}) {
    EXPECT_THAT(Listed(absl::StrCat(R"({")", list, R"(":[{"id":"0081","name":"A"}]})")),
                ElementsAre(Pair("0081", "A")))
        << list;
  }
  EXPECT_THAT(Listed(R"([{"id":"0081","name":"A"}])"), ElementsAre(Pair("0081", "A")));
}

TEST(OrganizationPageTest, EveryUsualNameOfTheFieldsIsTaken) {
  EXPECT_THAT(
      Listed(R"([{"organizationId":"0081","organizationName":"A"},
                         {"organization_id":"0082","organization_name":"B"},
                         {"id":7,"organizationId":"0083","type":{"x":[1]}},
                         {"id":"0084","name":null}])"),
      ElementsAre(Pair("0081", "A"), Pair("0082", "B"), Pair("0083", ""), Pair("0084", "")));
}

TEST(OrganizationPageTest, AnEmptyListIsAnAnswer) {
  EXPECT_THAT(Listed(R"({"results":[]})"), IsEmpty());
  EXPECT_THAT(Listed("[]"), IsEmpty());
}

TEST(OrganizationPageTest, TheNextPageIsATextOrANumberOrNotThere) {
  EXPECT_EQ(NextPage(R"("a+b/c==")"), "a+b/c==");
  EXPECT_EQ(NextPage("2"), "2");
  EXPECT_EQ(NextPage("null"), "");
  EXPECT_EQ(NextPage(R"("")"), "");
  EXPECT_EQ(Read(R"({"results":[]})").value().next_page, "");
}

TEST(OrganizationPageTest, ANextPageOutOfShapeIsNoLastPage) {
  for (const std::string& value :
       {std::string("{}"), std::string("true"), std::string("[1]"),
        absl::StrCat("\"", std::string(1025, 'x'), "\""), std::string(1025, '1')}) {
    EXPECT_THAT(NextPage(value), HasSubstr("error: HTTP 200 with a nextPage")) << value;
  }
}

TEST(OrganizationPageTest, AnEntryWithoutAnIdInShapeFailsThePageAndIsNotRepeated) {
  for (const char* entry :
       {R"({})", R"({"id":""})", R"({"id":"00 81"})", R"({"id":"../../hostile"})", R"("0081")",
        R"({"id":7})", R"({"id":null})", "[]"}) {
    const auto page = Read(absl::StrCat(R"({"results":[{"id":"0080"},)", entry, "]}"));
    ASSERT_FALSE(page.ok()) << entry;
    EXPECT_EQ(page.error().verdict, Verdict::kUnavailable);
    EXPECT_THAT(page.error().detail, Not(HasSubstr("hostile")));
  }
}

TEST(OrganizationPageTest, ANameIsCutAndCleanedForPeople) {
  EXPECT_THAT(Listed(R"([{"id":"1","name":"a\u001b[31m\nb"}])"),
              ElementsAre(Pair("1", "a [31m b")));
  EXPECT_THAT(Listed("[{\"id\":\"1\",\"name\":\"caf\xE9\"}]"), ElementsAre(Pair("1", "")));
  // Cut before the character that the bound falls into.
  const std::string wide = absl::StrCat(std::string(255, 'x'), "\xC3\xA4", "y");
  EXPECT_THAT(Listed(absl::StrCat(R"([{"id":"1","name":")", wide, R"("}])")),
              ElementsAre(Pair("1", std::string(255, 'x'))));
}

TEST(OrganizationPageTest, WhatHoldsNoListIsARefusal) {
  EXPECT_EQ(Read("", 200).error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(Read("<html>", 200).error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(Read("{}", 200).error().detail, "HTTP 200 with no list of organizations");
  EXPECT_EQ(Read(R"({"results":{"id":"0081"}})").error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(Read(R"({"results":[]})", 503).error().verdict, Verdict::kUnavailable);
}

TEST(OrganizationPageTest, ACodeDecidesWhateverTheStatus) {
  constexpr char kGone[] = R"([{"code":"BDC_1109","message":"Session is invalid."}])";
  EXPECT_EQ(Read(kGone, 401).error().verdict, Verdict::kSessionInvalid);
  EXPECT_EQ(Read(kGone, 200).error().verdict, Verdict::kSessionInvalid);
  EXPECT_EQ(Read(R"([{"code":"BDC_1144"}])", 422).error().verdict, Verdict::kRateLimited);
}

}  // namespace
}  // namespace billbroker

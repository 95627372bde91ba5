#include "server/bill/organization_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/bill/bill_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
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

BillResult<OrganizationPage> ReadNextPage(absl::string_view value) {
  return Read(absl::StrCat(R"({"results":[],"nextPage":)", value, "}"));
}

TEST(OrganizationPageTest, AcceptsEveryKnownListName) {
  for (const char* list : {"results", "organizations", "items", "data"}) {
    EXPECT_THAT(
        Listed(absl::StrCat(R"({")", list, R"(":[{"id":"00800000000000000001","name":"A"}]})")),
        ElementsAre(Pair("00800000000000000001", "A")))
        << list;
  }
  EXPECT_THAT(Listed(R"([{"id":"00800000000000000001","name":"A"}])"),
              ElementsAre(Pair("00800000000000000001", "A")));
}

TEST(OrganizationPageTest, AcceptsEveryKnownFieldName) {
  EXPECT_THAT(Listed(R"([{"organizationId":"00800000000000000001","organizationName":"A"},
                         {"organization_id":"00800000000000000002","organization_name":"B"},
                         {"id":7,"organizationId":"00800000000000000003","type":{"x":[1]}},
                         {"id":"00800000000000000004","name":null}])"),
              ElementsAre(Pair("00800000000000000001", "A"), Pair("00800000000000000002", "B"),
                          Pair("00800000000000000003", ""), Pair("00800000000000000004", "")));
}

TEST(OrganizationPageTest, EmptyListSucceeds) {
  EXPECT_THAT(Listed(R"({"results":[]})"), IsEmpty());
  EXPECT_THAT(Listed("[]"), IsEmpty());
}

TEST(OrganizationPageTest, NextPageIsTextNumberOrAbsent) {
  EXPECT_EQ(ReadNextPage(R"("a+b/c==")").value().next_page, "a+b/c==");
  EXPECT_EQ(ReadNextPage("2").value().next_page, "2");
  EXPECT_EQ(ReadNextPage("null").value().next_page, "");
  EXPECT_EQ(ReadNextPage(R"("")").value().next_page, "");
  EXPECT_EQ(Read(R"({"results":[]})").value().next_page, "");
}

TEST(OrganizationPageTest, MalformedNextPageFails) {
  for (const std::string& value :
       {std::string("{}"), std::string("true"), std::string("[1]"),
        absl::StrCat("\"", std::string(1025, 'x'), "\""), std::string(1025, '1')}) {
    EXPECT_THAT(ReadNextPage(value), HasVerdict(Verdict::kUnavailable)) << value;
  }
}

TEST(OrganizationPageTest, MalformedIdFailsThePage) {
  for (const char* entry :
       {R"({})", R"({"id":""})", R"({"id":"00 81"})", R"({"id":"../../hostile"})",
        R"("00800000000000000001")", R"({"id":7})", R"({"id":null})", "[]"}) {
    const auto page =
        Read(absl::StrCat(R"({"results":[{"id":"00800000000000000000"},)", entry, "]}"));
    EXPECT_THAT(page,
                AllOf(HasVerdict(Verdict::kUnavailable), HasDetail(Not(HasSubstr("hostile")))))
        << entry;
  }
}

TEST(OrganizationPageTest, NameIsCutAndCleaned) {
  EXPECT_THAT(Listed(R"([{"id":"1","name":"a\u001b[31m\nb"}])"),
              ElementsAre(Pair("1", "a [31m b")));
  EXPECT_THAT(Listed("[{\"id\":\"1\",\"name\":\"caf\xE9\"}]"), ElementsAre(Pair("1", "")));
  // Cut before the character that the bound falls into.
  const std::string wide = absl::StrCat(std::string(255, 'x'), "\xC3\xA4", "y");
  EXPECT_THAT(Listed(absl::StrCat(R"([{"id":"1","name":")", wide, R"("}])")),
              ElementsAre(Pair("1", std::string(255, 'x'))));
}

TEST(OrganizationPageTest, AnswerWithoutAListFails) {
  EXPECT_THAT(Read("", 200), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(Read("<html>", 200), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(Read("{}", 200), HasDetail("HTTP 200 with no list of organizations"));
  EXPECT_THAT(Read(R"({"results":{"id":"00800000000000000001"}})"),
              HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(Read(R"({"results":[]})", 503), HasVerdict(Verdict::kUnavailable));
}

TEST(OrganizationPageTest, CodeDecidesForEveryStatus) {
  constexpr char kGone[] = R"([{"code":"BDC_1109","message":"Session is invalid."}])";
  EXPECT_THAT(Read(kGone, 401), HasVerdict(Verdict::kSessionInvalid));
  EXPECT_THAT(Read(kGone, 200), HasVerdict(Verdict::kSessionInvalid));
  EXPECT_THAT(Read(R"([{"code":"BDC_1144"}])", 422), HasVerdict(Verdict::kRateLimited));
}

}  // namespace
}  // namespace billbroker

#include "server/rpc/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/escaping.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::AllOf;

TEST(PageTest, SizeHasADefaultAndALimit) {
  EXPECT_EQ(*PageSize(0), 100U);
  EXPECT_EQ(*PageSize(1), 1U);
  EXPECT_EQ(*PageSize(1000), 1000U);
  EXPECT_EQ(*PageSize(1001), 1000U);
  EXPECT_EQ(*PageSize(std::numeric_limits<int>::max()), 1000U);
  EXPECT_THAT(PageSize(-1), HasReason(Reason::kMalformedRequest));
}

TEST(PageTest, TokenReturnsItsKey) {
  EXPECT_EQ(
      *LastKey("sessions", PageToken("sessions", "00800000000000000081/acme-accounts-payable")),
      "00800000000000000081/acme-accounts-payable");
  EXPECT_EQ(*LastKey("sessions", ""), "");
}

TEST(PageTest, RejectsTokensOfOtherLists) {
  for (const std::string& wrong :
       {std::string("garbage!"), absl::WebSafeBase64Escape("sessions:"),
        absl::WebSafeBase64Escape("00800000000000000081/acme-accounts-payable"),
        PageToken("credentials", "acme-accounts-payable")}) {
    EXPECT_THAT(LastKey("sessions", wrong),
                AllOf(HasReason(Reason::kMalformedRequest), HasMetadata("field", "page_token")))
        << wrong;
  }
}

}  // namespace
}  // namespace billbroker

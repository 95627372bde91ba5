#include "server/rpc/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/escaping.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

TEST(PageTest, SizeHasADefaultAndALimit) {
  EXPECT_EQ(*PageSize(0), 100U);
  EXPECT_EQ(*PageSize(1), 1U);
  EXPECT_EQ(*PageSize(1000), 1000U);
  EXPECT_EQ(*PageSize(1001), 1000U);
  EXPECT_EQ(*PageSize(std::numeric_limits<int>::max()), 1000U);
  EXPECT_THAT(PageSize(-1), HasReason(Reason::kMalformedRequest));
}

TEST(PageTest, TokenReturnsItsKey) {
  EXPECT_EQ(*LastKey("sessions", PageToken("sessions", "0081/acme")), "0081/acme");
  EXPECT_EQ(*LastKey("sessions", ""), "");
}

TEST(PageTest, RejectsTokensOfOtherLists) {
  for (const std::string& wrong :
       {std::string("garbage!"), absl::WebSafeBase64Escape("sessions:"),
        absl::WebSafeBase64Escape("0081/acme"), PageToken("credentials", "acme")}) {
    const absl::Status status = LastKey("sessions", wrong).status();
    EXPECT_THAT(status, HasReason(Reason::kMalformedRequest)) << wrong;
    EXPECT_EQ(DetailsOf(status)->metadata["field"], "page_token");
  }
}

}  // namespace
}  // namespace billbroker

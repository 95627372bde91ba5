#include "server/rpc/page.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

TEST(PageTest, ZeroMeansAHundredAndAThousandIsTheMost) {
  EXPECT_EQ(*PageSize(0), 100U);
  EXPECT_EQ(*PageSize(1), 1U);
  EXPECT_EQ(*PageSize(1000), 1000U);
  for (const int wrong : {-1, 1001}) {
    EXPECT_TRUE(HasReason(PageSize(wrong).status(), Reason::kMalformedRequest)) << wrong;
  }
}

TEST(PageTest, ATokenGivesItsKeyBackToItsOwnList) {
  EXPECT_EQ(*LastKey("sessions", PageToken("sessions", "0081/acme")), "0081/acme");
  EXPECT_EQ(*LastKey("sessions", ""), "");
}

TEST(PageTest, WhatIsNoTokenOfTheListIsMalformed) {
  for (const std::string& wrong :
       {std::string("garbage!"), absl::WebSafeBase64Escape("sessions:"),
        absl::WebSafeBase64Escape("0081/acme"), PageToken("credentials", "acme")}) {
    const absl::Status status = LastKey("sessions", wrong).status();
    EXPECT_TRUE(HasReason(status, Reason::kMalformedRequest)) << wrong;
    EXPECT_EQ(DetailsOf(status)->metadata["field"], "page_token");
  }
}

}  // namespace
}  // namespace billbroker

#include "vault/base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace billbroker {
namespace {

TEST(ErrorTest, WhatWentInComesOut) {
  const ErrorDetails in{Reason::kBillRateLimited,
                        absl::Milliseconds(1500),
                        {{"organization_id", "0081"}, {"bill_code", "BDC_1144"}}};
  const absl::Status status = MakeError(in, "wait a little");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "wait a little");
  const absl::optional<ErrorDetails> out = DetailsOf(status);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->reason, in.reason);
  EXPECT_EQ(out->retry_after, in.retry_after);
  EXPECT_EQ(out->metadata, in.metadata);
}

TEST(ErrorTest, EveryReasonHasItsOwnNameAndACode) {
  std::set<std::string> names;
  for (int number = 0; number <= static_cast<int>(Reason::kAuditUnavailable); ++number) {
    const auto reason = static_cast<Reason>(number);
    const std::string name(ReasonName(reason));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(ReasonNamed(name), reason) << name;
    EXPECT_FALSE(MakeError(reason, "text").ok());
    EXPECT_TRUE(HasReason(MakeError(reason, "text"), reason));
  }
  EXPECT_EQ(ReasonNamed("NEWER_THAN_THIS_BUILD"), absl::nullopt);
}

TEST(ErrorTest, StatusesFromElsewhereHaveNoDetails) {
  EXPECT_EQ(DetailsOf(absl::OkStatus()), absl::nullopt);
  EXPECT_EQ(DetailsOf(absl::InternalError("bug")), absl::nullopt);
  EXPECT_FALSE(HasReason(absl::UnavailableError("down"), Reason::kVaultLocked));
}

TEST(ErrorTest, AMalformedFieldIsNamedTwice) {
  const absl::Status status = Malformed("credential.name", "is empty");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "credential.name: is empty");
  EXPECT_EQ(DetailsOf(status)->metadata.at("field"), "credential.name");
}

}  // namespace
}  // namespace billbroker

#include "vault/base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Not;

TEST(ErrorTest, DetailsRoundTrip) {
  const ErrorDetails in{Reason::kBillRateLimited,
                        absl::Milliseconds(1500),
                        {{"organization_id", "00800000000000000081"}, {"bill_code", "BDC_1144"}}};
  const absl::Status status = MakeError(in, "wait a little");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(status.message(), "wait a little");
  const absl::optional<ErrorDetails> out = DetailsOf(status);
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->reason, in.reason);
  EXPECT_EQ(out->retry_after, in.retry_after);
  EXPECT_EQ(out->metadata, in.metadata);
}

TEST(ErrorTest, EachReasonHasItsOwnNameAndACode) {
  std::set<std::string> names;
  for (int number = 0; number <= static_cast<int>(Reason::kConnectionAged); ++number) {
    const auto reason = static_cast<Reason>(number);
    const std::string name(ReasonName(reason));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(ReasonNamed(name), reason) << name;
    EXPECT_THAT(MakeError(reason, "text"), Not(IsOk()));
    EXPECT_THAT(MakeError(reason, "text"), HasReason(reason));
  }
  EXPECT_EQ(ReasonNamed("NEWER_THAN_THIS_BUILD"), absl::nullopt);
}

TEST(ErrorTest, OtherStatusesHaveNoDetails) {
  EXPECT_EQ(DetailsOf(absl::OkStatus()), absl::nullopt);
  EXPECT_EQ(DetailsOf(absl::InternalError("bug")), absl::nullopt);
  EXPECT_THAT(absl::UnavailableError("down"), Not(HasReason(Reason::kVaultLocked)));
}

TEST(ErrorTest, GoldenMalformedNamesTheField) {
  const absl::Status status = Malformed("credential.name", "is empty");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(status.message(), "credential.name: is empty");
  EXPECT_THAT(status, HasMetadata("field", "credential.name"));
}

}  // namespace
}  // namespace billbroker

#include "proto/status.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

const ErrorDetails kDetails{Reason::kBillRateLimited,
                            absl::Milliseconds(1500),
                            {{"organization_id", "0081"}, {"bill_code", "BDC_1144"}}};

void ExpectSame(const absl::Status& got, const absl::Status& want) {
  EXPECT_EQ(got.code(), want.code());
  EXPECT_EQ(got.message(), want.message());
  ASSERT_TRUE(DetailsOf(got).has_value()) << got;
  EXPECT_EQ(DetailsOf(got)->reason, DetailsOf(want)->reason);
  EXPECT_EQ(DetailsOf(got)->retry_after, DetailsOf(want)->retry_after);
  EXPECT_EQ(DetailsOf(got)->metadata, DetailsOf(want)->metadata);
}

TEST(StatusTest, AnErrorSurvivesTheWayToTheClient) {
  const absl::Status error = MakeError(kDetails, "wait a little");
  ExpectSame(FromGrpcStatus(ToGrpcStatus(error)), error);
  ExpectSame(FromErrorStatus(ToErrorStatus(error)), error);
  EXPECT_EQ(ToGrpcStatus(error).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(FromGrpcStatus(ToGrpcStatus(absl::OkStatus())).ok());
}

TEST(StatusTest, EveryReasonSurvivesAndIsPublished) {
  const auto& published = *v1::Reason_descriptor();
  // One more: REASON_UNSPECIFIED.
  EXPECT_EQ(published.value_count(), static_cast<int>(Reason::kAuditUnavailable) + 2);
  for (int number = 0; number <= static_cast<int>(Reason::kAuditUnavailable); ++number) {
    const auto reason = static_cast<Reason>(number);
    const std::string name = absl::StrCat("REASON_", ReasonName(reason));
    EXPECT_NE(published.FindValueByName(name), nullptr) << name;
    const absl::Status error = MakeError(reason, "text");
    ExpectSame(FromGrpcStatus(ToGrpcStatus(error)), error);
  }
}

TEST(StatusTest, DetailsHaveTheirPublicTypeUrls) {
  const v1::ErrorStatus status = ToErrorStatus(MakeError(kDetails, "wait a little"));
  ASSERT_EQ(status.details_size(), 2);
  EXPECT_EQ(status.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_EQ(status.details(1).type_url(), "type.googleapis.com/google.rpc.RetryInfo");
  EXPECT_EQ(ToErrorStatus(MakeError(Reason::kDraining, "bye")).details_size(), 1);
}

TEST(StatusTest, ABugIsInternalAndKeepsItsMessageToItself) {
  const grpc::Status status = ToGrpcStatus(absl::NotFoundError("s3cret"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_FALSE(absl::StrContains(status.error_message(), "s3cret"));
}

TEST(StatusTest, WhatIsNotOursKeepsCodeAndMessage) {
  const absl::Status status =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused", "garbage"));
  EXPECT_EQ(status, absl::UnavailableError("connection refused"));
  EXPECT_FALSE(DetailsOf(status).has_value());
}

TEST(StatusTest, AReasonOfALaterBrokerKeepsCodeAndMessage) {
  v1::ErrorStatus error = ToErrorStatus(MakeError(Reason::kDraining, "bye"));
  v1::ErrorInfo info;
  info.set_reason("NEWER_THAN_THIS_BUILD");
  info.set_domain("billbroker");
  error.mutable_details(0)->set_value(info.SerializeAsString());
  EXPECT_EQ(FromErrorStatus(error), absl::UnavailableError("bye"));
}

}  // namespace
}  // namespace billbroker

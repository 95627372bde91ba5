#include "proto/status.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "billbroker/v1/session.pb.h"
#include "internal/rpc_status.pb.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

const ErrorDetails kDetails{
    Reason::kBillRateLimited,
    absl::Milliseconds(1500),
    {{"organization_id", "00800000000000000081"}, {"bill_code", "BDC_1144"}}};

void ExpectSame(const absl::Status& got, const absl::Status& want) {
  EXPECT_THAT(got, StatusIs(want.code()));
  EXPECT_EQ(got.message(), want.message());
  ASSERT_TRUE(DetailsOf(got).has_value()) << got;
  EXPECT_EQ(DetailsOf(got)->reason, DetailsOf(want)->reason);
  EXPECT_EQ(DetailsOf(got)->retry_after, DetailsOf(want)->retry_after);
  EXPECT_EQ(DetailsOf(got)->metadata, DetailsOf(want)->metadata);
}

TEST(StatusTest, RoundTripKeepsDetails) {
  const absl::Status error = MakeError(kDetails, "wait a little");
  ExpectSame(FromGrpcStatus(ToGrpcStatus(error)), error);
  ExpectSame(FromErrorStatus(ToErrorStatus(error)), error);
  EXPECT_EQ(ToGrpcStatus(error).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(FromGrpcStatus(ToGrpcStatus(absl::OkStatus())), IsOk());
}

TEST(StatusTest, EveryReasonIsPublished) {
  const auto& published = *v1::Reason_descriptor();
  // One more: REASON_UNSPECIFIED.
  EXPECT_EQ(published.value_count(), static_cast<int>(Reason::kConnectionAged) + 2);
  for (int number = 0; number <= static_cast<int>(Reason::kConnectionAged); ++number) {
    const auto reason = static_cast<Reason>(number);
    const std::string name = absl::StrCat("REASON_", ReasonName(reason));
    EXPECT_NE(published.FindValueByName(name), nullptr) << name;
    const absl::Status error = MakeError(reason, "text");
    ExpectSame(FromGrpcStatus(ToGrpcStatus(error)), error);
  }
}

TEST(StatusTest, TrailerHasPublicTypeUrls) {
  internal::RpcStatus status;
  ASSERT_TRUE(status.ParseFromString(ToGrpcStatus(MakeError(kDetails, "wait")).error_details()));
  EXPECT_EQ(status.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.message(), "wait");
  ASSERT_EQ(status.details_size(), 2);
  EXPECT_EQ(status.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_EQ(status.details(1).type_url(), "type.googleapis.com/google.rpc.RetryInfo");
  const std::string bye = ToGrpcStatus(MakeError(Reason::kDraining, "bye")).error_details();
  ASSERT_TRUE(status.ParseFromString(bye));
  EXPECT_EQ(status.details_size(), 1);
}

// A program that has google/rpc/*.proto of its own aborts if this library registers it too.
TEST(StatusTest, GoogleRpcIsNotRegistered) {
  const auto& pool = *google::protobuf::DescriptorPool::generated_pool();
  for (const char* name : {"google.rpc.Status", "google.rpc.ErrorInfo", "google.rpc.RetryInfo"}) {
    EXPECT_EQ(pool.FindMessageTypeByName(name), nullptr) << name;
  }
  EXPECT_NE(pool.FindMessageTypeByName("billbroker.internal.RpcStatus"), nullptr);
}

TEST(StatusTest, ErrorInMessageConvertsToJson) {
  v1::SessionOutcome outcome;
  *outcome.mutable_error() = ToErrorStatus(MakeError(
      {Reason::kBillRateLimited, absl::Milliseconds(1500), {{"bill_code", "BDC_1144"}}}, "wait"));
  std::string json;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(outcome, &json).ok());
  EXPECT_EQ(json, R"({"error":{"code":8,"message":"wait","reason":"BILL_RATE_LIMITED",)"
                  R"("metadata":{"bill_code":"BDC_1144"},"retryDelay":"1.500s"}})");
}

TEST(StatusTest, StatusWithoutReasonHidesItsMessage) {
  const grpc::Status status = ToGrpcStatus(absl::NotFoundError("s3cret"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_FALSE(absl::StrContains(status.error_message(), "s3cret"));
}

TEST(StatusTest, ForeignStatusKeepsCodeAndMessage) {
  const absl::Status status =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused", "garbage"));
  EXPECT_EQ(status, absl::UnavailableError("connection refused"));
  EXPECT_FALSE(DetailsOf(status).has_value());
}

TEST(StatusTest, UnknownReasonKeepsCodeAndMessage) {
  v1::ErrorStatus error = ToErrorStatus(MakeError(Reason::kDraining, "bye"));
  error.set_reason("NEWER_THAN_THIS_BUILD");
  EXPECT_EQ(FromErrorStatus(error), absl::UnavailableError("bye"));
  internal::ErrorInfo info;
  info.set_reason("NEWER_THAN_THIS_BUILD");
  info.set_domain("billbroker");
  internal::RpcStatus status;
  status.add_details()->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  status.mutable_details(0)->set_value(info.SerializeAsString());
  const grpc::Status received(grpc::StatusCode::UNAVAILABLE, "bye", status.SerializeAsString());
  EXPECT_EQ(FromGrpcStatus(received), absl::UnavailableError("bye"));
}

}  // namespace
}  // namespace billbroker

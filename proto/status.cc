#include "proto/status.h"

#include <google/protobuf/any.pb.h>

#include <string>

#include "absl/time/time.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";
constexpr char kDomain[] = "billbroker";

void Pack(const google::protobuf::Message& message, const char* url, v1::ErrorStatus& to) {
  google::protobuf::Any& any = *to.add_details();
  any.set_type_url(url);
  any.set_value(message.SerializeAsString());
}

absl::optional<ErrorDetails> UnpackDetails(const v1::ErrorStatus& status) {
  absl::optional<ErrorDetails> details;
  absl::optional<absl::Duration> retry_after;
  for (const google::protobuf::Any& any : status.details()) {
    v1::ErrorInfo info;
    v1::RetryInfo retry;
    if (any.type_url() == kErrorInfoUrl && info.ParseFromString(any.value()) &&
        info.domain() == kDomain) {
      const absl::optional<Reason> reason = ReasonNamed(info.reason());
      if (!reason.has_value()) continue;
      details = ErrorDetails{*reason, absl::nullopt, {}};
      for (const auto& [key, value] : info.metadata()) details->metadata.emplace(key, value);
    } else if (any.type_url() == kRetryInfoUrl && retry.ParseFromString(any.value())) {
      retry_after = absl::Seconds(retry.retry_delay().seconds()) +
                    absl::Nanoseconds(retry.retry_delay().nanos());
    }
  }
  if (details.has_value()) details->retry_after = retry_after;
  return details;
}

}  // namespace

v1::ErrorStatus ToErrorStatus(const absl::Status& status) {
  v1::ErrorStatus error;
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) {
    error.set_code(grpc::StatusCode::INTERNAL);
    error.set_message("internal error; the broker's log says more");
    return error;
  }
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(status.message()));
  v1::ErrorInfo info;
  info.set_reason(std::string(ReasonName(details->reason)));
  info.set_domain(kDomain);
  for (const auto& [key, value] : details->metadata) (*info.mutable_metadata())[key] = value;
  Pack(info, kErrorInfoUrl, error);
  if (details->retry_after.has_value()) {
    absl::Duration rest = *details->retry_after;
    v1::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(absl::IDivDuration(rest, absl::Seconds(1), &rest));
    retry.mutable_retry_delay()->set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(rest)));
    Pack(retry, kRetryInfoUrl, error);
  }
  return error;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::ErrorStatus error = ToErrorStatus(status);
  return {static_cast<grpc::StatusCode>(error.code()), error.message(), error.SerializeAsString()};
}

absl::Status FromErrorStatus(const v1::ErrorStatus& status) {
  const absl::optional<ErrorDetails> details = UnpackDetails(status);
  if (details.has_value()) return MakeError(*details, status.message());
  return {static_cast<absl::StatusCode>(status.code()), status.message()};
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  v1::ErrorStatus error;
  if (!error.ParseFromString(status.error_details())) error.Clear();
  error.set_code(status.error_code());
  error.set_message(status.error_message());
  return FromErrorStatus(error);
}

}  // namespace billbroker

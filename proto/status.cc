#include "proto/status.h"

#include <google/protobuf/any.pb.h>

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "internal/rpc_status.pb.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";
constexpr char kDomain[] = "billbroker";

using Metadata = google::protobuf::Map<std::string, std::string>;

void SetDuration(absl::Duration duration, google::protobuf::Duration& to) {
  to.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  to.set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(duration)));
}

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void SetMetadata(const ErrorDetails& details, Metadata& to) {
  for (const auto& [key, value] : details.metadata) to[key] = value;
}

// Returns nullopt if the reason is unknown to this build.
absl::optional<ErrorDetails> MakeDetails(const std::string& reason, const Metadata& metadata) {
  const absl::optional<Reason> known = ReasonNamed(reason);
  if (!known.has_value()) return absl::nullopt;
  ErrorDetails details{*known, absl::nullopt, {}};
  for (const auto& [key, value] : metadata) details.metadata.emplace(key, value);
  return details;
}

absl::Status MakeStatus(absl::optional<ErrorDetails> details, int code,
                        const std::string& message) {
  if (details.has_value()) return MakeError(*std::move(details), message);
  return {static_cast<absl::StatusCode>(code), message};
}

void Pack(const google::protobuf::Message& message, const char* url, internal::RpcStatus& to) {
  google::protobuf::Any& any = *to.add_details();
  any.set_type_url(url);
  any.set_value(message.SerializeAsString());
}

absl::optional<ErrorDetails> UnpackDetails(const internal::RpcStatus& status) {
  absl::optional<ErrorDetails> details;
  absl::optional<absl::Duration> retry_after;
  for (const google::protobuf::Any& any : status.details()) {
    internal::ErrorInfo info;
    internal::RetryInfo retry;
    if (any.type_url() == kErrorInfoUrl && info.ParseFromString(any.value()) &&
        info.domain() == kDomain) {
      details = MakeDetails(info.reason(), info.metadata());
    } else if (any.type_url() == kRetryInfoUrl && retry.ParseFromString(any.value())) {
      retry_after = DurationOf(retry.retry_delay());
    }
  }
  if (details.has_value()) details->retry_after = retry_after;
  return details;
}

std::string EncodeDetails(const v1::ErrorStatus& error) {
  internal::RpcStatus status;
  status.set_code(error.code());
  status.set_message(error.message());
  if (!error.reason().empty()) {
    internal::ErrorInfo info;
    info.set_reason(error.reason());
    info.set_domain(kDomain);
    *info.mutable_metadata() = error.metadata();
    Pack(info, kErrorInfoUrl, status);
  }
  if (error.has_retry_delay()) {
    internal::RetryInfo retry;
    *retry.mutable_retry_delay() = error.retry_delay();
    Pack(retry, kRetryInfoUrl, status);
  }
  return status.SerializeAsString();
}

}  // namespace

v1::ErrorStatus ToErrorStatus(const absl::Status& status) {
  v1::ErrorStatus error;
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value() && absl::IsDeadlineExceeded(status)) {
    error.set_code(static_cast<int>(status.code()));
    error.set_message(std::string(status.message()));
    return error;
  }
  if (!details.has_value()) {
    error.set_code(grpc::StatusCode::INTERNAL);
    error.set_message("internal error; the broker's log has the cause");
    return error;
  }
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(status.message()));
  error.set_reason(std::string(ReasonName(details->reason)));
  SetMetadata(*details, *error.mutable_metadata());
  if (details->retry_after.has_value()) {
    SetDuration(*details->retry_after, *error.mutable_retry_delay());
  }
  return error;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::ErrorStatus error = ToErrorStatus(status);
  return {static_cast<grpc::StatusCode>(error.code()), error.message(), EncodeDetails(error)};
}

absl::Status FromErrorStatus(const v1::ErrorStatus& status) {
  absl::optional<ErrorDetails> details = MakeDetails(status.reason(), status.metadata());
  if (details.has_value() && status.has_retry_delay()) {
    details->retry_after = DurationOf(status.retry_delay());
  }
  return MakeStatus(std::move(details), status.code(), status.message());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  internal::RpcStatus decoded;
  if (!decoded.ParseFromString(status.error_details())) decoded.Clear();
  return MakeStatus(UnpackDetails(decoded), status.error_code(), status.error_message());
}

}  // namespace billbroker

// Matchers for absl::Status and absl::StatusOr. Use them instead of comparing messages: a message
// is for people and may be reworded, while code, reason and metadata are part of the contract.
//
//   EXPECT_THAT(vault.Store(credential), IsOk());
//   EXPECT_THAT(vault.Load("acme-payables"), StatusIs(absl::StatusCode::kNotFound));
//   EXPECT_THAT(quarantine.Check(), HasReason(Reason::kLockedOut));
//   EXPECT_THAT(status, AllOf(HasReason(Reason::kMalformedRequest), HasMetadata("field", "name")));
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vault/base/error.h"

namespace billbroker {
namespace internal {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }

template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace internal

MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << "which is " << internal::GetStatus(arg);
  return arg.ok();
}

// Matches an OK StatusOr whose value matches `value`.
MATCHER_P(IsOkAndHolds, value,
          negation ? "is not OK with such a value" : "is OK with such a value") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status();
    return false;
  }
  return ::testing::ExplainMatchResult(value, *arg, result_listener);
}

MATCHER_P(StatusIs, code,
          std::string(negation ? "does not have" : "has") + " the code " +
              absl::StatusCodeToString(code)) {
  *result_listener << "which is " << internal::GetStatus(arg);
  return internal::GetStatus(arg).code() == code;
}

// Matches a status made by MakeError() with `reason`.
MATCHER_P(HasReason, reason,
          std::string(negation ? "does not have" : "has") + " the reason " +
              std::string(ReasonName(reason))) {
  *result_listener << "which is " << internal::GetStatus(arg);
  const absl::optional<ErrorDetails> details = DetailsOf(internal::GetStatus(arg));
  return details.has_value() && details->reason == reason;
}

// Matches a status made by MakeError() whose metadata entry `key` is there and matches `value`.
MATCHER_P2(HasMetadata, key, value,
           std::string(negation ? "does not have" : "has") + " such metadata \"" + key + "\"") {
  const absl::optional<ErrorDetails> details = DetailsOf(internal::GetStatus(arg));
  if (!details.has_value() || details->metadata.count(key) == 0) {
    *result_listener << "which is " << internal::GetStatus(arg) << ", without it";
    return false;
  }
  return ::testing::ExplainMatchResult(value, details->metadata.at(key), result_listener);
}

// Matches a status made by MakeError() whose time to wait matches `delay`, an absl::Duration.
MATCHER_P(HasRetryAfter, delay,
          negation ? "does not have such a time to wait" : "has such a time to wait") {
  const absl::optional<ErrorDetails> details = DetailsOf(internal::GetStatus(arg));
  if (!details.has_value() || !details->retry_after.has_value()) {
    *result_listener << "which is " << internal::GetStatus(arg) << ", without a time to wait";
    return false;
  }
  return ::testing::ExplainMatchResult(delay, *details->retry_after, result_listener);
}

}  // namespace billbroker

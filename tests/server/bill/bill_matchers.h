// Matchers for BillResult and BillError. Use them instead of comparing `detail`, which is a text
// for the log and may be reworded.
//
//   EXPECT_THAT(SignIn(), Succeeded());
//   EXPECT_THAT(SignIn(), AllOf(HasVerdict(Verdict::kUnavailable),
//   HasDelivery(Delivery::kNotSent)));
#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "server/bill/bill_error.h"

namespace billbroker {

inline absl::string_view DeliveryName(Delivery delivery) {
  return delivery == Delivery::kNotSent ? "not sent" : "maybe sent";
}

// gtest prints values of these types by these functions.
inline void PrintTo(Verdict verdict, std::ostream* out) { *out << VerdictName(verdict); }
inline void PrintTo(Delivery delivery, std::ostream* out) { *out << DeliveryName(delivery); }
inline void PrintTo(const BillError& error, std::ostream* out) {
  *out << VerdictName(error.verdict) << ", " << DeliveryName(error.delivery) << ", HTTP "
       << error.http_status << ", code \"" << error.code << "\": " << error.detail;
}
template <typename T>
void PrintTo(const BillResult<T>& result, std::ostream* out) {
  if (result.ok()) {
    *out << "a value";
  } else {
    PrintTo(result.error(), out);
  }
}

namespace internal {

inline const BillError* FindError(const BillError& error) { return &error; }

template <typename T>
const BillError* FindError(const BillResult<T>& result) {
  return result.ok() ? nullptr : &result.error();
}

}  // namespace internal

MATCHER(Succeeded, negation ? "failed" : "succeeded") {
  return internal::FindError(arg) == nullptr;
}

MATCHER_P(HasVerdict, verdict,
          std::string(negation ? "does not have" : "has") + " the verdict \"" +
              std::string(VerdictName(verdict)) + "\"") {
  const BillError* error = internal::FindError(arg);
  return error != nullptr && error->verdict == verdict;
}

MATCHER_P(HasDelivery, delivery,
          std::string(negation ? "does not report" : "reports") + " that the request was " +
              std::string(DeliveryName(delivery))) {
  const BillError* error = internal::FindError(arg);
  return error != nullptr && error->delivery == delivery;
}

MATCHER_P(HasHttpStatus, status,
          negation ? "does not have such an HTTP status" : "has such an HTTP status") {
  const BillError* error = internal::FindError(arg);
  return error != nullptr &&
         ::testing::ExplainMatchResult(status, error->http_status, result_listener);
}

// Matches BILL's code, such as "BDC_1109".
MATCHER_P(HasCode, code, negation ? "does not have such a code" : "has such a code") {
  const BillError* error = internal::FindError(arg);
  return error != nullptr && ::testing::ExplainMatchResult(code, error->code, result_listener);
}

// Matches the description for the log. For golden tests only.
MATCHER_P(HasDetail, detail, negation ? "does not have such a detail" : "has such a detail") {
  const BillError* error = internal::FindError(arg);
  return error != nullptr && ::testing::ExplainMatchResult(detail, error->detail, result_listener);
}

}  // namespace billbroker

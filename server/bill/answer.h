// Converts HTTP responses to the results of BillApi. Pure functions. An answer of BILL's is hostile
// input and is checked field by field.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/bill/bill_error.h"
#include "server/bill/http_answer.h"

namespace billbroker {

// For all functions: `now` as for ReadRefusal(). A known code decides, at any HTTP status and
// beside any other fields. A malformed answer is kUnavailable, and its detail names the field and
// contains no text of BILL's. A field that is null counts as absent.

// Returns the session of `organization_id`. An answer that names another organization is malformed.
[[nodiscard]] BillResult<SignInAnswer> ReadSignIn(const HttpAnswer& answer,
                                                  absl::string_view organization_id,
                                                  absl::Time now);

// Reads the sessionId only. The other fields of BILL's answer are unknown and are ignored.
[[nodiscard]] BillResult<PartnerSignInAnswer> ReadPartnerSignIn(const HttpAnswer& answer,
                                                                absl::Time now);

// Reads a session as ReadSignIn() does. An answer that names another user than `user_id` is
// malformed; an answer that names no user is accepted.
[[nodiscard]] BillResult<SignInAnswer> ReadSignInAsUser(const HttpAnswer& answer,
                                                        absl::string_view organization_id,
                                                        absl::string_view user_id, absl::Time now);

// Returns success for any 2xx without a known code, and for BDC_1109 and 1120 with any status: in
// these cases the session has ended.
[[nodiscard]] BillResult<SignedOut> ReadSignOut(const HttpAnswer& answer, absl::Time now);

[[nodiscard]] BillResult<SessionInfo> ReadSessionInfo(const HttpAnswer& answer, absl::Time now);

// Always succeeds: any answer has a shape.
[[nodiscard]] BillResult<AnswerShape> ReadHealth(const HttpAnswer& answer, absl::Time now);

[[nodiscard]] BillResult<MfaChallenge> ReadMfaChallenge(const HttpAnswer& answer, absl::Time now);
// Reads the id from `rememberMeId` or `mfaId`: sources disagree about the name.
[[nodiscard]] BillResult<MfaValidated> ReadMfaValidated(const HttpAnswer& answer, absl::Time now);
[[nodiscard]] BillResult<SteppedUp> ReadSteppedUp(const HttpAnswer& answer, absl::Time now);

// Returns the error for a malformed answer. `what` is our own text, such as "no userId".
[[nodiscard]] BillError OutOfShape(const HttpAnswer& answer, absl::string_view what);

// The longest id of BILL's, in characters.
inline constexpr std::size_t kLongestId = 64;

// Returns true for 1 to kLongestId characters of [A-Za-z0-9_-], the alphabet of BILL's ids.
[[nodiscard]] bool IsId(absl::string_view text);

// Returns true for 1 to 512 bytes of 0x21 to 0x7e, which a header can carry without encoding.
[[nodiscard]] bool IsHeaderSafe(absl::string_view value);

}  // namespace billbroker

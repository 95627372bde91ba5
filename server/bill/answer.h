// From what came back over HTTP to what was asked for, or why there is none. Pure functions; what
// BILL answers is hostile input, checked field by field.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/bill/bill_error.h"
#include "server/bill/http_answer.h"

namespace billbroker {

// All of these: `now` as for ReadRefusal(). An answer out of shape is kUnavailable, its detail
// names the field and none of BILL's text. A field that is null counts as absent.

// `organization_id` is the one that was asked for. An answer that names another is out of shape.
[[nodiscard]] BillResult<SignInAnswer> ReadSignIn(const HttpAnswer& answer,
                                                  absl::string_view organization_id,
                                                  absl::Time now);

// Wants a sessionId; what else BILL answers is not known and not looked at.
[[nodiscard]] BillResult<PartnerSignInAnswer> ReadPartnerSignIn(const HttpAnswer& answer,
                                                                absl::Time now);

// As ReadSignIn(). An answer that names another user than `user_id` is out of shape; it need not
// name any.
[[nodiscard]] BillResult<SignInAnswer> ReadSignInAsUser(const HttpAnswer& answer,
                                                        absl::string_view organization_id,
                                                        absl::string_view user_id, absl::Time now);

// Any 2xx without a known code, and BDC_1109 whatever the status: the session is gone.
[[nodiscard]] BillResult<SignedOut> ReadSignOut(const HttpAnswer& answer, absl::Time now);

[[nodiscard]] BillResult<SessionInfo> ReadSessionInfo(const HttpAnswer& answer, absl::Time now);

[[nodiscard]] BillResult<MfaChallenge> ReadMfaChallenge(const HttpAnswer& answer, absl::Time now);
// The id is called `rememberMeId` or `mfaId`: sources disagree.
[[nodiscard]] BillResult<MfaValidated> ReadMfaValidated(const HttpAnswer& answer, absl::Time now);
[[nodiscard]] BillResult<SteppedUp> ReadSteppedUp(const HttpAnswer& answer, absl::Time now);

// An answer out of shape as above; `what` is ours, such as "no userId".
[[nodiscard]] BillError OutOfShape(const HttpAnswer& answer, absl::string_view what);

// 1 to 64 characters of [A-Za-z0-9_-], as BILL's ids are.
[[nodiscard]] bool IsId(absl::string_view text);

// 1 to 512 bytes of 0x21 to 0x7e: what a header can carry as it stands.
[[nodiscard]] bool IsHeaderSafe(absl::string_view value);

}  // namespace billbroker

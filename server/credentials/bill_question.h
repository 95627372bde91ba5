// Shared parts of the operations that call BILL with a session of a credential. Internal to
// server/credentials.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/bill/bill_error.h"
#include "server/session/session_manager.h"
#include "vault/base/random.h"
#include "vault/credential_index.h"

namespace billbroker {

// Returns the organization whose session makes the call: preferably one with a live session, which
// costs no sign-in. Fails with UNKNOWN_ORGANIZATION if none is attached.
[[nodiscard]] absl::StatusOr<std::string> ChooseOrganization(const CredentialInfo& credential,
                                                             SessionManager& sessions);

struct BillQuestion {
  std::string credential;
  std::string organization_id;
  // BILL sends a text message: its limit of 5 a minute has the same code as the hourly one.
  bool sends_sms = false;
};

// Returns the error for a caller whose question BILL did not answer. `what` completes "BILL …",
// such as "does not list the organizations".
[[nodiscard]] absl::Status RefusedByBill(const BillError& error, const BillQuestion& question,
                                         absl::string_view what, absl::Time now, Random& random);

}  // namespace billbroker

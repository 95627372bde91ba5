// ClientSession: a live BILL session as a program holds it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "vault/base/secret_string.h"

namespace billbroker {

namespace v1 {
class Session;
}

// A header of a call to BILL.
struct SessionHeader {
  std::string name;
  SecretString value;
};

// A value, movable and not copyable because of its secrets. Send `headers` with each call to
// `base_url` + "/v3/…", or `session_id` and the devKey as the headers `sessionId` and `devKey`.
// BILL needs both.
struct ClientSession {
  SecretString session_id;       // never empty
  SecretString dev_key;          // empty unless `include_dev_key` was set
  std::string dev_key_id;        // 16 hexadecimal digits; equal for equal devKeys of one broker
  std::string organization_id;   // never empty
  std::string credential;        // the name of the credential that signed in
  std::string user_id;           // BILL's id of the user
  std::string base_url;          // without a trailing slash
  bool trusted = false;          // MFA-trusted: payments in production need it
  std::uint64_t generation = 0;  // grows with each sign-in; send it to report BDC_1109
  absl::Time sign_in_time;
  absl::Time verify_time;              // of BILL's last confirmation to the broker
  absl::Time expire_time;              // the deadline, by the broker's clock
  absl::Duration remaining;            // until the deadline, for callers whose clock differs
  std::vector<SessionHeader> headers;  // empty unless `include_headers` was set
};

[[nodiscard]] ClientSession CloneOf(const ClientSession& session);

// Takes the secrets out of `session` and wipes them there. For the clients of this module. Fails
// with INTERNAL if the broker left out a required field.
[[nodiscard]] absl::StatusOr<ClientSession> TakeSession(v1::Session& session);

}  // namespace billbroker

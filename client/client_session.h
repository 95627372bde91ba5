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
// `base_url` + "/v3/…", or `session_id` and the devKey as the headers `sessionId` and `devKey`: one
// is of no use without the other.
struct ClientSession {
  SecretString session_id;       // never empty
  SecretString dev_key;          // empty unless `include_dev_key` was asked
  std::string dev_key_id;        // 16 hexadecimal digits; equal for equal devKeys of one broker
  std::string organization_id;   // never empty
  std::string credential;        // the name of the credential that signed in
  std::string user_id;           // BILL's id of the user
  std::string base_url;          // without a trailing slash
  bool trusted = false;          // MFA-trusted: payments in production need it
  std::uint64_t generation = 0;  // grows with each sign-in; what a report of BDC_1109 names
  absl::Time sign_in_time;
  absl::Time verify_time;              // when BILL last confirmed the session to the broker
  absl::Time expire_time;              // up to when the broker vouches for it, by its clock
  absl::Duration remaining;            // the same as a length, for callers whose clock differs
  std::vector<SessionHeader> headers;  // empty unless `include_headers` was set
};

[[nodiscard]] ClientSession CloneOf(const ClientSession& session);

// For the clients of this room. Takes the secrets out of `session` and wipes them there. INTERNAL
// where the broker left out what it promises.
[[nodiscard]] absl::StatusOr<ClientSession> TakeSession(v1::Session& session);

}  // namespace billbroker

// Pair: what the engine holds for one credential and organization. Internal to server/session.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/session/session.h"
#include "vault/directory.h"

namespace billbroker {

// What a caller wants of a session.
struct SessionDemand {
  absl::Duration min_remaining;        // 0 to half of the idle window
  std::uint64_t stale_generation = 0;  // 0: no report
  bool require_trusted = false;
  bool cached_only = false;
};

// A caller that waits for the check or sign-in under way.
struct Waiter {
  SessionDemand demand;
  bool wants_new_sign_in = false;  // Login with `force`
  absl::AnyInvocable<void(absl::StatusOr<SessionPtr>)> done;
};

struct Pair {
  enum class Activity { kIdle, kChecking, kSigningIn };

  CredentialInfoPtr credential;  // as last seen; never null
  std::string organization_id;

  SessionPtr session;        // null, or live until its deadline
  absl::Duration signed_in;  // Clock::SinceBoot() of that session's sign-in
  absl::Duration checked = -absl::InfiniteDuration();  // and of the last check that confirmed one
  SessionPtr ending;  // logged out here, but BILL has not confirmed it yet
  std::uint64_t generation = 0;

  Activity activity = Activity::kIdle;
  std::vector<Waiter> waiters;
  bool removed = false;  // detached or deleted while a check or sign-in was under way

  // After failures that may pass: nothing is sent before `not_before`, callers get `last_error`
  // until then.
  int failures = 0;
  absl::Duration not_before;
  absl::Status last_error;

  // Sessions in a row that BILL called dead soon after their sign-in.
  int early_deaths = 0;

  // How often in a row the stored credential was another than the one that a sign-in was decided on.
  int overtaken = 0;

  std::int64_t sign_ins = 0;
};

// A sign-in under way, with what it was started with: the credential may change meanwhile.
struct Attempt {
  CredentialInfoPtr credential;
  std::string user;                             // UserKeyOf(credential)
  bool forced = false;                          // by Login with `force`
  std::shared_ptr<const SecretString> dev_key;  // what was sent, and so belongs to the session
  absl::Duration started;                       // Clock::SinceBoot() before the request was sent
};

// Keys of the engine's tables.
[[nodiscard]] std::string PairKeyOf(absl::string_view credential_uid,
                                    absl::string_view organization_id);
[[nodiscard]] std::string UserKeyOf(const CredentialInfo& credential);
[[nodiscard]] std::string DevKeyKeyOf(const CredentialInfo& credential,
                                      absl::string_view organization_id);

}  // namespace billbroker

// SessionSlot: what the engine holds for one credential and organization. Internal to server/session.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/fixed_array.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/cause.h"
#include "server/session/login_governor.h"
#include "server/session/quarantine.h"
#include "server/session/session.h"
#include "server/session/session_store.h"
#include "vault/directory.h"

namespace billbroker {

// How long a caller waits that gave no deadline.
inline constexpr absl::Duration kPatience = absl::Seconds(30);

// What a caller wants of a session.
struct SessionDemand {
  absl::Duration min_remaining;        // 0 to half of the idle window
  std::uint64_t stale_generation = 0;  // 0: no report
  bool require_trusted = false;
  bool cached_only = false;
  absl::Duration patience = kPatience;  // how long the caller waits
  std::string principal;                // who asks; reports are limited for each
  CausePtr cause;                       // by which call
};

struct LoginDemand {
  bool force = false;
  absl::Duration patience = kPatience;
  std::string principal = {};  // who asks
  CausePtr cause = {};         // by which call
};

// A caller that waits for a check, for the slot's turn, or for the sign-in under way.
struct Waiter {
  SessionDemand demand;
  bool wants_new_sign_in = false;  // Login with `force`
  absl::AnyInvocable<void(absl::StatusOr<SessionPtr>)> done;
  absl::Duration gives_up;  // Clock::SinceBoot()
};

// A session with which a partner signs in as users. In memory only.
struct PartnerSession {
  std::shared_ptr<const SecretString> session_id;
  absl::Duration signed_in;
  absl::Duration deadline;
  bool worked = false;  // a user was signed in with it
};

// Shared by the partner and the sign-ins under way with it.
using PartnerSessionPtr = std::shared_ptr<PartnerSession>;

struct SessionSlot {
  enum class Activity { kIdle, kChecking, kQueued, kSigningIn };

  std::string key;               // a SlotKey
  CredentialInfoPtr credential;  // as last seen; never null
  std::string organization_id;

  SessionPtr session;     // null, or live until its deadline
  bool confirmed = true;  // false: it was taken from the store, and BILL has not been asked yet
  absl::Duration checked = -absl::InfiniteDuration();  // when a check last confirmed a session
  SessionPtr ending;             // logged out here, but BILL has not confirmed it yet
  std::uint64_t generation = 0;  // the highest that was reserved for a sign-in

  Activity activity = Activity::kIdle;
  std::vector<Waiter> waiters;
  bool place_stored = false;  // the store knows a place in the queue
  bool logged_out = false;    // by a caller: nothing but another one brings a session back
  bool removed = false;       // detached or deleted while a check or sign-in was under way

  absl::Duration asked = -absl::InfiniteDuration();   // when a caller last asked for it
  absl::Duration tend_at = absl::InfiniteDuration();  // when upkeep looks at it next
  absl::Duration keep_at = absl::InfiniteDuration();  // when a kept session is checked

  // After failures that may pass: nothing is sent before `not_before`, callers get `last_error`
  // until then.
  int failures = 0;
  absl::Duration not_before;
  absl::Status last_error;

  // Sessions in a row that BILL called dead soon after their sign-in.
  int early_deaths = 0;

  // How often in a row the stored credential was another than the one that a sign-in was decided
  // on.
  int overtaken = 0;

  // A partner's: when a sign-in of this slot last found the partner's session dead.
  absl::Duration partner_died = -absl::InfiniteDuration();
  // Of a probe's stand-in: the partner's session that is its alone.
  std::string own_partner;

  std::int64_t sign_ins = 0;
};

// A sign-in under way, with what it was started with: the credential may change meanwhile.
struct Attempt {
  CredentialInfoPtr credential;
  LoginGovernor::Place place;  // that it had in the queue
  SignInStep step = SignInStep::kSignIn;
  PartnerSessionPtr partner;  // with which it signs in as a user; null where it does not
  bool forced = false;        // by Login with `force`
  std::string principal;      // that asked first; empty where nobody did
  CausePtr cause;             // by this call
  std::shared_ptr<const SecretString> dev_key;  // what was sent, and so belongs to the session
  std::uint64_t generation = 0;                 // of the session that it makes
  StoredAttempt record;                         // its line in the ledger
};

// Keys of the engine's tables. The one that every hit looks for fits without memory from the heap:
// a uid, a separator and an id of at most 64 bytes.
class SlotKey final {
 public:
  SlotKey(absl::string_view credential_uid, absl::string_view organization_id);
  [[nodiscard]] absl::string_view text() const { return {text_.data(), text_.size()}; }

 private:
  absl::FixedArray<char, 100> text_;
};
[[nodiscard]] std::string UserKeyOf(const CredentialInfo& credential);
// Whom a sign-in to the organization is a sign-in of: the credential's user, or the one that a
// partner signs in as.
[[nodiscard]] std::string SignInUserKeyOf(const CredentialInfo& credential,
                                          absl::string_view organization_id);
// The sign-in of a partner: its user, password and appKey in their environment. Empty for other
// kinds.
[[nodiscard]] std::string PartnerKeyOf(const CredentialInfo& credential);
// Like DevKeyKeyOf(), of a partner's appKey.
[[nodiscard]] std::string AppKeyKeyOf(const CredentialInfo& credential);
[[nodiscard]] std::string DevKeyKeyOf(const CredentialInfo& credential,
                                      absl::string_view organization_id);
// What a DevKeyKeyOf() was made of: the environment, and the fingerprint.
[[nodiscard]] absl::string_view EnvironmentOf(absl::string_view dev_key_key);
[[nodiscard]] absl::string_view DevKeyIdOf(absl::string_view dev_key_key);

}  // namespace billbroker

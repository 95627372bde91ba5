// SessionStore: the state that the session manager needs after a restart. Design:
// docs/adr/0011-session-store.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/variant.h"
#include "server/session/ids.h"
#include "server/session/quarantine.h"
#include "server/session/session.h"
#include "server/session/sign_in_outcome.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// A moment on both clocks: within one boot the time since boot decides, across boots the wall
// clock.
struct Moment {
  absl::Time wall;
  absl::Duration since_boot;
};

// The result of a sign-in, as far as the limits depend on it.
enum class SignInEnding {
  kAccepted,
  kFailed,   // counts for the BILL user
  kUnclear,  // the answer was lost
  kNeutral,  // not sent, or failed for a reason that counts for nobody
};

// One credential at one organization.
struct StoredSlot {
  std::string credential_uid;
  std::string organization_id;
  std::uint64_t generation = 0;  // the highest that was ever reserved for this slot
  SessionPtr session;            // null if none is live
  std::uint64_t place = 0;       // in the queue for a sign-in, lowest first; 0: none
  bool logged_out = false;       // by a caller: only another caller brings a session back
  // Fingerprint of the devKey with which BILL last accepted a sign-in of this slot. Empty if it
  // never did.
  std::string accepted_dev_key_id = {};
  // A caller reported the session dead, and BILL has not confirmed it since.
  bool in_doubt = false;
};

// A sign-in that was sent, or was about to be.
struct StoredAttempt {
  std::string id;          // unique
  SlotId slot;             // no organization: a partner's own sign-in; empty: of a version 1 store
  std::string principal;   // that is charged; empty: nobody
  DevKeyBudgetId dev_key;  // that is charged
  UserId user;             // that was signed in
  std::string secret_id;   // CredentialInfo::user_secret_id
  Moment started;
  // Unset while under way. If it is unset when a store is opened, the process ended before the
  // answer: BILL may have received the sign-in.
  absl::optional<Moment> ended;
  SignInEnding ending = SignInEnding::kUnclear;
  bool on_trial = false;  // the secret was a candidate and not in effect
  // The narrow scope in which BILL refused it, see SignInOutcome; none while under way.
  QuarantineScope failed_scope = QuarantineScope::kNone;
  bool forced = false;           // it passed back-off and quarantine
  bool passes_slot_cap = false;  // a proof, or forced by an admin
};

using StoredQuarantine = QuarantineRecord;

// The secret that BILL last accepted of a user. Kept without a time limit.
struct StoredAcceptedSecret {
  UserId user;
  std::string secret_id;  // CredentialInfo::user_secret_id
};

// BILL suspended the sign-ins of a devKey (BDC_1144).
struct StoredSuspension {
  DevKeyBudgetId dev_key;
  Moment until;
  bool checks = false;  // callers' checks are suspended too
};

// The end of the audit log's chain; there is at most one. The session manager does not use it.
struct StoredAuditHead {
  std::uint64_t sequence = 0;
  std::string mac;  // 64 lower-case hexadecimal digits
};

struct SlotForgotten {
  std::string credential_uid;
  std::string organization_id;
};
struct AttemptForgotten {
  std::string id;
};
struct QuarantineLifted {
  std::string scope;
};
struct AcceptedSecretForgotten {
  UserId user;
};
struct SuspensionEnded {
  DevKeyBudgetId dev_key;
};

using StoreChange =
    absl::variant<StoredSlot, SlotForgotten, StoredAttempt, AttemptForgotten, StoredQuarantine,
                  QuarantineLifted, StoredAuditHead, StoredAcceptedSecret, AcceptedSecretForgotten,
                  StoredSuspension, SuspensionEnded>;

enum class StoreState {
  kWaiting,       // for the key, which is in the keyring
  kReady,         // written changes survive the end of the process
  kDegraded,      // writes fail (full disk, read-only): the newest changes are in memory only
  kMemoryOnly,    // it cannot be opened yet, and is tried again until it can
  kNotAnswering,  // its disk hangs: the newest changes may be in memory only
};

// For people and for status; the texts hold no contents.
struct StoreStatus {
  StoreState state = StoreState::kWaiting;
  std::string file;                     // empty if the store is not a file
  std::string why;                      // the cause and the fix; empty if `state` is kReady
  absl::Time since;                     // of `state`
  absl::optional<absl::Time> next_try;  // if it is tried again by itself
};

// The contents of a store. Rows that are damaged or not in their place are left out.
struct StoreContents {
  std::vector<StoredSlot> slots;
  std::vector<StoredAttempt> attempts;
  std::vector<StoredQuarantine> quarantines;
  std::vector<StoredAcceptedSecret> accepted_secrets;
  std::vector<StoredSuspension> suspensions;
  absl::optional<StoredAuditHead> audit_head;
  // Written since the machine's last boot: times since boot are comparable.
  bool same_boot = false;
};

// Thread-safe.
class SessionStore {
 public:
  // Called exactly once: on the store's thread, or before the call that it was given to returns.
  // The store holds no lock meanwhile. Must not block.
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // Receives the contents exactly once, or never if the store is never opened. Runs on the store's
  // thread, or before Open() returns, without a lock held. Must not block.
  using Opened = absl::AnyInvocable<void(StoreContents)>;

  virtual ~SessionStore() = default;

  // Opens the store, once, and calls `opened` with everything that it held. Blocks until the first
  // try has succeeded or failed, or until its disk did not answer for a bounded time. A store that
  // cannot be opened is tried again in the background until it can: status() shows why, and
  // `opened` runs then. The changes that were given before are written after it. They are not in
  // the contents, and neither are the rows that they replace, except slots. `master_key` is
  // Vault::MasterKey(). A store that is unusable for good (another key, corrupt, foreign) is set
  // aside, and a fresh one is started. Call it without a lock that `opened` takes.
  virtual void Open(const SecretString& master_key, Opened opened) = 0;

  // Writes the attempt, then calls `done`. After OK the attempt, and every change that was given
  // before it, survives a power cut. No thread waits for that. Call it without a lock that `done`
  // takes.
  //
  // Errors:
  //   kUnavailable  the attempt is in memory only, or its disk did not answer in time; it is
  //                 written once that is possible again. The message names the cause and the fix
  virtual void RecordAttempt(StoredAttempt attempt, Done done) = 0;

  // Writes the change soon, in the order of the calls.
  virtual void WriteSoon(StoreChange change) = 0;

  [[nodiscard]] virtual StoreState state() const = 0;
  // Returns state() with its cause.
  [[nodiscard]] virtual StoreStatus status() const = 0;
};

}  // namespace billbroker

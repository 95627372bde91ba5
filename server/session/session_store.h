// SessionStore: what the engine must still know after a restart. Design:
// docs/adr/0011-session-store.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/variant.h"
#include "server/session/quarantine.h"
#include "server/session/session.h"
#include "server/session/sign_in_gate.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// A moment on both clocks: within one boot the time since boot decides, across boots the wall
// clock.
struct Moment {
  absl::Time wall;
  absl::Duration since_boot;
};

// A pair of credential and organization.
struct StoredSlot {
  std::string credential_uid;
  std::string organization_id;
  std::uint64_t generation = 0;  // the highest that was ever reserved for this slot
  SessionPtr session;            // null where none is live
  std::uint64_t place = 0;       // in the queue for a sign-in, lowest first; 0: none
  bool logged_out = false;       // by a caller: only another one brings a session back
};

// A sign-in that was sent, or was about to be.
struct StoredAttempt {
  std::string id;         // never returns
  std::string dev_key;    // DevKeyKeyOf()
  std::string user;       // UserKeyOf()
  std::string secret_id;  // CredentialInfo::user_secret_id
  Moment started;
  // Unset while under way. One that is unset when a store is opened was cut off: it may have
  // arrived.
  absl::optional<Moment> ended;
  SignInGate::Ending ending = SignInGate::Ending::kUnclear;
};

using StoredQuarantine = QuarantineRecord;

// Where the audit log's chain ends; there is at most one. Not the engine's.
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

using StoreChange = absl::variant<StoredSlot, SlotForgotten, StoredAttempt, AttemptForgotten,
                                  StoredQuarantine, QuarantineLifted, StoredAuditHead>;

enum class StoreState {
  kWaiting,     // for the key, which rests in the keyring
  kReady,       // what is written outlives the process
  kDegraded,    // writes fail (full disk, read-only): the newest changes are in memory only
  kMemoryOnly,  // it could not be opened at all
};

// What a store held. Nothing that is not whole and in its place is in it.
struct StoreContents {
  std::vector<StoredSlot> slots;
  std::vector<StoredAttempt> attempts;
  std::vector<StoredQuarantine> quarantines;
  absl::optional<StoredAuditHead> audit_head;
  // Written since the machine's last boot: times since boot are comparable.
  bool same_boot = false;
};

// Thread-safe.
class SessionStore {
 public:
  virtual ~SessionStore() = default;

  // Reads everything, once, before the first write. `master_key` is Vault::MasterKey(). A store
  // that cannot be used (another key, corrupt, foreign, read-only) is not an error: it is set aside
  // where it can be, the contents are empty, and state() and the implementation's observer say so.
  [[nodiscard]] virtual StoreContents Open(const SecretString& master_key) = 0;

  // Returns once the change, and all that were given before, would survive the death of the
  // process. An error says that it is in memory only; it is written later, when that is possible
  // again.
  virtual absl::Status WriteNow(StoreChange change) = 0;

  // The same, soon, in order.
  virtual void WriteSoon(StoreChange change) = 0;

  [[nodiscard]] virtual StoreState state() const = 0;
};

}  // namespace billbroker

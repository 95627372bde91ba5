// RowCodec: the rows of a session store, sealed and bound to their place.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/session/session_store.h"
#include "vault/base/secret_string.h"
#include "vault/fingerprint.h"
#include "vault/sealed_box.h"

namespace billbroker {

// Stored as these numbers.
enum class RowKind { kSlot = 1, kAttempt = 2, kQuarantine = 3, kAuditHead = 4 };

// "slot", "attempt", "quarantine", "audit_head"; "unknown" for any other number.
[[nodiscard]] absl::string_view RowKindName(int kind);

// What a change is about: of several with one key the last one counts.
struct RowKey {
  RowKind kind;
  std::string owner;  // credential uid; id of an attempt; scope of a quarantine
  std::string thing;  // organization id of a slot

  friend bool operator==(const RowKey& a, const RowKey& b) {
    return a.kind == b.kind && a.owner == b.owner && a.thing == b.thing;
  }
  template <typename H>
  friend H AbslHashValue(H hash, const RowKey& key) {
    return H::combine(std::move(hash), key.kind, key.owner, key.thing);
  }
};

[[nodiscard]] RowKey KeyOf(const StoreChange& change);
// SlotForgotten, AttemptForgotten, QuarantineLifted.
[[nodiscard]] bool IsRemoval(const StoreChange& change);

// Whether it holds times since boot, which mean something within that boot only.
[[nodiscard]] bool HasTimesSinceBoot(const StoreChange& change);

// A row as it rests in the file; its primary key is (kind, owner, thing).
struct SealedRow {
  int kind = 0;
  std::string owner;  // as in RowKey, but a keyed fingerprint of a scope, which names a BILL user
  std::string thing;
  std::uint64_t generation = 0;  // of a slot
  std::string boot;              // id of the boot that its times since boot belong to
  std::string sealed;            // empty: the row goes
};

// The payload is JSON, which never leaves the locked slab, in a SealedBox; its associated data are
// the format's version and all columns. Times keep whole nanoseconds. Thread-safe.
class RowCodec final {
 public:
  // `boot_id` goes into each row.
  RowCodec(const SecretString& master_key, std::string boot_id);

  // The keys of a session must not be null.
  [[nodiscard]] SealedRow Write(const StoreChange& change) const;

  // A StoredSlot, StoredAttempt, StoredQuarantine or StoredAuditHead; nullopt where the row was
  // changed, cut off, moved here from another place, or written in a format that this build does
  // not know.
  [[nodiscard]] absl::optional<StoreChange> Read(const SealedRow& row) const;

  // The canary tells whose file it is.
  [[nodiscard]] std::string WriteCanary() const;
  // False: it was sealed under another key.
  [[nodiscard]] bool IsCanary(absl::string_view sealed) const;

 private:
  SealedBox box_;
  Fingerprinter fingerprinter_;
  std::string boot_id_;
};

}  // namespace billbroker

// RowCodec: seals the rows of a session store and binds each to its place.
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
enum class RowKind {
  kSlot = 1,
  kAttempt = 2,
  kQuarantine = 3,
  kAuditHead = 4,
  kAcceptedSecret = 5,
  kSuspension = 6,
};

// Returns "slot", "attempt", "quarantine", "audit_head", "accepted_secret" or "suspension";
// "unknown" for any other number.
[[nodiscard]] absl::string_view RowKindName(int kind);

// Identifies the row of a change. Of several changes of one row the last one counts.
struct RowKey {
  RowKind kind;
  // Credential uid of a slot; id of an attempt; scope of a quarantine; parts of a user or a devKey,
  // each with its length.
  std::string owner;
  std::string thing;  // organization id of a slot

  friend bool operator==(const RowKey& a, const RowKey& b) {
    return a.kind == b.kind && a.owner == b.owner && a.thing == b.thing;
  }
  template <typename H>
  friend H AbslHashValue(H hash, const RowKey& key) {
    return H::combine(std::move(hash), key.kind, key.owner, key.thing);
  }
};

// Returns the key of the row that the change is about.
[[nodiscard]] RowKey KeyOf(const StoreChange& change);
// Returns true if the change removes a row.
[[nodiscard]] bool IsRemoval(const StoreChange& change);

// Returns true if the row has times since boot, which are valid within that boot only.
[[nodiscard]] bool HasTimesSinceBoot(const StoreChange& change);

// A row in the file. Its primary key is (kind, owner, thing).
struct SealedRow {
  int kind = 0;
  // As in RowKey for slots and attempts; else a keyed fingerprint, because it names a BILL user or
  // a devKey.
  std::string owner;
  std::string thing;
  std::uint64_t generation = 0;  // of a slot
  std::string boot;              // id of the boot that its times since boot belong to
  std::string sealed;            // empty: the row is removed
};

// The payload is JSON, which stays in locked memory, in a SealedBox. Its associated data are the
// version of the format and all columns. Times keep whole nanoseconds. Thread-safe.
class RowCodec final {
 public:
  // `boot_id` is stored in each row that Write() returns.
  RowCodec(const SecretString& master_key, std::string boot_id);

  // Returns the row of a change. The keys of a session must not be null.
  [[nodiscard]] SealedRow Write(const StoreChange& change) const;
  // Returns the row of a change whose times since boot belong to the boot `boot`.
  [[nodiscard]] SealedRow Write(const StoreChange& change, const std::string& boot) const;

  // Returns the row's contents, which are never a removal. Returns nullopt if the row was changed,
  // truncated or moved here from another place, or has another format.
  [[nodiscard]] absl::optional<StoreChange> Read(const SealedRow& row) const;
  // Reads a row that a store of version 1 wrote.
  [[nodiscard]] absl::optional<StoreChange> ReadVersion1(const SealedRow& row) const;

  // Returns the canary, which shows which key the file belongs to.
  [[nodiscard]] std::string WriteCanary() const;
  // Returns false if it was sealed under another key.
  [[nodiscard]] bool IsCanary(absl::string_view sealed) const;

 private:
  SealedBox box_;
  Fingerprinter fingerprinter_;
  std::string boot_id_;
};

}  // namespace billbroker

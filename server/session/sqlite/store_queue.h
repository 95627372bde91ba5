// StoreQueue: the changes of a session store that are not written yet. Internal to SqliteStore.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/session/session_store.h"
#include "server/session/sqlite/stored_row.h"

namespace billbroker {

// Of several changes of one row only the last is kept. Not thread-safe.
class StoreQueue final {
 public:
  using Changes = absl::flat_hash_map<RowKey, StoreChange>;
  struct Batch {
    Changes changes;
    std::uint64_t through = 0;  // see Answered()
  };

  void Give(StoreChange change);
  // Gives an attempt that `done` waits for.
  void Give(StoredAttempt attempt, SessionStore::Done done);

  [[nodiscard]] bool empty() const { return unwritten_.empty(); }
  // Returns true if changes were given that were not tried yet.
  [[nodiscard]] bool has_new() const { return given_ != tried_; }

  // Removes the rows of `contents`, apart from slots, that a change replaces or removes.
  void RemoveReplacedRows(StoreContents& contents) const;

  // Takes all changes.
  [[nodiscard]] Batch Take();
  // Puts changes back that could not be written. A later change of the same row wins.
  void PutBack(Changes changes);
  // Marks the changes up to `through` as tried. Returns the calls that wait for one of them, in
  // order.
  [[nodiscard]] std::vector<SessionStore::Done> Answered(std::uint64_t through);
  // Returns all calls that wait. Their changes stay.
  [[nodiscard]] std::vector<SessionStore::Done> TakeWaiting();

 private:
  struct Waiting {
    std::uint64_t place;  // the value of `given_` with its change
    SessionStore::Done done;
  };

  Changes unwritten_;
  // Changes are counted as they come: how many were given and tried so far.
  std::uint64_t given_ = 0;
  std::uint64_t tried_ = 0;
  std::vector<Waiting> waiting_;  // by place
};

}  // namespace billbroker

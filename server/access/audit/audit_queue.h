// AuditQueue: the entries that wait to be written to the audit log, and their waiting callers.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "server/access/audit/audit_entry.h"
#include "server/access/audit/audit_writer.h"

namespace billbroker {

// A caller that waits for an entry.
struct AuditWaiting {
  bool done = false;
  bool given_up = false;
  absl::Status result;  // once it is `done`
};

struct QueuedAudit {
  std::uint64_t place = 0;  // in the order of arrival
  AuditRecord record;
  // Null if no caller waits. Shared, because the caller may give up while the entry is written.
  std::shared_ptr<AuditWaiting> waiting;
};

struct AuditBatch {
  std::vector<QueuedAudit> lines;  // in the order of arrival
  std::uint64_t dropped = 0;       // entries that were lost since the last batch
};

// Bounds the entries without a waiting caller, separately for each class, so that no flood of one
// suppresses another: session reads, refusals, and the rest. An entry counts until it is settled.
// Not thread-safe; a batch is settled before the next is taken.
class AuditQueue final {
 public:
  static constexpr std::size_t kMostInBatch = 256;

  // `most_posted` is the bound of each class.
  explicit AuditQueue(std::size_t most_posted) : most_posted_(most_posted) {}

  // Queues an entry for which a caller waits.
  [[nodiscard]] std::shared_ptr<AuditWaiting> Await(AuditRecord record);
  // Queues an entry without a waiting caller; drops it if there are too many of its class.
  void Post(AuditRecord record);
  // Counts entries that are lost.
  void Drop(std::uint64_t count) { dropped_ += count; }

  // Takes up to kMostInBatch lines. If that is not all, entries with a waiting caller go first.
  // Entries whose caller gave up are left out. Without `posted`, takes only entries with a waiting
  // caller.
  [[nodiscard]] AuditBatch Take(bool posted);

  // Delivers `result` to the waiting callers. After an error, entries with `returns` go back to
  // their places in the queue.
  void Settle(AuditBatch batch, const absl::Status& result);

  [[nodiscard]] bool empty() const { return awaited_.empty() && posted_.empty(); }
  [[nodiscard]] bool awaited() const { return !awaited_.empty(); }

 private:
  using Lines = std::deque<QueuedAudit>;

  const std::size_t most_posted_;
  std::uint64_t last_place_ = 0;
  Lines awaited_;
  Lines posted_;
  std::array<std::size_t, 3> counts_{};  // of each class: posted and not settled
  std::uint64_t dropped_ = 0;
};

}  // namespace billbroker

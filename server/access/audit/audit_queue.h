// AuditQueue: what is to be put on the audit log, and who waits for it.
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

// One who waits for an entry.
struct AuditWaiting {
  bool done = false;
  bool given_up = false;
  absl::Status result;  // once it is `done`
};

struct QueuedAudit {
  std::uint64_t place = 0;  // in the order in which entries came
  AuditRecord record;
  // Null where nobody waits. Shared, since the one who waits may give up while it is written.
  std::shared_ptr<AuditWaiting> waiting;
};

struct AuditBatch {
  std::vector<QueuedAudit> lines;  // in the order in which they came
  std::uint64_t dropped = 0;       // entries that were lost since the last batch
};

// Bounds what nobody waits for by class, each for itself, so that no flood of one suppresses
// another: session reads, refusals, and the rest. An entry counts until it is settled. Not
// thread-safe; a batch is settled before the next is taken.
class AuditQueue final {
 public:
  static constexpr std::size_t kMostInBatch = 256;

  // `most_posted` entries of each class.
  explicit AuditQueue(std::size_t most_posted) : most_posted_(most_posted) {}

  // Somebody waits for it.
  [[nodiscard]] std::shared_ptr<AuditWaiting> Await(AuditRecord record);
  // Nobody does. Where too many of its class are here it is dropped.
  void Post(AuditRecord record);
  // Counts entries that are lost.
  void Drop(std::uint64_t count) { dropped_ += count; }

  // Takes up to kMostInBatch lines. Where that is not all, what somebody waits for goes first;
  // what was given up is left out. Without `posted` only what somebody waits for.
  [[nodiscard]] AuditBatch Take(bool posted);

  // Tells `result` to those who wait. After an error what returns is put back in its place.
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

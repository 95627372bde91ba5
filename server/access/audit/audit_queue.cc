#include "server/access/audit/audit_queue.h"

#include <algorithm>
#include <utility>

namespace billbroker {
namespace {

// Callers can cause any number of the first two.
enum PostedClass : std::size_t { kReads, kRefusals, kRest };

PostedClass ClassOf(const AuditEntry& entry) {
  if (entry.event == AuditEvent::kSessionRead) return kReads;
  return entry.event == AuditEvent::kRefusal ? kRefusals : kRest;
}

bool ComesBefore(const QueuedAudit& a, const QueuedAudit& b) { return a.place < b.place; }

}  // namespace

std::shared_ptr<AuditWaiting> AuditQueue::Await(AuditRecord record) {
  ClipTexts(record.entry);
  record.returns = false;  // the caller receives the error instead
  const auto waiting = std::make_shared<AuditWaiting>();
  awaited_.push_back({++last_place_, std::move(record), waiting});
  return waiting;
}

void AuditQueue::Post(AuditRecord record) {
  const PostedClass posted = ClassOf(record.entry);
  if (counts_[posted] >= most_posted_) return Drop(1);
  ++counts_[posted];
  ClipTexts(record.entry);
  record.returns = posted == kRest;
  posted_.push_back({++last_place_, std::move(record), nullptr});
}

AuditBatch AuditQueue::Take(bool posted) {
  AuditBatch batch;
  for (; !awaited_.empty() && batch.lines.size() < kMostInBatch; awaited_.pop_front()) {
    if (!awaited_.front().waiting->given_up) batch.lines.push_back(std::move(awaited_.front()));
  }
  const auto awaited = static_cast<std::ptrdiff_t>(batch.lines.size());
  if (posted) {
    for (; !posted_.empty() && batch.lines.size() < kMostInBatch; posted_.pop_front()) {
      batch.lines.push_back(std::move(posted_.front()));
    }
  }
  std::inplace_merge(batch.lines.begin(), batch.lines.begin() + awaited, batch.lines.end(),
                     ComesBefore);
  batch.dropped = std::exchange(dropped_, 0);
  return batch;
}

void AuditQueue::Settle(AuditBatch batch, const absl::Status& result) {
  if (!result.ok()) Drop(batch.dropped);
  for (auto line = batch.lines.rbegin(); line != batch.lines.rend(); ++line) {
    if (line->waiting != nullptr) {
      line->waiting->done = true;
      line->waiting->result = result;
    } else if (!result.ok() && line->record.returns) {
      posted_.push_front(std::move(*line));
    } else {
      --counts_[ClassOf(line->record.entry)];
    }
  }
}

}  // namespace billbroker

#include "server/session/sqlite/store_queue.h"

#include <algorithm>
#include <utility>

namespace billbroker {

void StoreQueue::Give(StoreChange change) {
  RowKey key = KeyOf(change);
  unwritten_.insert_or_assign(std::move(key), std::move(change));
  ++given_;
}

void StoreQueue::Give(StoredAttempt attempt, SessionStore::Done done) {
  Give(StoreChange(std::move(attempt)));
  waiting_.push_back({given_, std::move(done)});
}

void StoreQueue::RemoveReplacedRows(StoreContents& contents) const {
  const auto remove = [this](auto& rows) {
    std::erase_if(rows, [this](const auto& row) { return unwritten_.contains(KeyOf(row)); });
  };
  remove(contents.attempts);
  remove(contents.quarantines);
  remove(contents.accepted_secrets);
  remove(contents.suspensions);
}

StoreQueue::Batch StoreQueue::Take() { return {std::exchange(unwritten_, {}), given_}; }

void StoreQueue::PutBack(Changes changes) { unwritten_.merge(changes); }

std::vector<SessionStore::Done> StoreQueue::Answered(std::uint64_t through) {
  tried_ = through;
  const auto later =
      std::partition_point(waiting_.begin(), waiting_.end(),
                           [through](const Waiting& each) { return each.place <= through; });
  std::vector<SessionStore::Done> answered;
  for (auto each = waiting_.begin(); each != later; ++each) {
    answered.push_back(std::move(each->done));
  }
  waiting_.erase(waiting_.begin(), later);
  return answered;
}

std::vector<SessionStore::Done> StoreQueue::TakeWaiting() {
  std::vector<SessionStore::Done> waiting;
  for (Waiting& each : std::exchange(waiting_, {})) waiting.push_back(std::move(each.done));
  return waiting;
}

}  // namespace billbroker

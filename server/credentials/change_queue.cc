#include "server/credentials/change_queue.h"

#include <mutex>
#include <tuple>
#include <utility>

namespace billbroker {

ChangeQueue::~ChangeQueue() {
  std::unique_lock<std::mutex> lock(mutex_.native());
  idle_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return running_.empty() && waiting_.empty();
  });
}

void ChangeQueue::Add(const void* id, Turn turn, Work work) {
  MutexLock lock(mutex_);
  waiting_.emplace(id, Waiting{++arrivals_, std::move(turn), std::move(work)});
  StartAll();
}

bool ChangeQueue::Remove(const void* id) {
  Work removed;
  MutexLock lock(mutex_);
  const auto entry = waiting_.find(id);
  if (entry == waiting_.end()) return false;
  removed = std::move(entry->second.work);
  waiting_.erase(entry);
  return true;
}

std::size_t ChangeQueue::waiting() const {
  MutexLock lock(mutex_);
  return waiting_.size();
}

std::uint64_t ChangeQueue::LastBegun(const std::string& principal) const {
  const auto found = last_begun_.find(principal);
  return found == last_begun_.end() ? 0 : found->second;
}

ChangeQueue::Entry ChangeQueue::Next() {
  // The first of each credential's queue.
  std::map<std::string, Entry> heads;
  for (auto entry = waiting_.begin(); entry != waiting_.end(); ++entry) {
    const Turn& turn = entry->second.turn;
    if (running_.contains(turn.credential) || (prompting_ && turn.may_prompt)) continue;
    const auto [head, is_first] = heads.try_emplace(turn.credential, entry);
    if (is_first) continue;
    const auto order = [this](const Entry& each) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      const Turn& its = each->second.turn;
      return std::tuple(!its.ends_sessions, LastBegun(its.principal), each->second.number);
    };
    if (order(entry) < order(head->second)) head->second = entry;
  }
  Entry next = waiting_.end();
  for (const auto& [credential, head] : heads) {
    const auto order = [this](const Entry& each) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      const Turn& its = each->second.turn;
      return std::tuple(LastBegun(its.principal), !its.ends_sessions, each->second.number);
    };
    if (next == waiting_.end() || order(head) < order(next)) next = head;
  }
  return next;
}

void ChangeQueue::StartAll() {
  while (static_cast<int>(running_.size()) < limit_) {
    const Entry next = Next();
    if (next == waiting_.end()) return;
    Waiting started = std::move(next->second);
    waiting_.erase(next);
    running_.insert(started.turn.credential);
    last_begun_[started.turn.principal] = ++starts_;
    prompting_ = prompting_ || started.turn.may_prompt;
    executor_.Run([this, work = std::move(started.work), turn = std::move(started.turn)]() mutable {
      work();
      work = nullptr;
      End(turn);
    });
  }
}

void ChangeQueue::End(const Turn& turn) {
  MutexLock lock(mutex_);
  running_.erase(turn.credential);
  if (turn.may_prompt) prompting_ = false;
  StartAll();
  if (!running_.empty()) return;
  last_begun_.clear();
  idle_.notify_all();
}

}  // namespace billbroker

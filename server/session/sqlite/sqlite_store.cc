#include "server/session/sqlite/sqlite_store.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {

absl::string_view StoreStateName(StoreState state) {
  switch (state) {
    case StoreState::kWaiting:
      return "WAITING";
    case StoreState::kReady:
      return "READY";
    case StoreState::kDegraded:
      return "DEGRADED";
    case StoreState::kMemoryOnly:
      return "MEMORY_ONLY";
    case StoreState::kNotAnswering:
      return "NOT_ANSWERING";
  }
  return "";
}

SqliteStore::SqliteStore(SqliteStoreOptions options, const Clock& clock, StoreObserver& observer)
    : options_(std::move(options)), clock_(clock), observer_(observer) {
  status_ = {StoreState::kWaiting, options_.path,
             "the session store waits for its key, which is in the keyring", clock_.Now(),
             absl::nullopt};
}

SqliteStore::~SqliteStore() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  if (worker_ != nullptr) worker_->Stop();
  if (thread_.joinable()) thread_.join();
}

void SqliteStore::Open(const SecretString& master_key, Opened opened) {
  if (disk_ != nullptr) std::abort();  // once
  opened_ = std::move(opened);
  disk_ = std::make_shared<StoreDisk>(
      StoreDiskOptions{options_.path, options_.boot_id, options_.busy_timeout}, master_key);
  worker_ = std::make_unique<StoreWorker>();
  thread_ = std::thread([this] { Loop(); });
  std::unique_lock<std::mutex> lock(mutex_.native());
  wake_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return tried_; });
}

void SqliteStore::RecordAttempt(StoredAttempt attempt, Done done) {
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    if (status_.state == StoreState::kReady || status_.state == StoreState::kDegraded) {
      queue_.Give(std::move(attempt), std::exchange(done, nullptr));
    } else {
      queue_.Give(std::move(attempt));
      refused = absl::UnavailableError(status_.why);
    }
  }
  wake_.notify_all();
  if (done != nullptr) done(refused);
}

void SqliteStore::WriteSoon(StoreChange change) {
  {
    MutexLock lock(mutex_);
    queue_.Give(std::move(change));
  }
  wake_.notify_all();
}

StoreState SqliteStore::state() const {
  MutexLock lock(mutex_);
  return status_.state;
}

StoreStatus SqliteStore::status() const {
  MutexLock lock(mutex_);
  return status_;
}

void SqliteStore::Loop() {
  if (OpenDisk()) WriteUntilClosed();
  // Closing writes to the disk, too. If an earlier call hangs, it holds the disk until it ends.
  if (worker_->Await(absl::ZeroDuration())) {
    RunOnDisk([disk = std::exchange(disk_, nullptr)]() mutable { disk.reset(); });
  }
}

bool SqliteStore::OpenDisk() {
  absl::Duration wait = options_.retry_interval;
  bool last = false;  // the last try begins after the store began to close
  while (true) {
    const auto result = std::make_shared<absl::StatusOr<StoreContents>>();
    const bool answered =
        RunOnDisk([disk = disk_, result, now = clock_.Now()] { *result = disk->Open(now); });
    if (!answered) return false;
    for (const StoreEvent& event : disk_->TakeEvents()) Report(event);
    if (result->ok()) {
      StoreContents contents = *std::move(*result);
      {
        MutexLock lock(mutex_);
        queue_.RemoveReplacedRows(contents);
      }
      SetState(StoreState::kReady, "");
      std::exchange(opened_, nullptr)(std::move(contents));
      StopFirstTry();
      return true;
    }
    SetState(StoreState::kMemoryOnly, result->status().message(), wait);
    StopFirstTry();
    if (last) return false;
    last = Pause(wait);
    wait = std::min(wait * 2, std::max(options_.longest_open_interval, options_.retry_interval));
  }
}

void SqliteStore::StopFirstTry() {
  {
    MutexLock lock(mutex_);
    tried_ = true;
  }
  wake_.notify_all();
}

void SqliteStore::WriteUntilClosed() {
  struct Call {
    StoreQueue::Batch batch;
    absl::Status written;
  };
  bool last = false;
  while (!last) {
    const auto call = std::make_shared<Call>();
    call->batch = AwaitChanges(last);
    if (call->batch.changes.empty()) continue;
    const bool answered = RunOnDisk([disk = disk_, call, now = clock_.Now()] {
      call->written = disk->Write(call->batch.changes, now);
    });
    if (!answered) return;
    for (const StoreEvent& event : disk_->TakeEvents()) Report(event);
    Settle(std::move(call->batch), call->written);
  }
}

StoreQueue::Batch SqliteStore::AwaitChanges(bool& last) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  while (!closing_ && !queue_.has_new()) {
    if (queue_.empty()) {
      wake_.wait(lock);
    } else if (wake_.wait_for(lock, absl::ToChronoNanoseconds(options_.retry_interval)) ==
               std::cv_status::timeout) {
      break;
    }
  }
  last = closing_;
  return queue_.Take();
}

bool SqliteStore::RunOnDisk(absl::AnyInvocable<void()> call) {
  worker_->Start(std::move(call));
  if (worker_->Await(options_.answer_timeout)) return true;
  SetState(StoreState::kNotAnswering,
           absl::StrCat(options_.path,
                        ": its disk does not answer; check the disk, or the server "
                        "that it is mounted from"));
  StopFirstTry();
  std::vector<Done> waiting;
  absl::Status hangs;
  {
    MutexLock lock(mutex_);
    waiting = queue_.TakeWaiting();
    hangs = absl::UnavailableError(status_.why);
  }
  for (Done& done : waiting) done(hangs);
  return worker_->AwaitUnlessStopped();
}

// Answers the calls that wait last: the observer has received the state that they see in state().
void SqliteStore::Settle(StoreQueue::Batch batch, const absl::Status& written) {
  if (written.ok()) {
    SetState(StoreState::kReady, "");
  } else {
    {
      MutexLock lock(mutex_);
      queue_.PutBack(std::move(batch.changes));
    }
    SetState(StoreState::kDegraded, written.message(), options_.retry_interval);
  }
  std::vector<Done> answered;
  {
    MutexLock lock(mutex_);
    answered = queue_.Answered(batch.through);
  }
  for (Done& done : answered) done(written);
}

bool SqliteStore::Pause(absl::Duration time) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  return wake_.wait_for(lock, absl::ToChronoNanoseconds(time),
                        [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return closing_; });
}

void SqliteStore::Report(const StoreEvent& event) {
  if (const auto* lost = absl::get_if<StoreFileLost>(&event)) {
    SetState(StoreState::kDegraded, lost->why, absl::nullopt, /*is_news=*/true);
  } else if (const auto* aside = absl::get_if<StoreFileSetAside>(&event)) {
    observer_.StoreSetAside(aside->file, aside->why);
  } else if (const auto* row = absl::get_if<StoreRowDropped>(&event)) {
    observer_.StoreRowDropped(row->kind);
  } else if (const auto* upgraded = absl::get_if<StoreRowsUpgraded>(&event)) {
    observer_.StoreUpgraded(upgraded->rows, upgraded->removed);
  }
}

void SqliteStore::SetState(StoreState state, absl::string_view why,
                           absl::optional<absl::Duration> next_try, bool is_news) {
  const absl::Time now = clock_.Now();
  StoreStatus status;
  {
    MutexLock lock(mutex_);
    const bool same = status_.state == state;
    if (!same) status_.since = now;
    status_.state = state;
    status_.why = std::string(why);
    status_.next_try.reset();
    if (next_try.has_value()) status_.next_try = now + *next_try;
    if (same && !is_news) return;
    status = status_;
  }
  observer_.StoreStateChanged(status);
}

}  // namespace billbroker

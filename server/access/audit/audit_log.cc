#include "server/access/audit/audit_log.h"

#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr absl::string_view kNotOpened = "it waits for its key, which rests in the keyring";
constexpr absl::string_view kHangs = "its device does not answer";

}  // namespace

AuditLog::AuditLog(AuditLogOptions options, AuditFile& file, AuditHead& head, const Clock& clock,
                   Random& random, AuditObserver& observer)
    : options_(std::move(options)),
      file_(file),
      head_(head),
      clock_(clock),
      random_(random),
      observer_(observer),
      queue_(options_.most_posted),
      state_{false, std::string(Unavailable(kNotOpened).message())} {}

AuditLog::~AuditLog() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void AuditLog::Open(const SecretString& master_key) {
  if (writer_.has_value()) std::abort();  // called twice
  key_.emplace(master_key);
  writer_.emplace(AuditKey(master_key), file_, head_, clock_, random_);
  {
    MutexLock lock(mutex_);
    opened_ = true;
    look_ = true;
  }
  thread_ = std::thread([this] { Loop(); });
}

absl::Status AuditLog::Write(AuditEntry entry) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  if (!opened_) return Unavailable(kNotOpened);
  if (hangs_) return Unavailable(kHangs);
  const std::shared_ptr<AuditWaiting> waiting = queue_.Await({clock_.Now(), std::move(entry)});
  wake_.notify_one();
  const bool done = settled_.wait_for(lock, absl::ToChronoNanoseconds(options_.longest_wait),
                                      [&waiting] { return waiting->done; });
  if (done) return waiting->result;
  lock.unlock();
  return GiveUp(*waiting);
}

absl::Status AuditLog::GiveUp(AuditWaiting& waiting) {
  bool changed = false;
  {
    MutexLock lock(mutex_);
    if (waiting.done) return waiting.result;
    waiting.given_up = true;
    changed = writing_ && !hangs_;
    if (changed) {
      hangs_ = true;
      state_ = {false, std::string(Unavailable(kHangs).message())};
    }
  }
  if (changed) observer_.AuditStateChanged();
  return Unavailable(kHangs);
}

void AuditLog::Post(AuditEntry entry) {
  {
    MutexLock lock(mutex_);
    if (!opened_) return queue_.Drop(1);
    queue_.Post({clock_.Now(), std::move(entry)});
  }
  wake_.notify_one();
}

void AuditLog::Omit() {
  MutexLock lock(mutex_);
  queue_.Drop(1);
}

void AuditLog::Reopen() {
  {
    MutexLock lock(mutex_);
    reopen_ = true;
    look_ = true;
  }
  wake_.notify_one();
}

std::unique_ptr<AuditVerifier> AuditLog::Verifier() const {
  MutexLock lock(mutex_);
  return opened_ ? std::make_unique<AuditVerifier>(*key_, end_) : nullptr;
}

AuditState AuditLog::state() const {
  MutexLock lock(mutex_);
  return state_;
}

void AuditLog::Loop() {
  bool last = false;
  bool more = true;
  int failures = 0;  // in a row; after a deletion the second try creates a new file
  while (!last || (more && failures < 2)) {
    AuditBatch batch = Take(last);
    const absl::Status written = Commit(batch);
    failures = written.ok() ? 0 : failures + 1;
    more = Settle(std::move(batch), written);
  }
}

// While the log cannot be written, entries without a waiting caller stay in the queue: each try
// would lose some of them.
AuditBatch AuditLog::Take(bool& last) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  const auto is_wanted = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return stopping_ || look_ || (state_.ok ? !queue_.empty() : queue_.awaited());
  };
  if (state_.ok) {
    wake_.wait(lock, is_wanted);
  } else {
    wake_.wait_for(lock, absl::ToChronoNanoseconds(options_.retry_interval), is_wanted);
  }
  look_ = false;
  if (std::exchange(reopen_, false)) writer_->Reopen();
  last = stopping_;
  writing_ = true;
  return queue_.Take(/*posted=*/state_.ok || stopping_);
}

absl::Status AuditLog::Commit(const AuditBatch& batch) {
  std::vector<const AuditRecord*> records;
  records.reserve(batch.lines.size());
  for (const QueuedAudit& line : batch.lines) records.push_back(&line.record);
  const absl::Status written = writer_->Commit(records, batch.dropped);
  return written.ok() ? written : Unavailable(written.message());
}

bool AuditLog::Settle(AuditBatch batch, const absl::Status& written) {
  AuditState state{written.ok(), std::string(written.message())};
  if (written.ok()) state.why = writer_->head_trouble();
  const absl::optional<AuditMark> end = writer_->end();
  bool changed = false;
  bool more = false;
  {
    MutexLock lock(mutex_);
    if (end.has_value()) end_ = end;
    writing_ = false;
    hangs_ = false;
    queue_.Settle(std::move(batch), written);
    more = !queue_.empty();
    changed = state.ok != state_.ok || state.why != state_.why;
    state_ = std::move(state);
  }
  settled_.notify_all();
  if (changed) observer_.AuditStateChanged();
  return more;
}

absl::Status AuditLog::Unavailable(absl::string_view why) const {
  return MakeError(Reason::kAuditUnavailable, absl::StrCat("audit log ", options_.path, ": ", why));
}

}  // namespace billbroker

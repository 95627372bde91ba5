// AuditLog: records every action on disk before it is done. Design: docs/adr/0019-audit-log.md.
#pragma once

#include <condition_variable>
#include <memory>
#include <string>
#include <thread>

#include "absl/types/optional.h"
#include "server/access/audit/audit_entry.h"
#include "server/access/audit/audit_file.h"
#include "server/access/audit/audit_head.h"
#include "server/access/audit/audit_queue.h"
#include "server/access/audit/audit_trail.h"
#include "server/access/audit/audit_verify.h"
#include "server/access/audit/audit_writer.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"

namespace billbroker {

// Called without a lock held, by the log's thread or a thread in Write(). Must not call Write().
class AuditObserver {
 public:
  virtual ~AuditObserver() = default;
  // Receives each change of AuditLog::state().
  virtual void AuditStateChanged() = 0;
};

struct AuditLogOptions {
  std::string path;                                  // for messages
  absl::Duration longest_wait = absl::Seconds(2);    // of Write()
  absl::Duration retry_interval = absl::Seconds(1);  // while the log cannot be written
  std::size_t most_posted = 4096;                    // of each class, see AuditQueue
};

// One thread writes: all waiting entries go to the disk in one write and one fdatasync.
// Thread-safe.
class AuditLog final : public AuditTrail {
 public:
  // Borrows all arguments except the options.
  AuditLog(AuditLogOptions options, AuditFile& file, AuditHead& head, const Clock& clock,
           Random& random, AuditObserver& observer);
  // Writes the queued entries if this is possible now; a device that hangs blocks it. No call may
  // be under way.
  ~AuditLog() override;
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // Opens the log without waiting for the file. Call it once. `master_key` is Vault::MasterKey().
  void Open(const SecretString& master_key);

  // Returns once the entry would survive a power cut, or after `longest_wait`.
  //
  // Fails with AUDIT_UNAVAILABLE: the action of the entry must not be done. The entry is not in the
  // log, but after a timeout it may be written later. While a device hangs, and before Open(), this
  // fails at once.
  [[nodiscard]] absl::Status Write(AuditEntry entry) override ABSL_NO_THREAD_SAFETY_ANALYSIS;

  // Writes the entry as soon as possible, and never waits. The queue of each class is bounded; the
  // log will contain the number of lost entries.
  void Post(AuditEntry entry) override;

  void Omit() override;

  // Continues in a new file at the path, after the file was renamed. The new file names the line
  // that it continues. Never waits. Without this call, the rename is detected at the next write.
  void Reopen();

  // Checks soon that the log has the line of the head, which AuditHead::Load() returns now. Never
  // waits.
  void CheckHead() { Reopen(); }

  [[nodiscard]] AuditState state() const override;

  // Returns a verifier that the log outlives; null before Open().
  [[nodiscard]] std::unique_ptr<AuditVerifier> Verifier() const override;

 private:
  void Loop();
  // Waits for entries to write. Sets `last` if the log closes after them.
  AuditBatch Take(bool& last) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  absl::Status Commit(const AuditBatch& batch);
  // Returns true if more is queued.
  bool Settle(AuditBatch batch, const absl::Status& written);
  absl::Status GiveUp(AuditWaiting& waiting);
  absl::Status Unavailable(absl::string_view why) const;

  const AuditLogOptions options_;
  AuditFile& file_;
  AuditHead& head_;
  const Clock& clock_;
  Random& random_;
  AuditObserver& observer_;
  absl::optional<AuditKey> key_;        // since Open()
  absl::optional<AuditWriter> writer_;  // the thread's from Open() on

  mutable Mutex mutex_;
  std::condition_variable wake_;     // the thread
  std::condition_variable settled_;  // threads in Write()
  AuditQueue queue_ ABSL_GUARDED_BY(mutex_);
  bool opened_ ABSL_GUARDED_BY(mutex_) = false;
  bool look_ ABSL_GUARDED_BY(mutex_) = false;  // check the file although nothing is queued
  bool reopen_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool hangs_ ABSL_GUARDED_BY(mutex_) = false;  // a caller gave up while `writing_`
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  AuditState state_ ABSL_GUARDED_BY(mutex_);
  absl::optional<AuditMark> end_ ABSL_GUARDED_BY(mutex_);  // of the chain; unset: not known yet
  std::thread thread_;
};

}  // namespace billbroker

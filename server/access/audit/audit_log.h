// AuditLog: who did what, on disk before it is done. Design: docs/adr/0019-audit-log.md.
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

// Called without a lock held, by the log's thread or one in Write(); it must not call Write().
class AuditObserver {
 public:
  virtual ~AuditObserver() = default;
  // AuditLog::state() is another than before.
  virtual void AuditStateChanged() = 0;
};

struct AuditLogOptions {
  std::string path;                                  // for messages
  absl::Duration longest_wait = absl::Seconds(2);    // of Write()
  absl::Duration retry_interval = absl::Seconds(1);  // while nothing can be written
  std::size_t most_posted = 4096;                    // of each class, see AuditQueue
};

// One thread writes: all that waits goes to the disk in one write and one fdatasync. Thread-safe.
class AuditLog final : public AuditTrail {
 public:
  // All but the options are borrowed.
  AuditLog(AuditLogOptions options, AuditFile& file, AuditHead& head, const Clock& clock,
           Random& random, AuditObserver& observer);
  // Writes what is queued, if that is possible now; a device that hangs holds it. No call may be
  // under way.
  ~AuditLog() override;
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // Once, and without waiting for the file. `master_key` is Vault::MasterKey().
  void Open(const SecretString& master_key);

  // Returns once the entry would survive a power cut, or `longest_wait` is over.
  //
  // Errors: AUDIT_UNAVAILABLE; what the entry says must not be done. The entry is not on the log,
  // except after a wait that was too long: it may come to be there. While a device hangs, and
  // before Open(), the error comes at once.
  [[nodiscard]] absl::Status Write(AuditEntry entry) override ABSL_NO_THREAD_SAFETY_ANALYSIS;

  // Writes the entry as soon as it can be written. Of each class only so many wait for that; the
  // log will say how many were lost. Never waits.
  void Post(AuditEntry entry) override;

  void Omit() override;

  // After the file was renamed: goes on at its path, in a new file that says what it goes on from.
  // Never waits. A rename that nobody tells is seen at the next write.
  void Reopen();

  [[nodiscard]] AuditState state() const override;

  // Null before Open(). The log outlives it.
  [[nodiscard]] std::unique_ptr<AuditVerifier> Verifier() const override;

 private:
  void Loop();
  // Waits for what is to be written; sets `last` where the log closes after it.
  AuditBatch Take(bool& last) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  absl::Status Commit(const AuditBatch& batch);
  // Returns whether more is queued.
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
  std::condition_variable settled_;  // those in Write()
  AuditQueue queue_ ABSL_GUARDED_BY(mutex_);
  bool opened_ ABSL_GUARDED_BY(mutex_) = false;
  bool look_ ABSL_GUARDED_BY(mutex_) = false;  // at the file, though nothing is to be written
  bool reopen_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool hangs_ ABSL_GUARDED_BY(mutex_) = false;  // somebody gave up while `writing_`
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  AuditState state_ ABSL_GUARDED_BY(mutex_);
  absl::optional<AuditMark> end_ ABSL_GUARDED_BY(mutex_);  // of the chain; unset: not known yet
  std::thread thread_;
};

}  // namespace billbroker

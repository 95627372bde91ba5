#include "vault/vault_sync.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "vault/base/mutex.h"
#include "vault/fingerprint.h"

namespace billbroker {

class VaultSync::Loop final : public std::enable_shared_from_this<VaultSync::Loop> {
 public:
  Loop(VaultSyncOptions options, Parts parts) : options_(options), parts_(parts) {}

  void Schedule(absl::Duration delay) {
    parts_.executor.RunAfter(delay, [self = shared_from_this()] { self->Round(); });
  }

  void Stop() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    stopped_ = true;
    round_ended_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !in_round_; });
  }

  void AwaitFirstRound() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    round_ended_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return asked_once_; });
  }

 private:
  void Round() {
    {
      MutexLock lock(mutex_);
      if (stopped_) return;
      in_round_ = true;
    }
    ProbeAndLoad();
    MutexLock lock(mutex_);
    in_round_ = false;
    asked_once_ = true;
    // The executor is alive: the owner of this loop borrows it, and its destructor waits for this
    // lock.
    if (!stopped_) Schedule(load_wanted_ ? options_.retry_interval : options_.probe_interval);
    round_ended_.notify_all();
  }

  void ProbeAndLoad() {
    // Taken first: a doubtful write came before the contents that are read below.
    if (parts_.health.TakeReloadRequest()) load_wanted_ = true;
    NoteState(parts_.vault.Probe());
    if (parts_.vault.TakeChangedElsewhere() && !load_wanted_) {
      load_wanted_ = true;
      parts_.observer.VaultChangedElsewhere();
    }
    if (state_ != VaultState::kReady || !load_wanted_) return;
    const absl::Status loaded = Load();
    if (loaded.ok()) {
      load_wanted_ = false;
      last_failure_ = absl::OkStatus();
    } else if (VaultStateOf(loaded) != VaultState::kReady) {
      NoteState(VaultStateOf(loaded));
    } else if (loaded != last_failure_) {
      last_failure_ = loaded;
      parts_.observer.VaultLoadFailed(loaded);
    }
  }

  void NoteState(VaultState state) {
    // Changes of the vault are unknown while it cannot be read.
    if (state != VaultState::kReady) load_wanted_ = true;
    if (state == state_) return;
    const VaultState before = std::exchange(state_, state);
    parts_.health.set_state(state);
    parts_.observer.VaultStateChanged(before, state);
  }

  absl::Status Load() {
    const absl::StatusOr<SecretString> master_key = parts_.vault.MasterKey();
    if (!master_key.ok()) return master_key.status();
    const Fingerprinter fingerprinter(*master_key);
    while (true) {
      const std::uint64_t changes = parts_.credentials.changes();
      const absl::StatusOr<VaultContents> contents = parts_.vault.LoadAll();
      if (!contents.ok()) return contents.status();
      std::vector<CredentialInfoPtr> all;
      all.reserve(contents->credentials.size());
      for (const CredentialPtr& credential : contents->credentials) {
        all.push_back(InfoOf(*credential, fingerprinter));
      }
      std::vector<std::string> invalid;
      for (const InvalidDocument& document : contents->invalid_documents) {
        invalid.push_back(document.name);
      }
      // A change by an operator meanwhile may be missing from these contents: read them again.
      if (parts_.credentials.ResetIf(changes, all, std::move(invalid))) {
        parts_.observer.VaultLoaded(*contents);
        return absl::OkStatus();
      }
    }
  }

  const VaultSyncOptions options_;
  const Parts parts_;

  // Used only by the round under way.
  VaultState state_ = VaultState::kUnknown;
  bool load_wanted_ = true;
  absl::Status last_failure_;

  Mutex mutex_;
  std::condition_variable round_ended_;
  bool in_round_ ABSL_GUARDED_BY(mutex_) = false;
  bool asked_once_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

VaultSync::VaultSync(VaultSyncOptions options, Parts parts)
    : loop_(std::make_shared<Loop>(options, parts)) {
  loop_->Schedule(absl::ZeroDuration());
}

VaultSync::~VaultSync() { loop_->Stop(); }

void VaultSync::AwaitFirstRound() const { loop_->AwaitFirstRound(); }

}  // namespace billbroker

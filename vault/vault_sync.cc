#include "vault/vault_sync.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "vault/base/error.h"
#include "vault/base/mutex.h"
#include "vault/credential.h"
#include "vault/fingerprint.h"

namespace billbroker {
namespace {

absl::Status NotAdoptable(VaultState state, absl::string_view message) {
  return MakeError(
      {Reason::kNotAdoptable, {}, {{"vault_state", std::string(VaultStateName(state))}}}, message);
}

}  // namespace

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

  bool trusts_key() const { return trusted_; }

  // Runs `work` in place of a round.
  absl::Status TakeTurn(const std::function<absl::Status()>& work) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    {
      std::unique_lock<std::mutex> lock(mutex_.native());
      round_ended_.wait(lock,
                        [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopped_ || !in_round_; });
      if (stopped_) return MakeError(Reason::kDraining, "the broker is shutting down");
      in_round_ = true;
    }
    absl::Status status = work();
    MutexLock lock(mutex_);
    in_round_ = false;
    round_ended_.notify_all();
    return status;
  }

  // Returns OK if the keyring may be adopted. Takes place of a round.
  absl::Status CheckAdoptable(Prompts prompts) {
    if (trusted_) {
      return NotAdoptable(VaultStateOf(last_status_),
                          "the broker has its master key; there is nothing to adopt");
    }
    if (absl::Status ready = parts_.vault.Probe(); !ready.ok()) return ready;
    const absl::StatusOr<SecretString> key = parts_.vault.MasterKey();
    if (!key.ok() && !absl::IsNotFound(key.status())) return key.status();
    if (!parts_.witness.Check(key.ok() ? &*key : nullptr).ok()) return absl::OkStatus();
    if (!key.ok()) return prompts == Prompts::kAllowed ? absl::OkStatus() : last_status_;
    return NotAdoptable(VaultState::kReady,
                        "the keyring is the broker's own; there is nothing to adopt");
  }

  absl::Status Adopt(Prompts prompts, const SealedFiles& files) {
    if (absl::Status adoptable = CheckAdoptable(prompts); !adoptable.ok()) return adoptable;
    const bool replaced = !parts_.witness.Check(nullptr).ok();
    // The key comes first: if the process ends while a person confirms it, the files are in place.
    absl::StatusOr<SecretString> key = parts_.vault.MasterKey();
    if (absl::IsNotFound(key.status())) key = CreateKey(prompts);
    if (!key.ok()) return key.status();
    if (replaced && parts_.witness.Check(&*key).ok()) {
      return NotAdoptable(VaultState::kReady,
                          "the broker's own keyring is back; nothing was given up");
    }
    if (absl::Status aside = files.set_aside(); !aside.ok()) return aside;
    ProbeAndLoad();
    if (trusted_) return absl::OkStatus();
    files.put_back();
    return last_status_;
  }

 private:
  absl::Duration NextDelay() const {
    if (!missing_since_.empty()) return options_.confirm_interval;
    return load_wanted_ ? options_.retry_interval : options_.probe_interval;
  }

  void Round() {
    {
      MutexLock lock(mutex_);
      if (stopped_) return;
      if (in_round_) return Schedule(options_.retry_interval);  // the turn of another thread
      in_round_ = true;
    }
    ProbeAndLoad();
    MutexLock lock(mutex_);
    in_round_ = false;
    asked_once_ = true;
    // The executor is alive: the owner of this loop borrows it, and its destructor waits for this
    // lock.
    if (!stopped_) Schedule(NextDelay());
    round_ended_.notify_all();
  }

  // The state is noted once a round: a probe that succeeds before a load that fails must not make
  // it change every second.
  void ProbeAndLoad() {
    // Taken first: a doubtful write came before the contents that are read below.
    const bool requested = parts_.health.TakeReloadRequest();
    absl::Status status = parts_.vault.Probe();
    if (parts_.vault.TakeChangedElsewhere() && !load_wanted_) {
      load_wanted_ = true;
      parts_.observer.VaultChangedElsewhere();
    }
    const bool again = !load_wanted_ && (requested || parts_.clock.SinceBoot() >= reread_);
    absl::optional<VaultReading> reading;
    if (status.ok() && (load_wanted_ || again)) {
      absl::StatusOr<VaultReading> read = Load();
      status = read.status();
      if (read.ok()) reading = *std::move(read);
    }
    NoteState(status);
    if (!reading.has_value()) return;
    load_wanted_ = !reading->missing.empty();
    // The search of the first read may have missed an item, and no later one is planned.
    const bool first = !std::exchange(read_once_, true);
    reread_ =
        first ? parts_.clock.SinceBoot() + options_.confirm_interval : absl::InfiniteDuration();
    std::string invalid;
    for (const InvalidDocument& document : reading->invalid_documents) {
      absl::StrAppend(&invalid, document.name, ": ", document.why.message(), "\n");
      // The provider sends no signal when it returns such an item again.
      if (VaultStateOf(document.why) != VaultState::kReady) {
        reread_ = std::min(reread_, parts_.clock.SinceBoot() + options_.reread_interval);
      }
    }
    const bool same_invalid = invalid == std::exchange(last_invalid_, invalid);
    const bool same = again && same_invalid && reading->added.empty() && reading->changed.empty() &&
                      reading->removed.empty() && reading->missing.empty();
    if (!same) parts_.observer.VaultLoaded(*reading);
  }

  void NoteState(const absl::Status& status) {
    // Changes of the vault are unknown while it cannot be read.
    if (!status.ok()) load_wanted_ = true;
    last_status_ = status;
    const VaultProvider provider = parts_.vault.provider();
    parts_.health.Set(status, provider);
    const absl::Duration now = parts_.clock.SinceBoot();
    const bool same_state = VaultStateOf(reported_) == VaultStateOf(status);
    // The text of a provider's error may differ each time.
    if (same_state && (reported_.message() == status.message() ||
                       now - reported_at_ < options_.repeat_interval)) {
      return;
    }
    reported_at_ = now;
    const absl::Status before = std::exchange(reported_, status);
    parts_.observer.VaultStateChanged(VaultStateOf(before), status, provider);
  }

  // Returns the master key, if it is the broker's own.
  absl::StatusOr<SecretString> FindKey() {
    absl::StatusOr<SecretString> key = parts_.vault.MasterKey();
    if (trusted_ || (!key.ok() && !absl::IsNotFound(key.status()))) return key;
    if (absl::Status same = parts_.witness.Check(key.ok() ? &*key : nullptr); !same.ok()) {
      return same;
    }
    if (!key.ok()) key = CreateKey(Prompts::kRefused);
    if (!key.ok()) return key;
    parts_.vault.TrustMasterKey(*key);
    trusted_ = true;
    return key;
  }

  absl::StatusOr<SecretString> CreateKey(Prompts prompts) {
    const PromptScope scope(parts_.vault, prompts);
    absl::StatusOr<SecretString> key = parts_.vault.CreateMasterKey();
    if (prompts == Prompts::kAllowed ||
        VaultStateOf(key.status()) != VaultState::kNeedsConfirmation) {
      return key;
    }
    return VaultError(
        VaultState::kNeedsConfirmation,
        {"the Secret Service asks for a person to confirm the broker's first master key",
         "run 'billbroker keyring adopt --allow-prompt' on the broker's machine, and confirm it if "
         "asked"});
  }

  absl::StatusOr<VaultReading> Load() {
    const absl::StatusOr<SecretString> master_key = FindKey();
    if (!master_key.ok()) return master_key.status();
    const Fingerprinter fingerprinter(*master_key);
    while (true) {
      const std::uint64_t changes = parts_.credentials.changes();
      const std::vector<CredentialInfoPtr> known = parts_.credentials.List();
      const absl::Duration started = parts_.clock.SinceBoot();
      absl::StatusOr<VaultContents> contents = parts_.vault.LoadAll();
      if (!contents.ok()) return contents.status();
      std::map<std::string, CredentialInfoPtr> found;
      for (const CredentialPtr& credential : contents->credentials) {
        found[credential->name] = InfoOf(*credential, fingerprinter);
      }
      VaultReading reading = Compare(known, *contents, started, found);
      std::vector<CredentialInfoPtr> all;
      for (auto& [name, info] : found) all.push_back(std::move(info));
      reading.credentials = all.size();
      // A change by an operator meanwhile may be missing from these contents: read them again.
      if (parts_.credentials.ResetIf(changes, all, contents->invalid_documents)) {
        ForgetFound(reading.missing);
        reading.invalid_documents = std::move(contents->invalid_documents);
        return reading;
      }
    }
  }

  // Compares the contents with the known credentials, and adds the ones that stay to `found`.
  VaultReading Compare(const std::vector<CredentialInfoPtr>& known, const VaultContents& contents,
                       absl::Duration started, std::map<std::string, CredentialInfoPtr>& found) {
    VaultReading reading;
    std::set<std::string> broken;
    bool has_unnamed = false;
    for (const InvalidDocument& document : contents.invalid_documents) {
      broken.insert(document.name);
      has_unnamed = has_unnamed || !ValidateCredentialName(document.name).ok();
    }
    std::set<std::string> before;
    for (const CredentialInfoPtr& info : known) {
      before.insert(info->name);
      const auto now = found.find(info->name);
      if (now != found.end()) {
        const bool same_uid = now->second->uid == info->uid;
        const bool same = same_uid && now->second->version == info->version;
        if (!same) reading.changed.push_back(info->name);
        if (same_uid && now->second->version < info->version) {
          reading.reverted.push_back(info->name);
        }
        continue;
      }
      // An item without a readable name may be the one of any credential.
      if (!has_unnamed && !broken.contains(info->name)) {
        const auto [first, is_first] = missing_since_.emplace(info->name, started);
        if (!is_first && started - first->second >= options_.confirm_interval) {
          reading.removed.push_back(info->name);
          continue;
        }
        reading.missing.push_back(info->name);
      }
      found[info->name] = info;
    }
    for (const auto& [name, info] : found) {
      if (!before.contains(name)) reading.added.push_back(name);
    }
    return reading;
  }

  void ForgetFound(const std::vector<std::string>& missing) {
    std::erase_if(missing_since_, [&missing](const auto& each) {
      return std::find(missing.begin(), missing.end(), each.first) == missing.end();
    });
  }

  const VaultSyncOptions options_;
  const Parts parts_;

  // Used only by the round or turn under way.
  absl::Status last_status_ = VaultError(VaultState::kUnknown);
  absl::Status reported_ = last_status_;  // to the observer
  absl::Duration reported_at_ = -absl::InfiniteDuration();
  bool load_wanted_ = true;
  bool read_once_ = false;
  absl::Duration reread_ = absl::InfiniteDuration();     // the next read that nothing asks for
  std::string last_invalid_;                             // of the last read
  std::atomic<bool> trusted_ = false;                    // the vault has the trusted key
  std::map<std::string, absl::Duration> missing_since_;  // name -> first read without it

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

bool VaultSync::trusts_key() const { return loop_->trusts_key(); }

absl::Status VaultSync::Preview(Prompts prompts, const std::function<void()>& look) {
  return loop_->TakeTurn([this, prompts, &look] {
    absl::Status adoptable = loop_->CheckAdoptable(prompts);
    if (adoptable.ok()) look();
    return adoptable;
  });
}

absl::Status VaultSync::Adopt(Prompts prompts, const SealedFiles& files) {
  return loop_->TakeTurn([this, prompts, &files] { return loop_->Adopt(prompts, files); });
}

}  // namespace billbroker

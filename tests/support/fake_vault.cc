#include "tests/support/fake_vault.h"

#include <utility>

#include "vault/base/error.h"
#include "vault/document.h"

namespace billbroker {
namespace {

absl::Status Foreign(absl::string_view name) { return BrokenDocument(name, "is foreign"); }

}  // namespace

absl::StatusOr<CredentialPtr> FakeVault::Load(absl::string_view name) {
  CallHook("Load");
  MutexLock lock(mutex_);
  if (!Ready().ok()) return Ready();
  ++reads_;
  return Find(name);
}

absl::StatusOr<VaultContents> FakeVault::LoadAll() {
  CallHook("LoadAll");
  MutexLock lock(mutex_);
  if (!Ready().ok()) return Ready();
  ++reads_;
  VaultContents contents;
  for (const auto& [name, credential] : stored_) {
    if (const auto failing = failing_.find(name); failing != failing_.end()) {
      contents.invalid_documents.push_back({name, failing->second});
    } else if (credential == nullptr) {
      contents.invalid_documents.push_back({name, Foreign(name)});
    } else {
      contents.credentials.push_back(credential);
    }
  }
  return contents;
}

absl::Status FakeVault::Create(const Credential& credential) {
  CallHook("Create");
  absl::Status status = ValidateCredential(credential);
  if (status.ok() && credential.uid.empty()) status = Malformed("uid", "is empty");
  if (!status.ok()) return status;
  MutexLock lock(mutex_);
  if (!Ready().ok()) return Ready();
  absl::Status found = Find(credential.name).status();
  if (found.ok()) return CredentialExists(credential.name);
  if (!HasReason(found, Reason::kUnknownCredential)) return found;
  return Write(credential.name, std::make_shared<Credential>(credential.Clone()));
}

absl::Status FakeVault::Replace(const Credential& next) {
  CallHook("Replace");
  return Overwrite(next, next.version - 1);
}

absl::Status FakeVault::Restage(const Credential& next) {
  CallHook("Restage");
  return Overwrite(next, next.version);
}

absl::Status FakeVault::Overwrite(const Credential& next, std::uint64_t version) {
  absl::Status status = ValidateCredential(next);
  if (!status.ok()) return status;
  MutexLock lock(mutex_);
  if (!Ready().ok()) return Ready();
  const absl::StatusOr<CredentialPtr> stored = Find(next.name);
  if (!stored.ok()) return stored.status();
  if ((*stored)->uid != next.uid || (*stored)->version != version) {
    return VersionConflict(next.name);
  }
  return Write(next.name, std::make_shared<Credential>(next.Clone()));
}

absl::Status FakeVault::Delete(absl::string_view name, absl::string_view uid,
                               std::uint64_t version) {
  CallHook("Delete");
  MutexLock lock(mutex_);
  if (!Ready().ok()) return Ready();
  const absl::StatusOr<CredentialPtr> stored = Find(name);
  if (!stored.ok()) return stored.status();
  if ((*stored)->uid != uid || (*stored)->version != version) return VersionConflict(name);
  return Write(name, nullptr);
}

absl::StatusOr<SecretString> FakeVault::MasterKey() {
  CallHook("MasterKey");
  MutexLock lock(mutex_);
  if (!Ready().ok()) return Ready();
  if (master_key_.empty()) return absl::NotFoundError("no master key");
  return master_key_.Clone();
}

absl::StatusOr<SecretString> FakeVault::CreateMasterKey() {
  CallHook("CreateMasterKey");
  MutexLock lock(mutex_);
  if (!Ready().ok()) return Ready();
  if (master_key_.empty()) master_key_ = SecretString::CopyOf("a new master key of 32 bytes ...");
  return master_key_.Clone();
}

void FakeVault::TrustMasterKey(const SecretString& key) {
  MutexLock lock(mutex_);
  trusted_key_ = key.Clone();
}

void FakeVault::AllowPrompts(bool allowed) {
  MutexLock lock(mutex_);
  if (allowed) {
    prompting_.insert(std::this_thread::get_id());
  } else {
    prompting_.erase(std::this_thread::get_id());
  }
}

bool FakeVault::prompts_allowed() const {
  MutexLock lock(mutex_);
  return prompting_.contains(std::this_thread::get_id());
}

bool FakeVault::any_prompts_allowed() const {
  MutexLock lock(mutex_);
  return !prompting_.empty();
}

absl::Status FakeVault::Probe() {
  CallHook("Probe");
  MutexLock lock(mutex_);
  return Ready();
}

VaultProvider FakeVault::provider() const {
  MutexLock lock(mutex_);
  return {"unix:path=/run/user/990/bus", "fake-keyring-daemon", 4711, "plain", takeovers_};
}

bool FakeVault::TakeChangedElsewhere() {
  MutexLock lock(mutex_);
  return std::exchange(changed_elsewhere_, false);
}

void FakeVault::TellChangedElsewhere() {
  MutexLock lock(mutex_);
  changed_elsewhere_ = true;
}

void FakeVault::TakeOver() {
  MutexLock lock(mutex_);
  ++takeovers_;
  changed_elsewhere_ = true;
}

void FakeVault::set_state(VaultState state) {
  MutexLock lock(mutex_);
  state_ = state;
}

void FakeVault::set_reason(std::string reason) {
  MutexLock lock(mutex_);
  reason_ = std::move(reason);
}

void FakeVault::set_master_key(SecretString key) {
  MutexLock lock(mutex_);
  master_key_ = std::move(key);
}

void FakeVault::Lose(absl::string_view name) {
  MutexLock lock(mutex_);
  stored_.erase(std::string(name));
}

void FakeVault::set_hook(Hook hook) {
  MutexLock lock(mutex_);
  hook_ = std::move(hook);
}

void FakeVault::LoseNextAnswer(bool done) {
  MutexLock lock(mutex_);
  next_loss_ = done ? Loss::kDone : Loss::kNotDone;
}

void FakeVault::FailReadsOf(absl::string_view name, absl::Status error) {
  MutexLock lock(mutex_);
  failing_.erase(std::string(name));
  if (!error.ok()) failing_.emplace(name, std::move(error));
}

void FakeVault::PutForeign(absl::string_view name) {
  MutexLock lock(mutex_);
  stored_[std::string(name)] = nullptr;
}

int FakeVault::reads() const {
  MutexLock lock(mutex_);
  return reads_;
}

int FakeVault::writes() const {
  MutexLock lock(mutex_);
  return writes_;
}

void FakeVault::CallHook(absl::string_view call) const {
  Hook hook;
  {
    MutexLock lock(mutex_);
    hook = hook_;
  }
  if (hook) hook(call);
}

absl::Status FakeVault::Ready() const {
  if (state_ != VaultState::kReady) return VaultError(state_, {.what = reason_});
  const bool replaced = !trusted_key_.empty() && !(trusted_key_ == master_key_);
  return replaced ? VaultError(VaultState::kReplaced) : absl::OkStatus();
}

absl::StatusOr<CredentialPtr> FakeVault::Find(absl::string_view name) const {
  const auto found = stored_.find(name);
  if (found == stored_.end()) return UnknownCredential(name);
  if (found->second == nullptr) return Foreign(name);
  return found->second;
}

absl::Status FakeVault::Write(absl::string_view name, CredentialPtr next) {
  const Loss loss = std::exchange(next_loss_, Loss::kNone);
  if (loss != Loss::kNotDone) {
    ++writes_;
    if (next == nullptr) {
      stored_.erase(std::string(name));
    } else {
      stored_[std::string(name)] = std::move(next);
    }
  }
  return loss == Loss::kNone ? absl::OkStatus()
                             : WithUnknownOutcome(VaultError(VaultState::kTimedOut));
}

}  // namespace billbroker

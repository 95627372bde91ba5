// FakeVault: a vault in memory that fails on demand. It passes the contract suite of Vault.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "vault/base/mutex.h"
#include "vault/vault.h"

namespace billbroker {

// Thread-safe.
class FakeVault final : public Vault {
 public:
  // Called before each call with its name ("Load", …), on the caller's thread and without a lock.
  using Hook = std::function<void(absl::string_view call)>;

  [[nodiscard]] absl::StatusOr<CredentialPtr> Load(absl::string_view name) override;
  [[nodiscard]] absl::StatusOr<VaultContents> LoadAll() override;
  [[nodiscard]] absl::Status Create(const Credential& credential) override;
  [[nodiscard]] absl::Status Replace(const Credential& next) override;
  [[nodiscard]] absl::Status Restage(const Credential& next) override;
  [[nodiscard]] absl::Status Delete(absl::string_view name, absl::string_view uid,
                                    std::uint64_t version) override;
  [[nodiscard]] absl::StatusOr<SecretString> MasterKey() override;
  [[nodiscard]] absl::StatusOr<SecretString> CreateMasterKey() override;
  void TrustMasterKey(const SecretString& key) override;
  void AllowPrompts(bool allowed) override;
  void StopPrompts() override {}
  [[nodiscard]] absl::Status Probe() override;
  [[nodiscard]] VaultProvider provider() const override;
  [[nodiscard]] bool TakeChangedElsewhere() override;

  // kReady at first. In any other state every call fails with VaultError().
  void set_state(VaultState state);
  // The observation behind the state.
  void set_reason(std::string reason);
  // There is a master key at first. An empty one means none.
  void set_master_key(SecretString key);
  // Another program removes the item. The provider sends no notification.
  void Lose(absl::string_view name);
  // Returns true if the writes of this thread may prompt.
  [[nodiscard]] bool prompts_allowed() const;
  // Returns true if the writes of any thread may.
  [[nodiscard]] bool any_prompts_allowed() const;
  void set_hook(Hook hook);
  // The next allowed write returns a timeout error. It takes effect only if `done`.
  void LoseNextAnswer(bool done);
  // Another program stores a foreign document under `name`. The provider sends no notification.
  void PutForeign(absl::string_view name);
  // The keyring does not return the document of `name`, but fails with `error`; OK ends that.
  void FailReadsOf(absl::string_view name, absl::Status error);
  // The provider notifies that another program changed an item.
  void TellChangedElsewhere();
  // The same, and another provider has taken over.
  void TakeOver();

  // The calls of Load() and LoadAll() that reached the store, and the writes that took effect.
  [[nodiscard]] int reads() const;
  [[nodiscard]] int writes() const;

 private:
  absl::Status Overwrite(const Credential& next, std::uint64_t version);
  void CallHook(absl::string_view call) const;
  // Returns VaultError() unless the state is kReady and the trusted key is there.
  absl::Status Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<CredentialPtr> Find(absl::string_view name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Stores `next` under `name` (null: deletes), unless LoseNextAnswer(false) was called.
  absl::Status Write(absl::string_view name, CredentialPtr next)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  enum class Loss { kNone, kDone, kNotDone };

  mutable Mutex mutex_;
  Hook hook_ ABSL_GUARDED_BY(mutex_);
  VaultState state_ ABSL_GUARDED_BY(mutex_) = VaultState::kReady;
  std::string reason_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t takeovers_ ABSL_GUARDED_BY(mutex_) = 0;
  Loss next_loss_ ABSL_GUARDED_BY(mutex_) = Loss::kNone;
  std::map<std::string, CredentialPtr, std::less<>> stored_
      ABSL_GUARDED_BY(mutex_);  // null: foreign
  SecretString master_key_ ABSL_GUARDED_BY(mutex_) =
      SecretString::CopyOf("a master key that is 32 bytes...");
  std::map<std::string, absl::Status, std::less<>> failing_ ABSL_GUARDED_BY(mutex_);  // by name
  SecretString trusted_key_ ABSL_GUARDED_BY(mutex_);
  std::set<std::thread::id> prompting_ ABSL_GUARDED_BY(mutex_);
  int reads_ ABSL_GUARDED_BY(mutex_) = 0;
  int writes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool changed_elsewhere_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker

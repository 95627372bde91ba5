#include "server/app/file_keyring_adopter.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/session/sqlite/set_aside.h"
#include "server/session/sqlite/store_seal.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

std::string AsideNames(const KeyringLoss& loss) {
  return absl::StrJoin(loss.files, ", ", [](std::string* out, const KeyringLoss::File& file) {
    absl::StrAppend(out, file.aside);
  });
}

}  // namespace

void FileKeyringAdopter::Use(VaultSync* sync) {
  MutexLock lock(mutex_);
  sync_ = sync;
}

absl::Status FileKeyringAdopter::CheckStart() const {
  if (sync_ == nullptr) return MakeError(Reason::kDraining, "the broker is shutting down");
  if (!sync_->trusts_key()) return absl::OkStatus();
  const VaultState state = health_.state();
  const std::string message =
      state == VaultState::kReplaced
          ? absl::StrCat(
                "the keyring was replaced after the broker started; restart billbrokerd "
                "first, then adopt. That gives up ",
                sessions_.Counts().live, " live sessions")
          : absl::StrCat("the broker has its master key, and the state of the keyring is ",
                         VaultStateName(state), "; there is nothing to adopt");
  return MakeError(
      {Reason::kNotAdoptable, {}, {{"vault_state", std::string(VaultStateName(state))}}}, message);
}

KeyringLoss FileKeyringAdopter::Count() const {
  KeyringLoss loss;
  loss.confirmation = absl::StrCat("adopt ", options_.instance);
  const StoreCounts counts = CountStore(options_.store_path);
  loss.credentials = counts.credentials;
  loss.organizations = counts.organizations;
  loss.sign_ins = counts.sign_ins;
  for (const std::string& path : {options_.store_path, options_.audit_path}) {
    struct stat ignored {};
    if (::lstat(path.c_str(), &ignored) == 0) {
      loss.files.push_back({path, AsidePath(path, clock_.Now())});
    }
  }
  return loss;
}

absl::StatusOr<KeyringLoss> FileKeyringAdopter::Preview(Prompts prompts) {
  MutexLock lock(mutex_);
  if (absl::Status start = CheckStart(); !start.ok()) return start;
  KeyringLoss loss;
  absl::Status looked = sync_->Preview(prompts, [this, &loss] { loss = Count(); });
  if (!looked.ok()) return looked;
  return loss;
}

absl::StatusOr<KeyringLoss> FileKeyringAdopter::Adopt(Prompts prompts) {
  MutexLock lock(mutex_);
  if (absl::Status start = CheckStart(); !start.ok()) return start;
  KeyringLoss loss;
  const absl::Status adopted = sync_->Adopt(prompts, {[this, &loss] {
                                                        loss = Count();
                                                        return SetFilesAside(loss);
                                                      },
                                                      [this, &loss] { PutFilesBack(loss); }});
  if (!adopted.ok()) return adopted;
  log_.Write(LogLevel::kWarning, "keyring_adopted", {{"files", AsideNames(loss)}});
  return loss;
}

absl::Status FileKeyringAdopter::SetFilesAside(KeyringLoss& loss) const {
  const std::vector<KeyringLoss::File> planned = std::exchange(loss.files, {});
  for (const KeyringLoss::File& file : planned) {
    const absl::StatusOr<std::string> aside = SetAside(file.path, clock_.Now());
    if (!aside.ok()) {
      PutFilesBack(loss);
      return MakeError(Reason::kNotAdoptable, aside.status().message());
    }
    loss.files.push_back({file.path, *aside});
  }
  return absl::OkStatus();
}

void FileKeyringAdopter::PutFilesBack(const KeyringLoss& loss) const {
  for (const KeyringLoss::File& file : loss.files) {
    if (absl::Status back = PutBack(file.aside, file.path); !back.ok()) {
      log_.Write(
          LogLevel::kError, "keyring_adoption_undo_failed",
          {{"file", file.path}, {"aside", file.aside}, {"error", std::string(back.message())}});
    }
  }
}

}  // namespace billbroker

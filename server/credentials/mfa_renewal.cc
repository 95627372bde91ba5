// The part of CredentialManager that stores the rememberMeId of a passed MFA challenge.
#include <utility>

#include "server/credentials/credential_manager.h"
#include "server/credentials/history.h"
#include "vault/base/error.h"

namespace billbroker {

absl::StatusOr<CredentialInfoPtr> CredentialManager::RenewMfa(const CredentialId& target,
                                                              SecretString remember_me_id,
                                                              std::string device,
                                                              std::string principal) {
  MutexLock turn(turn_);
  const absl::StatusOr<CredentialPtr> stored = Load(target.name);
  if (!stored.ok()) return stored.status();
  if ((*stored)->uid != target.uid) return VersionConflict(target.name);
  // The first call stored it, but the keyring's answer was lost.
  if (unknown_.Contains(target.name) && (*stored)->remember_me_id == remember_me_id &&
      (*stored)->device == device) {
    if (absl::Status told = TellDirectory(**stored); !told.ok()) return told;
    return parts_.credentials.Get(target.name);
  }
  Credential next = (*stored)->Clone();
  next.remember_me_id = std::move(remember_me_id);
  next.device = std::move(device);
  next.remember_me_time = parts_.clock.Now();
  PastChange line;
  line.version = next.version + 1;
  line.kind = PastChangeKind::kMfaRenewed;
  line.principal = std::move(principal);
  line.time = next.remember_me_time;
  line.fields = {"remember_me_id", "device"};
  Remember(std::move(line), parts_.kept_versions, next);
  absl::StatusOr<CredentialInfoPtr> info = StoreNext(std::move(next));
  if (info.ok()) parts_.credentials.Put(*info);
  return info;
}

}  // namespace billbroker

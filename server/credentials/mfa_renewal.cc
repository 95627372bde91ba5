// The part of CredentialManager that stores the rememberMeId of a passed MFA challenge.
#include <string>
#include <utility>

#include "server/credentials/credential_manager.h"
#include "server/credentials/history.h"
#include "vault/base/error.h"
#include "vault/credential_change.h"
#include "vault/user_name.h"

namespace billbroker {
namespace {

// Drops the staged rememberMeId, which is older than the one of a passed challenge. A rotation that
// stages nothing else is cancelled, and `next` gets its line. A rotation to another BILL user keeps
// its rememberMeId, because the challenge was not for that user.
void DropStagedTrust(int kept_versions, const std::string& principal, Credential& next) {
  if (!next.staged.has_value()) return;
  CredentialChange& change = next.staged->change;
  if (!change.remember_me_id.has_value() && !change.device.has_value()) return;
  if (change.username.has_value() &&
      FoldUserName(*change.username) != FoldUserName(next.username)) {
    return;
  }
  PastChange line = LineOf(next, *next.staged, PastChangeKind::kCancelled, next.remember_me_time);
  line.principal = principal;
  change.remember_me_id.reset();
  change.device.reset();
  change.remember_me_time = absl::InfinitePast();
  if (!IsEmpty(change)) return;
  next.staged.reset();
  Remember(std::move(line), kept_versions, next);
}

}  // namespace

absl::StatusOr<CredentialInfoPtr> CredentialManager::RenewMfa(const CredentialId& target,
                                                              SecretString remember_me_id,
                                                              std::string device,
                                                              std::string principal,
                                                              Prompts prompts) {
  const NamedLocks::Hold turn(turns_, target.name);
  const PromptScope scope(parts_.vault, prompts);
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
  DropStagedTrust(parts_.kept_versions, principal, next);
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

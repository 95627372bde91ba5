#include "server/app/file_key_witness.h"

#include "absl/strings/str_cat.h"
#include "server/access/audit/audit_seal.h"
#include "server/session/sqlite/store_seal.h"
#include "vault/vault.h"

namespace billbroker {

absl::Status FileKeyWitness::Check(const SecretString* key) const {
  const SealState store = CheckStoreSeal(store_path_, key);
  const SealState audit = CheckAuditSeal(audit_path_, key);
  if (store == SealState::kOpens || audit == SealState::kOpens) return absl::OkStatus();
  // Without a key, even a file that cannot be read shows that there was one.
  const auto contradicts = [key](SealState state) {
    return state == SealState::kOtherKey || (key == nullptr && state == SealState::kUnknown);
  };
  if (!contradicts(store) && !contradicts(audit)) return absl::OkStatus();
  return VaultError(
      VaultState::kReplaced,
      {absl::StrCat(key == nullptr ? "the keyring has no master key of the broker"
                                   : "the keyring has another master key of the broker",
                    ", and the one that sealed ", contradicts(store) ? store_path_ : audit_path_,
                    " is needed")});
}

}  // namespace billbroker

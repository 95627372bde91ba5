#include "client/cli/vault_probe.h"

#include "vault/keyring/keyring_vault.h"

namespace billbroker {
namespace {

v1::VaultState ToProto(VaultState state) {
  switch (state) {
    case VaultState::kReady:
      return v1::VAULT_STATE_READY;
    case VaultState::kLocked:
      return v1::VAULT_STATE_LOCKED;
    case VaultState::kNoBus:
      return v1::VAULT_STATE_NO_BUS;
    case VaultState::kNoProvider:
      return v1::VAULT_STATE_NO_PROVIDER;
    case VaultState::kNoCollection:
      return v1::VAULT_STATE_NO_COLLECTION;
    case VaultState::kTimedOut:
      return v1::VAULT_STATE_TIMED_OUT;
    case VaultState::kUnknown:
      break;
  }
  return v1::VAULT_STATE_UNKNOWN;
}

}  // namespace

v1::VaultStatus VaultProbe::Probe() {
  v1::VaultStatus status;
  status.set_state(v1::VAULT_STATE_UNKNOWN);
  const absl::StatusOr<std::unique_ptr<KeyringVault>> vault =
      KeyringVault::Create(KeyringOptions());
  if (!vault.ok()) return status;
  const VaultState state = (*vault)->Probe();
  status.set_state(ToProto(state));
  status.set_fix(std::string(VaultFix(state)));
  return status;
}

}  // namespace billbroker

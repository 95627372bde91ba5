#include "client/cli/vault_probe.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "vault/keyring/keyring_vault.h"

namespace billbroker {

v1::VaultStatus VaultProbe::Probe(bool allow_plain) {
  v1::VaultStatus status;
  status.set_state(v1::VAULT_STATE_UNKNOWN);
  const absl::StatusOr<std::unique_ptr<KeyringVault>> vault =
      KeyringVault::Create({.allow_plain_transfer = allow_plain});
  if (!vault.ok()) return status;
  const absl::Status probed = (*vault)->Probe();
  v1::VaultState state = v1::VAULT_STATE_UNKNOWN;
  if (v1::VaultState_Parse(absl::StrCat("VAULT_STATE_", VaultStateName(VaultStateOf(probed))),
                           &state)) {
    status.set_state(state);
  }
  VaultFinding finding = VaultFindingOf(probed);
  status.set_detail(std::move(finding.what));
  status.set_fix(std::move(finding.fix));
  const VaultProvider provider = (*vault)->provider();
  status.set_bus_address(provider.bus_address);
  status.set_provider(provider.program);
  status.set_provider_process_id(provider.process_id);
  status.set_transfer_encryption(provider.encryption);
  return status;
}

}  // namespace billbroker

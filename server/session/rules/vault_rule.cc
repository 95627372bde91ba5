#include "server/session/rules/vault_rule.h"

namespace billbroker {

RuleAnswer VaultRule::Check(const SignInCandidate& /*candidate*/, absl::Duration /*now*/) {
  // If the vault or its bus is silent, each try would hold a thread for as long. A keyring that is
  // not the broker's own may have a credential of the same name. VaultSync notices the end of
  // either state.
  const VaultState state = health_.state();
  const bool refused = state == VaultState::kTimedOut || state == VaultState::kNoBus ||
                       state == VaultState::kReplaced || state == VaultState::kKeyInvalid;
  return refused || !restored_ ? RuleAnswer::Refuse() : RuleAnswer::Go();
}

absl::Status VaultRule::Explain(const SignInCandidate& /*candidate*/, absl::Duration /*now*/) {
  const VaultState state = health_.state();
  if (!restored_ && state == VaultState::kReady && !unknown_.ok()) return unknown_;
  return health_.NotRead();
}

}  // namespace billbroker

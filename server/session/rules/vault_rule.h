// VaultRule: no sign-in while the vault does not answer or is not the broker's own, or before the
// ledger is known.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "server/session/sign_in_rule.h"
#include "vault/vault_health.h"

namespace billbroker {

class VaultRule final : public SignInRule {
 public:
  // Borrows `health`.
  explicit VaultRule(const VaultHealth& health) : health_(health) {}

  // Refuses every sign-in with `status`, which is not OK, until SetRestored().
  void SetUnknown(absl::Status status) { unknown_ = std::move(status); }
  // Lets sign-ins go: the ones of the process before are counted from now on.
  void SetRestored() { restored_ = true; }
  [[nodiscard]] bool restored() const { return restored_; }

  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  // Returns VAULT_LOCKED, VAULT_UNREACHABLE or the status of SetUnknown().
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;

 private:
  const VaultHealth& health_;
  bool restored_ = false;
  absl::Status unknown_;  // OK: the sign-ins before are only awaited
};

}  // namespace billbroker

// SignInRules: the rules of sign-ins, in the order in which the scheduler asks them.
#pragma once

#include "server/session/partner_table.h"
#include "server/session/rules/circuit_breaker.h"
#include "server/session/rules/concurrency.h"
#include "server/session/rules/dev_key_budget.h"
#include "server/session/rules/dev_key_throttle.h"
#include "server/session/rules/failure_bound.h"
#include "server/session/rules/fair_share.h"
#include "server/session/rules/partner_first.h"
#include "server/session/rules/quarantine_rule.h"
#include "server/session/rules/scope_failure_bound.h"
#include "server/session/rules/slot_backoffs.h"
#include "server/session/rules/slot_cap.h"
#include "server/session/rules/vault_rule.h"
#include "server/session/session_options.h"
#include "server/session/sign_in_scheduler.h"
#include "vault/base/random.h"
#include "vault/credential_index.h"

namespace billbroker {

// Guarded by SessionManager.
struct SignInRules {
  // All but `options` are borrowed.
  SignInRules(const SessionManagerOptions& options, const VaultHealth& vault_health, Random& random,
              PartnerTable& partners);
  SignInRules(const SignInRules&) = delete;
  SignInRules& operator=(const SignInRules&) = delete;

  VaultRule vault;
  QuarantineRule quarantined;
  SlotBackoffs backoffs;
  FailureBound failures;
  ScopeFailureBound scope_failures;
  CircuitBreaker breaker;
  DevKeyThrottle throttle;
  SlotCap slot_cap;
  FairShare shares;
  DevKeyBudget budget;
  PartnerFirst partner_first;
  Concurrency concurrency;
  SignInScheduler scheduler;
};

}  // namespace billbroker

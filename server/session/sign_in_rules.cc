#include "server/session/sign_in_rules.h"

namespace billbroker {
namespace {

DevKeyLimits LimitsFrom(const SignInLimits& limits) {
  return DevKeyLimits({limits.sign_ins_per_hour, limits.reserve, limits.share, limits.shares});
}

}  // namespace

SignInRules::SignInRules(const SessionManagerOptions& options, const VaultHealth& vault_health,
                         Random& random, PartnerTable& partners)
    : vault(vault_health),
      quarantined(options.lockout_cooldown),
      backoffs({options.first_backoff, options.longest_backoff, absl::Hours(1)}, random),
      failures(options.max_failed_sign_ins_per_hour, random),
      scope_failures(options.max_failed_sign_ins_per_hour, random),
      breaker(random),
      throttle(random),
      slot_cap({options.sign_in.slot_burst, options.sign_in.slot_refill}, random),
      shares(LimitsFrom(options.sign_in), random),
      budget(LimitsFrom(options.sign_in), shares, random),
      partner_first(partners, budget),
      concurrency({options.sign_in.max_parallel_per_user, options.sign_in.max_parallel_per_dev_key,
                   options.sign_in.max_parallel},
                  random),
      scheduler({&vault, &quarantined, &backoffs, &failures, &scope_failures, &breaker, &throttle,
                 &partner_first, &slot_cap, &budget, &shares, &concurrency},
                budget) {}

}  // namespace billbroker

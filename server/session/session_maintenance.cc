#include "server/session/session_maintenance.h"

#include <algorithm>

namespace billbroker {
namespace {

using Kind = MaintenanceStep::Kind;

MaintenanceStep NextStepWithoutSession(const SlotView& slot, absl::Duration now) {
  if (slot.warm && slot.allowed) return {Kind::kSignIn};
  if (slot.warm) return {Kind::kWait, std::max(slot.backoff_until, now + kMaintenanceRetry)};
  if (slot.signing_out_deadline > now) return {Kind::kWait, slot.signing_out_deadline};
  return {Kind::kNothing};
}

}  // namespace

MaintenanceStep NextStep(const SlotView& slot, const MaintenanceLimits& limits,
                         absl::Duration now) {
  if (slot.has_session && slot.deadline <= now) return {Kind::kForget};
  if (slot.busy) return {Kind::kWait, now + kMaintenanceRetry};
  if (!slot.has_session) return NextStepWithoutSession(slot, now);

  const bool wanted = slot.warm || slot.last_demand + limits.keep_alive > now;
  const bool replace = wanted && slot.outdated;
  if (replace && !slot.replace_failed) return {Kind::kReplace};
  const absl::Duration retry = std::min(now + kMaintenanceRetry, slot.deadline);
  const absl::Duration quiet = replace ? retry : slot.deadline;
  if (!limits.checks_extend) return {Kind::kWait, quiet};
  if (!wanted) return {Kind::kWait, retry};  // a caller may still ask for it
  const bool due = now >= slot.next_keep_alive || (slot.warm && slot.needs_check);
  if (!due) return {Kind::kWait, std::min(slot.next_keep_alive, quiet)};
  if (slot.backoff_until > now) return {Kind::kWait, retry};
  return {Kind::kCheck, retry};
}

}  // namespace billbroker

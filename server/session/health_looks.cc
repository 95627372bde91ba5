#include "server/session/health_looks.h"

#include <utility>
#include <vector>

namespace billbroker {

void HealthLooks::AskIfByGateway(const std::string& environment, BillError error,
                                 absl::AnyInvocable<void(bool)> done) {
  LockedSessions state(shared_);
  GatewayCheck::Asked asked = state->gateway_check.Ask(
      environment, shared_.now(),
      [error = std::move(error), done = std::move(done)](
          const absl::optional<AnswerShape>& health) mutable { done(IsByGateway(error, health)); });
  if (asked.call) state.Defer(std::move(asked.call));
  if (!asked.send) return;
  state.Defer([this, environment] {
    shared_.parts.bill.GetHealth(
        environment, [this, environment](const BillResult<AnswerShape>& result) {
          const absl::optional<AnswerShape> shape =
              result.ok() ? absl::make_optional(result.value()) : absl::nullopt;
          LockedSessions locked(shared_);
          for (GatewayCheck::Call& call :
               locked->gateway_check.Answered(environment, shape, shared_.now())) {
            locked.Defer(std::move(call));
          }
        });
  });
}

void HealthLooks::SendDue(LockedSessions& state) {
  for (const std::string& environment : state->rules.breaker.LooksDue(shared_.now())) {
    state->rules.breaker.LookStarted(environment, shared_.now());
    state.Defer([this, environment] {
      shared_.parts.bill.GetHealth(
          environment, [this, environment](const BillResult<AnswerShape>& result) {
            const bool good = result.ok() && result.value().IsGood();
            LockedSessions locked(shared_);
            locked->rules.breaker.LookAnswered(environment, good, shared_.now());
            locked->dispatch = true;
          });
    });
  }
}

}  // namespace billbroker

#include "server/session/gateway_check.h"

#include <utility>

namespace billbroker {
namespace {

GatewayCheck::Call Bind(GatewayCheck::Done done, const absl::optional<AnswerShape>& shape) {
  return [done = std::move(done), shape]() mutable { done(shape); };
}

}  // namespace

GatewayCheck::Asked GatewayCheck::Ask(const std::string& environment, absl::Duration now,
                                      Done done) {
  Look& look = looks_[environment];
  if (look.answer.has_value() && now - look.answered <= kFresh) {
    return {false, Bind(std::move(done), look.answer)};
  }
  look.waiting.push_back(std::move(done));
  return {!std::exchange(look.under_way, true), nullptr};
}

std::vector<GatewayCheck::Call> GatewayCheck::Answered(const std::string& environment,
                                                       const absl::optional<AnswerShape>& shape,
                                                       absl::Duration now) {
  Look& look = looks_[environment];
  look.under_way = false;
  look.answer = shape;
  look.answered = now;
  std::vector<Call> calls;
  for (Done& done : std::exchange(look.waiting, {})) {
    calls.push_back(Bind(std::move(done), shape));
  }
  return calls;
}

bool IsByGateway(const BillError& error, const absl::optional<AnswerShape>& health) {
  return health.has_value() && IsSameShape(error, *health);
}

}  // namespace billbroker

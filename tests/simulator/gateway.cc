#include "tests/simulator/gateway.h"

#include <utility>

#include "nlohmann/json.hpp"
#include "tests/simulator/fault_answers.h"

namespace billbroker::billsim {
namespace {

// Returns how the answer is delivered if the call takes effect; nullopt if the fault prevents that.
absl::optional<Manner> MannerAfterEffect(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::kSlowAnswer:
      return Manner::kWhole;
    case FaultKind::kSlowBody:
      return Manner::kDrip;
    case FaultKind::kDoneAnswerLost:
      return Manner::kReset;
    case FaultKind::kResetStream:
      return Manner::kResetStream;
    case FaultKind::kGoAway:
      if (fault.moment == GoAwayMoment::kAnswerHeaders) {
        return fault.processed ? Manner::kGoAwayInAnswerAfter : Manner::kGoAwayInAnswerBefore;
      }
      if (fault.processed) return Manner::kGoAwayAfter;
      return absl::nullopt;
    default:
      return absl::nullopt;
  }
}

// Returns how a call ends that has no effect; kWhole if the fault sends an answer.
Manner MannerWithoutEffect(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::kReset:
      return Manner::kReset;
    case FaultKind::kTimeout:
      return Manner::kHang;
    case FaultKind::kRefusedStream:
      return Manner::kRefuseStream;
    case FaultKind::kGoAway:
      return Manner::kGoAwayBefore;
    default:
      return Manner::kWhole;
  }
}

}  // namespace

Delivery Gateway::Receive(const HttpCall& call) { return Receive(call, CallStage::kWhole); }

absl::optional<Fault> Gateway::ReceiveHeaders(const HttpCall& head) {
  absl::optional<Fault> fault =
      faults_.Take(head.path, bill_.GetOrigin(head).organization_id, CallStage::kHeaders);
  if (fault.has_value() && !fault->processed) bill_.NoteFaulted(head);
  return fault;
}

Delivery Gateway::ReceiveRest(const HttpCall& call) {
  return Receive(call, CallStage::kAfterHeaders);
}

Delivery Gateway::Receive(const HttpCall& call, CallStage stage) {
  const std::string organization_id = bill_.GetOrigin(call).organization_id;
  const absl::optional<Fault> fault = faults_.Take(call.path, organization_id, stage);
  Delivery delivery = fault.has_value() ? Fail(*fault, call) : Pass(call);
  delivery.latency += LatencyFor(organization_id);
  return delivery;
}

Delivery Gateway::Pass(const HttpCall& call) {
  Bill::Handled handled = bill_.Begin(call);
  Delivery delivery;
  delivery.answer = std::move(handled.answer);
  delivery.slot = std::move(handled.slot);
  return delivery;
}

Delivery Gateway::Fail(const Fault& fault, const HttpCall& call) {
  Delivery delivery;
  if (const absl::optional<Manner> manner = MannerAfterEffect(fault); manner.has_value()) {
    delivery = Pass(call);
    delivery.manner = *manner;
  } else {
    bill_.NoteFaulted(call);
    delivery.manner = MannerWithoutEffect(fault);
    if (delivery.manner == Manner::kWhole) {
      delivery.answer = FaultAnswer(fault, call, bill_.settings(), bill_.Now());
    }
  }
  (fault.kind == FaultKind::kSlowAnswer ? delivery.latency : delivery.pace) = fault.duration;
  return delivery;
}

void Gateway::SetLatency(absl::Duration latency) {
  MutexLock lock(mutex_);
  latency_ = latency;
}

void Gateway::SetLatency(const std::string& organization_id, absl::Duration latency) {
  MutexLock lock(mutex_);
  organization_latency_[organization_id] = latency;
}

void Gateway::ClearLatency() {
  MutexLock lock(mutex_);
  latency_ = absl::ZeroDuration();
  organization_latency_.clear();
}

absl::Duration Gateway::LatencyFor(const std::string& organization_id) const {
  MutexLock lock(mutex_);
  const auto found = organization_latency_.find(organization_id);
  return found == organization_latency_.end() ? latency_ : found->second;
}

nlohmann::json Gateway::LatencyJson() const {
  MutexLock lock(mutex_);
  nlohmann::json organizations = nlohmann::json::object();
  for (const auto& [id, latency] : organization_latency_) {
    organizations[id] = absl::ToInt64Milliseconds(latency);
  }
  return {{"milliseconds", absl::ToInt64Milliseconds(latency_)}, {"organizations", organizations}};
}

}  // namespace billbroker::billsim

#include "tests/simulator/gateway.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulator/errors.h"

namespace billbroker::billsim {
namespace {

HttpAnswer TooManyRequests(const Fault& fault) {
  HttpAnswer answer;
  answer.status = 429;
  answer.body = R"({"message":"Too many requests"})";
  if (fault.retry_after_seconds.has_value()) {
    answer.headers["Retry-After"] = absl::StrCat(*fault.retry_after_seconds);
  }
  return answer;
}

HttpAnswer Redirect() {
  HttpAnswer answer = HtmlAnswer(302);
  answer.headers["Location"] = "/connect/v3/redirected";
  return answer;
}

HttpAnswer Ok(std::string body) {
  HttpAnswer answer;
  answer.body = std::move(body);
  return answer;
}

std::string HugeBody() {
  constexpr std::size_t kTenMebibytes = 10 << 20;
  return absl::StrCat("{\"padding\":\"", std::string(kTenMebibytes, 'x'), "\"}");
}

// Returns how the answer is delivered if the call takes effect; nullopt if the fault prevents that.
absl::optional<Manner> MannerAfterEffect(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::kSlowBody:
      return Manner::kDrip;
    case FaultKind::kDoneAnswerLost:
      return Manner::kReset;
    case FaultKind::kResetStream:
      return Manner::kResetStream;
    case FaultKind::kGoAway:
      if (fault.processed) return Manner::kGoAwayAfter;
      return absl::nullopt;
    default:
      return absl::nullopt;
  }
}

std::string DeepBody() {
  constexpr std::size_t kDepth = 100'000;
  return absl::StrCat(std::string(kDepth, '['), std::string(kDepth, ']'));
}

}  // namespace

Delivery Gateway::Receive(const HttpCall& call) {
  const absl::optional<Fault> fault = faults_.Take(call.path);
  Delivery delivery = fault.has_value() ? Fail(*fault, call) : Pass(call);
  delivery.latency = latency();
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
  delivery.pace = fault.duration;
  if (const absl::optional<Manner> manner = MannerAfterEffect(fault); manner.has_value()) {
    delivery = Pass(call);
    delivery.pace = fault.duration;
    delivery.manner = *manner;
    return delivery;
  }
  bill_.NoteFaulted(call);
  switch (fault.kind) {
    case FaultKind::kHtml502:
      delivery.answer = HtmlAnswer(502);
      break;
    case FaultKind::kEmpty200:
      delivery.answer = Ok("");
      break;
    case FaultKind::kRateLimit429:
      delivery.answer = TooManyRequests(fault);
      break;
    case FaultKind::kRedirect302:
      delivery.answer = Redirect();
      break;
    case FaultKind::kHugeBody:
      delivery.answer = Ok(HugeBody());
      break;
    case FaultKind::kGarbageJson:
      delivery.answer = Ok(R"({"sessionId": "abc", ]]} \x00 nonsense)");
      break;
    case FaultKind::kDeepJson:
      delivery.answer = Ok(DeepBody());
      break;
    case FaultKind::kReset:
      delivery.manner = Manner::kReset;
      break;
    case FaultKind::kTimeout:
      delivery.manner = Manner::kHang;
      break;
    case FaultKind::kRefusedStream:
      delivery.manner = Manner::kRefuseStream;
      break;
    case FaultKind::kGoAway:
      delivery.manner = Manner::kGoAwayBefore;
      break;
    default:  // kHttp503, kBillError
      delivery.answer = BillError(fault);
      break;
  }
  return delivery;
}

HttpAnswer Gateway::BillError(const Fault& fault) const {
  const bool named = fault.kind == FaultKind::kBillError;
  HttpAnswer answer = ErrorAnswer(named ? fault.code : "BDC_1001", bill_.settings(), bill_.Now());
  answer.status = named ? fault.http_status : 503;
  return answer;
}

void Gateway::SetLatency(absl::Duration latency) {
  MutexLock lock(mutex_);
  latency_ = latency;
}

absl::Duration Gateway::latency() const {
  MutexLock lock(mutex_);
  return latency_;
}

}  // namespace billbroker::billsim

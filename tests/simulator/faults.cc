#include "tests/simulator/faults.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr std::pair<FaultKind, const char*> kNames[] = {
    {FaultKind::kHttp503, "http_503"},
    {FaultKind::kHtml502, "html_502"},
    {FaultKind::kReset, "reset"},
    {FaultKind::kTimeout, "timeout"},
    {FaultKind::kEmpty200, "empty_200"},
    {FaultKind::kRateLimit429, "rate_limit_429"},
    {FaultKind::kBillError, "bill_error"},
    {FaultKind::kDoneAnswerLost, "done_answer_lost"},
    {FaultKind::kRedirect302, "redirect_302"},
    {FaultKind::kHugeBody, "huge_body"},
    {FaultKind::kGarbageJson, "garbage_json"},
    {FaultKind::kDeepJson, "deep_json"},
    {FaultKind::kSlowBody, "slow_body"},
    {FaultKind::kRefusedStream, "refused_stream"},
    {FaultKind::kResetStream, "reset_stream"},
    {FaultKind::kGoAway, "goaway"},
};

void ReadKind(JsonFields& fields, FaultKind& kind) {
  std::string wanted;
  fields.Require("kind", wanted);
  std::string known;
  for (const auto& [candidate, name] : kNames) {
    if (wanted == name) return void(kind = candidate);
    absl::StrAppend(&known, known.empty() ? "" : ", ", name);
  }
  fields.Fail("kind", absl::StrCat("must be one of: ", known));
}

// The fields that only some kinds have.
void ReadDetails(JsonFields& fields, Fault& fault) {
  constexpr int kHour = 3600;
  switch (fault.kind) {
    case FaultKind::kBillError:
      fault.http_status = 400;
      fields.Require("code", fault.code);
      fields.Read("http_status", fault.http_status, 200, 599);
      break;
    case FaultKind::kRateLimit429: {
      int seconds = -1;
      fields.Read("retry_after_seconds", seconds, 0, 24 * kHour);
      if (seconds >= 0) fault.retry_after_seconds = seconds;
      break;
    }
    case FaultKind::kTimeout:
      fault.duration = absl::Minutes(2);
      fields.ReadSeconds("seconds", fault.duration);
      break;
    case FaultKind::kSlowBody: {
      int milliseconds = 1000;
      fields.Read("milliseconds_per_byte", milliseconds, 1, 1000 * kHour);
      fault.duration = absl::Milliseconds(milliseconds);
      break;
    }
    case FaultKind::kGoAway:
      fields.Read("processed", fault.processed);
      break;
    default:
      break;
  }
}

json JsonOf(const Fault& fault) {
  json out = {{"id", fault.id},
              {"kind", std::string(FaultKindName(fault.kind))},
              {"path", fault.path},
              {"after", fault.after},
              {"count", fault.count}};
  if (fault.kind == FaultKind::kBillError) {
    out["code"] = fault.code;
    out["http_status"] = fault.http_status;
  }
  if (fault.kind == FaultKind::kGoAway) out["processed"] = fault.processed;
  return out;
}

}  // namespace

absl::string_view FaultKindName(FaultKind kind) {
  for (const auto& [candidate, name] : kNames) {
    if (candidate == kind) return name;
  }
  return "";
}

absl::StatusOr<int> Faults::Add(const json& description) {
  constexpr int kMany = 1'000'000'000;
  Fault fault;
  JsonFields fields(description, "");
  ReadKind(fields, fault.kind);
  fields.Read("path", fault.path);
  fields.Read("after", fault.after, 0, kMany);
  fields.Read("count", fault.count, 0, kMany);
  ReadDetails(fields, fault);
  if (!fault.path.empty() && !absl::StartsWith(fault.path, "/")) {
    fields.Fail("path", "must begin with a slash, such as \"/v3/login\"");
  }
  if (const absl::Status status = fields.Finish(); !status.ok()) return status;
  MutexLock lock(mutex_);
  fault.id = ++last_id_;
  planned_.push_back(std::move(fault));
  return last_id_;
}

absl::optional<Fault> Faults::Take(absl::string_view path) {
  MutexLock lock(mutex_);
  for (auto planned = planned_.begin(); planned != planned_.end(); ++planned) {
    if (!planned->path.empty() && planned->path != path) continue;
    if (planned->after > 0) {
      --planned->after;
      continue;
    }
    const Fault due = *planned;
    const bool spent = planned->count == 1;
    if (planned->count > 0) --planned->count;
    if (spent) planned_.erase(planned);
    return due;
  }
  return absl::nullopt;
}

void Faults::Clear() {
  MutexLock lock(mutex_);
  planned_.clear();
}

json Faults::Json() const {
  MutexLock lock(mutex_);
  json out = json::array();
  for (const Fault& fault : planned_) out.push_back(JsonOf(fault));
  return out;
}

}  // namespace billbroker::billsim

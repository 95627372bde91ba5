#include "tests/simulator/faults.h"

#include <utility>

#include "absl/strings/match.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr int kSecondsPerDay = 86'400;
constexpr int kLongestWait = 3'600'000;  // milliseconds

constexpr std::pair<FaultKind, const char*> kKinds[] = {
    {FaultKind::kHttp503, "http_503"},
    {FaultKind::kHtml502, "html_502"},
    {FaultKind::kReset, "reset"},
    {FaultKind::kTimeout, "timeout"},
    {FaultKind::kEmpty200, "empty_200"},
    {FaultKind::kRateLimit429, "rate_limit_429"},
    {FaultKind::kHttpError, "http_error"},
    {FaultKind::kBillError, "bill_error"},
    {FaultKind::kV2Error, "v2_error"},
    {FaultKind::kDoneAnswerLost, "done_answer_lost"},
    {FaultKind::kRedirect302, "redirect_302"},
    {FaultKind::kHugeBody, "huge_body"},
    {FaultKind::kGarbageJson, "garbage_json"},
    {FaultKind::kDeepJson, "deep_json"},
    {FaultKind::kSlowAnswer, "slow_answer"},
    {FaultKind::kSlowBody, "slow_body"},
    {FaultKind::kRefusedStream, "refused_stream"},
    {FaultKind::kResetStream, "reset_stream"},
    {FaultKind::kGoAway, "goaway"},
};

constexpr std::pair<FaultBody, const char*> kBodies[] = {
    {FaultBody::kEmpty, "empty"},   {FaultBody::kText, "text"},
    {FaultBody::kHtml, "html"},     {FaultBody::kMessage, "message"},
    {FaultBody::kErrors, "errors"}, {FaultBody::kArrayWithoutCode, "array_without_code"},
    {FaultBody::kEcho, "echo"},
};

constexpr std::pair<GoAwayMoment, const char*> kMoments[] = {
    {GoAwayMoment::kRequestHeaders, "request_headers"},
    {GoAwayMoment::kRequestEnd, "request_end"},
    {GoAwayMoment::kAnswerHeaders, "answer_headers"},
};

bool HasCode(FaultKind kind) {
  return kind == FaultKind::kBillError || kind == FaultKind::kV2Error;
}

bool HasHttpStatus(FaultKind kind) { return HasCode(kind) || kind == FaultKind::kHttpError; }

void ReadAnswer(JsonFields& fields, Fault& fault) {
  if (HasCode(fault.kind)) fields.Require("code", fault.code);
  if (HasHttpStatus(fault.kind)) {
    fault.http_status = fault.kind == FaultKind::kV2Error ? 200 : 400;
    fields.Read("http_status", fault.http_status, 200, 599);
  }
  if (fault.kind == FaultKind::kHttpError) fields.ReadChoice("body", fault.body, kBodies);
  if (HasHttpStatus(fault.kind) || fault.kind == FaultKind::kRateLimit429) {
    int seconds = -1;
    fields.Read("retry_after_seconds", seconds, 0, kSecondsPerDay);
    if (seconds >= 0) fault.retry_after_seconds = seconds;
  }
}

void ReadWait(JsonFields& fields, const char* key, absl::Duration& into) {
  int milliseconds = 1000;
  fields.Read(key, milliseconds, 1, kLongestWait);
  into = absl::Milliseconds(milliseconds);
}

void ReadPace(JsonFields& fields, Fault& fault) {
  if (fault.kind == FaultKind::kTimeout) {
    fault.duration = absl::Minutes(2);
    fields.ReadSeconds("seconds", fault.duration);
  } else if (fault.kind == FaultKind::kSlowAnswer) {
    ReadWait(fields, "milliseconds", fault.duration);
  } else if (fault.kind == FaultKind::kSlowBody) {
    ReadWait(fields, "milliseconds_per_byte", fault.duration);
  }
}

template <typename T, std::size_t N>
const char* NameOf(T value, const std::pair<T, const char*> (&names)[N]) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "";
}

json JsonOf(const Fault& fault) {
  json out = {{"id", fault.id},       {"kind", NameOf(fault.kind, kKinds)},
              {"path", fault.path},   {"organization_id", fault.organization_id},
              {"after", fault.after}, {"count", fault.count}};
  if (HasCode(fault.kind)) out["code"] = fault.code;
  if (HasHttpStatus(fault.kind)) out["http_status"] = fault.http_status;
  if (fault.kind == FaultKind::kHttpError) out["body"] = NameOf(fault.body, kBodies);
  if (fault.kind == FaultKind::kGoAway) {
    out["processed"] = fault.processed;
    out["moment"] = NameOf(fault.moment, kMoments);
  }
  if (fault.retry_after_seconds.has_value()) {
    out["retry_after_seconds"] = *fault.retry_after_seconds;
  }
  return out;
}

bool IsOfStage(const Fault& fault, CallStage stage) {
  if (stage == CallStage::kWhole) return true;
  const bool at_headers =
      fault.kind == FaultKind::kGoAway && fault.moment == GoAwayMoment::kRequestHeaders;
  return at_headers == (stage == CallStage::kHeaders);
}

}  // namespace

absl::StatusOr<Fault> ParseFault(const json& description, absl::string_view path) {
  constexpr int kMostCalls = 1'000'000'000;
  Fault fault;
  JsonFields fields(description, std::string(path));
  std::string kind;
  fields.Require("kind", kind);
  fields.ReadChoice("kind", fault.kind, kKinds);
  fields.Read("path", fault.path);
  fields.Read("organization_id", fault.organization_id);
  fields.Read("after", fault.after, 0, kMostCalls);
  fields.Read("count", fault.count, 0, kMostCalls);
  ReadAnswer(fields, fault);
  ReadPace(fields, fault);
  if (fault.kind == FaultKind::kGoAway) {
    fields.Read("processed", fault.processed);
    fields.ReadChoice("moment", fault.moment, kMoments);
  }
  if (!fault.path.empty() && !absl::StartsWith(fault.path, "/")) {
    fields.Fail("path", "must begin with a slash, such as \"/v3/login\"");
  }
  if (const absl::Status status = fields.Finish(); !status.ok()) return status;
  return fault;
}

absl::StatusOr<int> Faults::Add(const json& description) {
  absl::StatusOr<Fault> fault = ParseFault(description, "");
  if (!fault.ok()) return fault.status();
  return Add(*std::move(fault));
}

int Faults::Add(Fault fault) {
  MutexLock lock(mutex_);
  fault.id = ++last_id_;
  planned_.push_back(std::move(fault));
  return last_id_;
}

absl::optional<Fault> Faults::Take(absl::string_view path, absl::string_view organization_id,
                                   CallStage stage) {
  MutexLock lock(mutex_);
  for (auto planned = planned_.begin(); planned != planned_.end(); ++planned) {
    if (!planned->path.empty() && planned->path != path) continue;
    if (!IsOfStage(*planned, stage)) continue;
    if (!planned->organization_id.empty() && planned->organization_id != organization_id) continue;
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

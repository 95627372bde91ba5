#include "tests/simulator/control.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulator/data_file.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;
using Outcome = absl::StatusOr<json>;

HttpAnswer Answer(int status, const json& body) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = absl::StrCat(JsonText(body), "\n");
  return answer;
}

HttpAnswer ErrorText(int status, absl::string_view text) {
  return Answer(status, {{"error", std::string(text)}});
}

Outcome DoneOr(const absl::Status& status) {
  if (!status.ok()) return status;
  return json{{"done", true}};
}

}  // namespace

const Control::Endpoint Control::kEndpoints[] = {
    {"GET", "/", &Control::Help},
    {"GET", "/state", &Control::State},
    {"GET", "/counts", &Control::Counts},
    {"DELETE", "/counts", &Control::ResetCounts},
    {"GET", "/clock", &Control::Clock},
    {"POST", "/clock/advance", &Control::AdvanceClock},
    {"POST", "/latency", &Control::SetLatency},
    {"DELETE", "/latency", &Control::ClearLatency},
    {"POST", "/listening", &Control::SetListening},
    {"GET", "/faults", &Control::ListFaults},
    {"POST", "/faults", &Control::AddFault},
    {"DELETE", "/faults", &Control::ClearFaults},
    {"POST", "/sessions/expire", &Control::ExpireSessions},
    {"POST", "/users/", &Control::ChangeUser},
    {"POST", "/organizations/", &Control::ChangeOrganization},
    {"POST", "/dev-keys/", &Control::ChangeDevKey},
    {"GET", "/settings", &Control::Settings},
    {"POST", "/settings", &Control::ChangeSettings},
};

HttpAnswer Control::Handle(const HttpCall& call) {
  bool path_known = false;
  for (const Endpoint& endpoint : kEndpoints) {
    const bool named = endpoint.path.size() > 1 && absl::EndsWith(endpoint.path, "/");
    const bool matches = named ? absl::StartsWith(call.path, endpoint.path) &&
                                     call.path.size() > endpoint.path.size()
                               : call.path == endpoint.path;
    if (!matches) continue;
    path_known = true;
    if (endpoint.method != call.method) continue;
    json body;
    if (!call.body.empty()) {
      absl::StatusOr<json> parsed = ParseJson(call.body, "the body");
      if (!parsed.ok()) return ErrorText(400, parsed.status().message());
      body = *std::move(parsed);
    }
    const std::string rest = named ? call.path.substr(endpoint.path.size()) : "";
    const Outcome outcome = (this->*endpoint.handler)(rest, body);
    if (outcome.ok()) return Answer(200, *outcome);
    return ErrorText(absl::IsNotFound(outcome.status()) ? 404 : 400, outcome.status().message());
  }
  if (path_known) return ErrorText(405, "this path takes another method; GET / lists them all");
  return ErrorText(404, "there is no such path; GET / lists them all");
}

Outcome Control::Help(const std::string&, const json&) {
  json lines = json::array();
  for (const Endpoint& endpoint : kEndpoints) {
    const bool named = endpoint.path.size() > 1 && absl::EndsWith(endpoint.path, "/");
    lines.push_back(absl::StrCat(endpoint.method, " ", endpoint.path, named ? "NAME" : ""));
  }
  return json{{"endpoints", lines}, {"documented_in", "tests/simulator/README.md"}};
}

Outcome Control::State(const std::string&, const json&) {
  json state = bill_.StateJson();
  state["faults"] = gateway_.faults().Json();
  state["latency"] = gateway_.LatencyJson();
  state["clock_ahead_seconds"] = absl::ToInt64Seconds(clock_.ahead());
  return state;
}

Outcome Control::Counts(const std::string&, const json&) { return bill_.CountsJson(); }

Outcome Control::ResetCounts(const std::string&, const json&) {
  bill_.ResetCounts();
  return json{{"done", true}};
}

Outcome Control::Clock(const std::string&, const json&) {
  return json{{"time", absl::FormatTime(absl::RFC3339_full, bill_.Now(), absl::UTCTimeZone())},
              {"ahead_seconds", absl::ToInt64Seconds(clock_.ahead())}};
}

Outcome Control::AdvanceClock(const std::string& rest, const json& body) {
  absl::Duration by;
  JsonFields fields(body, "");
  fields.ReadSeconds("seconds", by);
  if (by == absl::ZeroDuration()) fields.Fail("seconds", "must be a whole number above 0");
  if (const absl::Status status = fields.Finish(); !status.ok()) return status;
  clock_.Advance(by);
  return Clock(rest, body);
}

Outcome Control::SetLatency(const std::string&, const json& body) {
  int milliseconds = -1;
  std::string organization_id;
  JsonFields fields(body, "");
  fields.Read("milliseconds", milliseconds, 0, kMaxLatencyMilliseconds);
  fields.Read("organization_id", organization_id);
  if (milliseconds < 0) fields.Fail("milliseconds", "is required; 0 for none");
  if (const absl::Status status = fields.Finish(); !status.ok()) return status;
  const absl::Duration latency = absl::Milliseconds(milliseconds);
  if (organization_id.empty()) {
    gateway_.SetLatency(latency);
  } else {
    gateway_.SetLatency(organization_id, latency);
  }
  return gateway_.LatencyJson();
}

Outcome Control::ClearLatency(const std::string&, const json&) {
  gateway_.ClearLatency();
  return gateway_.LatencyJson();
}

Outcome Control::SetListening(const std::string&, const json& body) {
  JsonFields fields(body, "");
  bool open = false;
  fields.Read("open", open);
  if (fields.Find("open") == nullptr) fields.Fail("open", "is required; true or false");
  if (const absl::Status status = fields.Finish(); !status.ok()) return status;
  if (!listen_) return absl::InvalidArgumentError("this simulator has no port to open or close");
  if (const absl::Status status = listen_(open); !status.ok()) return status;
  return json{{"open", open}};
}

Outcome Control::ListFaults(const std::string&, const json&) {
  return json{{"faults", gateway_.faults().Json()}};
}

Outcome Control::AddFault(const std::string&, const json& body) {
  const absl::StatusOr<int> id = gateway_.faults().Add(body);
  if (!id.ok()) return id.status();
  return json{{"id", *id}};
}

Outcome Control::ClearFaults(const std::string&, const json&) {
  gateway_.faults().Clear();
  return json{{"done", true}};
}

Outcome Control::ExpireSessions(const std::string&, const json& body) {
  std::string session_id, organization_id;
  JsonFields fields(body, "");
  fields.Read("session_id", session_id);
  fields.Read("organization_id", organization_id);
  if (session_id.empty() == organization_id.empty()) {
    fields.Fail("session_id", "give either this or organization_id");
  }
  if (const absl::Status status = fields.Finish(); !status.ok()) return status;
  if (session_id.empty()) return json{{"ended", bill_.ExpireSessionsOf(organization_id)}};
  const absl::Status status = bill_.ExpireSession(session_id);
  if (!status.ok()) return status;
  return json{{"ended", 1}};
}

Outcome Control::ChangeUser(const std::string& rest, const json& body) {
  return DoneOr(bill_.ChangeUser(rest, body));
}

Outcome Control::ChangeOrganization(const std::string& rest, const json& body) {
  return DoneOr(bill_.ChangeOrganization(rest, body));
}

Outcome Control::ChangeDevKey(const std::string& rest, const json& body) {
  return DoneOr(bill_.ChangeDevKey(rest, body));
}

Outcome Control::Settings(const std::string&, const json&) {
  return SettingsJson(bill_.settings());
}

Outcome Control::ChangeSettings(const std::string&, const json& body) {
  const absl::Status status = bill_.ChangeSettings(body);
  if (!status.ok()) return status;
  return SettingsJson(bill_.settings());
}

}  // namespace billbroker::billsim

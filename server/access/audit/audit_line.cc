#include "server/access/audit/audit_line.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kBeforeMac = ",\"mac\":\"";
constexpr absl::string_view kAfterMac = "\"}";
constexpr std::size_t kMacDigits = 64;

Json Begin(absl::Time time, absl::string_view kind, const AuditMark& mark) {
  Json line;
  line["sequence"] = mark.sequence + 1;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
  line["kind"] = std::string(kind);
  return line;
}

void AddText(Json& line, const char* name, absl::string_view text,
             std::size_t most = kLongestAuditText) {
  if (!text.empty()) line[name] = AuditText(text, most);
}

void AddNumber(Json& line, const char* name, std::uint64_t number) {
  if (number != 0) line[name] = number;
}

std::string Finish(const AuditKey& key, const Json& line, AuditMark& mark) {
  std::string text = line.dump();
  text.pop_back();  // the closing brace
  mark.mac = key.MacOf(mark.mac, text);
  ++mark.sequence;
  absl::StrAppend(&text, kBeforeMac, AuditMacText(mark.mac), kAfterMac, "\n");
  return text;
}

// The object's members without the MAC; nullopt where they are not ours.
absl::optional<Json> ParseBody(const std::string& body) {
  Json line = Json::parse(absl::StrCat(body, "}"), nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return absl::nullopt;
  for (const auto& member : line) {
    if (!member.is_string() && !member.is_number_unsigned()) return absl::nullopt;
  }
  const auto sequence = line.find("sequence");
  const auto kind = line.find("kind");
  if (sequence == line.end() || !sequence->is_number_unsigned()) return absl::nullopt;
  if (sequence->get<std::uint64_t>() == 0) return absl::nullopt;
  if (kind == line.end() || !kind->is_string()) return absl::nullopt;
  return line;
}

}  // namespace

absl::string_view AuditNoteName(AuditNote note) {
  switch (note) {
    case AuditNote::kStart:
      return "start";
    case AuditNote::kContinues:
      return "continues";
    case AuditNote::kRecovered:
      return "recovered";
    case AuditNote::kDropped:
      return "dropped";
    case AuditNote::kHeadLost:
      return "head_lost";
    case AuditNote::kFileLost:
      return "file_lost";
    case AuditNote::kSetAside:
      return "set_aside";
  }
  return "";
}

std::string WriteAuditLine(const AuditKey& key, absl::Time time, const AuditEntry& entry,
                           AuditMark& mark) {
  Json line = Begin(time, AuditEventName(entry.event), mark);
  line["phase"] = std::string(AuditPhaseName(entry.phase));
  AddText(line, "principal", entry.principal, kLongestAuditPrincipal);
  if (entry.uid.has_value()) line["uid"] = *entry.uid;
  if (entry.pid.has_value()) line["pid"] = static_cast<std::uint64_t>(*entry.pid);
  AddText(line, "certificate_serial", entry.certificate_serial);
  AddText(line, "rpc", entry.rpc);
  AddText(line, "organization", entry.organization);
  AddNumber(line, "organizations", entry.organizations);
  AddText(line, "credential", entry.credential);
  AddNumber(line, "version", entry.version);
  AddNumber(line, "generation", entry.generation);
  AddText(line, "dev_key_id", entry.dev_key_id);
  AddText(line, "set_aside", entry.set_aside);
  AddText(line, "outcome", entry.outcome);
  AddText(line, "reason", entry.reason);
  AddText(line, "request_id", entry.request_id);
  AddText(line, "traceparent", entry.traceparent);
  return Finish(key, line, mark);
}

std::string WriteAuditNote(const AuditKey& key, absl::Time time, AuditNote note,
                           absl::string_view text, std::uint64_t count, AuditMark& mark) {
  Json line = Begin(time, AuditNoteName(note), mark);
  if (note == AuditNote::kStart) AddText(line, "chain", text);
  if (note == AuditNote::kContinues) line["previous"] = AuditMacText(mark.mac);
  if (note == AuditNote::kRecovered) AddText(line, "from", text);
  if (note == AuditNote::kSetAside) AddText(line, "files", text);
  if (note == AuditNote::kHeadLost || note == AuditNote::kFileLost) AddText(line, "why", text);
  AddNumber(line, "lost", count);
  return Finish(key, line, mark);
}

absl::optional<AuditLine> ParseAuditLine(absl::string_view line) {
  const std::size_t tail = kBeforeMac.size() + kMacDigits + kAfterMac.size();
  if (line.size() >= kLongestAuditLine || line.size() <= tail) return absl::nullopt;
  const absl::string_view end = line.substr(line.size() - tail);
  if (!absl::StartsWith(end, kBeforeMac) || !absl::EndsWith(end, kAfterMac)) return absl::nullopt;
  const absl::optional<AuditMac> mac = ParseAuditMac(end.substr(kBeforeMac.size(), kMacDigits));
  if (!mac.has_value()) return absl::nullopt;
  AuditLine read;
  read.body = std::string(line.substr(0, line.size() - tail));
  const absl::optional<Json> members = ParseBody(read.body);
  if (!members.has_value()) return absl::nullopt;
  read.mark = {members->at("sequence").get<std::uint64_t>(), *mac};
  read.kind = members->at("kind").get<std::string>();
  if (read.kind == AuditNoteName(AuditNote::kContinues)) {
    const auto previous = members->find("previous");
    if (previous == members->end() || !previous->is_string()) return absl::nullopt;
    read.previous = ParseAuditMac(previous->get<std::string>());
    if (!read.previous.has_value()) return absl::nullopt;
  }
  return read;
}

absl::optional<absl::Time> TimeOf(const AuditLine& line) {
  const absl::optional<Json> members = ParseBody(line.body);
  if (!members.has_value()) return absl::nullopt;
  const auto member = members->find("time");
  absl::Time time;
  std::string error;
  if (member == members->end() || !member->is_string() ||
      !absl::ParseTime(absl::RFC3339_full, member->get<std::string>(), &time, &error)) {
    return absl::nullopt;
  }
  return time;
}

absl::optional<AuditEntry> ReadSignIn(const AuditLine& line) {
  if (line.kind != AuditEventName(AuditEvent::kSignIn)) return absl::nullopt;
  const absl::optional<Json> members = ParseBody(line.body);
  if (!members.has_value()) return absl::nullopt;
  const auto text = [&members](const char* name) {
    const auto member = members->find(name);
    return member != members->end() && member->is_string() ? member->get<std::string>() : "";
  };
  AuditEntry entry;
  entry.event = AuditEvent::kSignIn;
  entry.phase = text("phase") == AuditPhaseName(AuditPhase::kOutcome) ? AuditPhase::kOutcome
                                                                      : AuditPhase::kIntent;
  entry.principal = text("principal");
  entry.organization = text("organization");
  entry.credential = text("credential");
  const auto version = members->find("version");
  if (version != members->end() && version->is_number_unsigned()) {
    entry.version = version->get<std::uint64_t>();
  }
  entry.dev_key_id = text("dev_key_id");
  entry.outcome = text("outcome");
  entry.reason = text("reason");
  entry.request_id = text("request_id");
  return entry;
}

bool IsChained(const AuditKey& key, const AuditMac& previous, const AuditLine& line) {
  return key.MacOf(previous, line.body) == line.mark.mac;
}

}  // namespace billbroker

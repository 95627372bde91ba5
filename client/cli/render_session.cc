#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/error_output.h"
#include "client/cli/format.h"
#include "client/cli/render.h"
#include "client/cli/table.h"
#include "client/proto_time.h"

namespace billbroker {
namespace {

std::string StateWord(v1::SessionState state) {
  return EnumWord(v1::SessionState_Name(state), "SESSION_STATE_");
}

std::string ReasonWord(v1::Reason reason) {
  return std::string(absl::StripPrefix(v1::Reason_Name(reason), "REASON_"));
}

Json TimeJson(bool present, const google::protobuf::Timestamp& time) {
  return present ? Json(TimeText(time)) : Json(nullptr);
}

Json QuarantineJson(const v1::Quarantine& quarantine) {
  return {{"reason", ReasonWord(quarantine.reason())},
          {"bill_code", quarantine.bill_code()},
          {"start_time", TimeJson(quarantine.has_start_time(), quarantine.start_time())},
          {"end_time", TimeJson(quarantine.has_end_time(), quarantine.end_time())}};
}

// Why there is no session, in the last column.
std::string Note(const v1::SessionEntry& entry, absl::Time now) {
  if (entry.has_quarantine()) {
    const v1::Quarantine& quarantine = entry.quarantine();
    std::string note =
        absl::StrCat(ReasonWord(quarantine.reason()), " (", quarantine.bill_code(), ")");
    if (quarantine.has_end_time()) {
      absl::StrAppend(&note, " until ", TimeText(quarantine.end_time()));
    }
    return note;
  }
  if (entry.has_retry_time()) {
    const bool queued = entry.state() == v1::SESSION_STATE_QUEUED;
    return absl::StrCat(queued ? "its turn in " : "retry in ",
                        WaitText(TimeOf(entry.retry_time()) - now));
  }
  return entry.waiting_caller_count() > 0
             ? Counted(entry.waiting_caller_count(), "caller") + " waiting"
             : "";
}

}  // namespace

Json SessionJson(const ClientSession& session, bool show_secrets) {
  Json json = {{"organization_id", session.organization_id},
               {"credential", session.credential},
               {"user_id", session.user_id},
               {"base_url", session.base_url},
               {"trusted", session.trusted},
               {"generation", session.generation},
               {"dev_key_id", session.dev_key_id},
               {"sign_in_time", TimeText(session.sign_in_time)},
               {"verify_time", TimeText(session.verify_time)},
               {"expire_time", TimeText(session.expire_time)},
               {"remaining_seconds", absl::ToInt64Seconds(session.remaining)}};
  if (!show_secrets) return json;
  json["session_id"] = std::string(session.session_id.Reveal());
  if (!session.dev_key.empty()) json["dev_key"] = std::string(session.dev_key.Reveal());
  for (const SessionHeader& header : session.headers) {
    json["headers"].push_back(
        {{"name", header.name}, {"value", std::string(header.value.Reveal())}});
  }
  return json;
}

void PrintSession(const ClientSession& session, bool show_secrets, std::ostream& out) {
  Table table;
  table.Add({"organization", session.organization_id});
  table.Add({"credential", session.credential});
  table.Add({"user", session.user_id});
  table.Add({"base URL", session.base_url});
  table.Add({"trusted", session.trusted ? "yes" : "no"});
  table.Add({"generation", absl::StrCat(session.generation)});
  table.Add({"signed in", TimeText(session.sign_in_time)});
  table.Add({"expires", absl::StrCat(TimeText(session.expire_time), " (in ",
                                     LengthText(session.remaining), ")")});
  table.Add({"devKey id", session.dev_key_id});
  table.Add({"session id", show_secrets ? std::string(session.session_id.Reveal())
                                        : std::string("hidden; --show prints it")});
  if (!session.dev_key.empty()) {
    table.Add({"devKey", show_secrets ? std::string(session.dev_key.Reveal())
                                      : std::string("hidden; --show prints it")});
  }
  for (const SessionHeader& header : session.headers) {
    table.Add({"header " + header.name, show_secrets ? std::string(header.value.Reveal())
                                                     : std::string("hidden; --show prints it")});
  }
  table.Print(out);
}

Json WatchJson(const WatchedOrganization& which, const absl::StatusOr<ClientSession>& state,
               absl::Time now) {
  Json json = {{"time", TimeText(now)},
               {"organization_id", which.organization_id},
               {"credential", which.credential},
               {"session", nullptr},
               {"error", nullptr}};
  if (state.ok()) {
    json["session"] = SessionJson(*state, false);
  } else {
    json["error"] = {{"reason", ErrorName(state.status())},
                     {"message", std::string(state.status().message())}};
  }
  return json;
}

void PrintWatchLine(const WatchedOrganization& which, const absl::StatusOr<ClientSession>& state,
                    absl::Time now, std::ostream& out) {
  Table table;  // of one row, as the next is not known
  if (state.ok()) {
    table.Add({TimeText(now), which.organization_id, "live",
               absl::StrCat(LengthText(state->remaining), " left of generation ", state->generation,
                            " by ", state->credential)});
  } else {
    table.Add({TimeText(now), which.organization_id, ErrorName(state.status()),
               std::string(state.status().message())});
  }
  table.Print(out);
}

Json SessionEntryJson(const v1::SessionEntry& entry) {
  return {
      {"organization_id", entry.organization_id()},
      {"credential", entry.credential()},
      {"state", StateWord(entry.state())},
      {"generation", entry.generation()},
      {"user_id", entry.user_id()},
      {"trusted", entry.trusted()},
      {"sign_in_time", TimeJson(entry.has_sign_in_time(), entry.sign_in_time())},
      {"verify_time", TimeJson(entry.has_verify_time(), entry.verify_time())},
      {"expire_time", TimeJson(entry.has_expire_time(), entry.expire_time())},
      {"waiting_caller_count", entry.waiting_caller_count()},
      {"sign_in_count", entry.sign_in_count()},
      {"retry_time", TimeJson(entry.has_retry_time(), entry.retry_time())},
      {"quarantine", entry.has_quarantine() ? QuarantineJson(entry.quarantine()) : Json(nullptr)}};
}

void PrintSessionEntries(const std::vector<v1::SessionEntry>& entries, absl::Time now,
                         std::ostream& out) {
  if (entries.empty()) {
    out << "no sessions yet; 'billbroker session get ID' signs in\n";
    return;
  }
  Table table({"ORGANIZATION", "CREDENTIAL", "STATE", "REMAINING", "TRUSTED", "SIGN-INS", "NOTE"});
  for (const v1::SessionEntry& entry : entries) {
    const bool live = entry.has_expire_time();
    table.Add({entry.organization_id(), entry.credential(), StateWord(entry.state()),
               live ? LengthText(TimeOf(entry.expire_time()) - now) : "-",
               live ? (entry.trusted() ? "yes" : "no") : "-", absl::StrCat(entry.sign_in_count()),
               Note(entry, now)});
  }
  table.Print(out);
}

}  // namespace billbroker

#include "server/session/sqlite/row_json.h"

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/session/joined_keys.h"
#include "vault/base/error.h"
#include "vault/base/json/json_reader.h"
#include "vault/base/json/json_writer.h"

namespace billbroker {
namespace {

using enum JsonMember::Presence;
using Ending = SignInEnding;

constexpr std::array<std::pair<Ending, absl::string_view>, 4> kEndings = {
    {{Ending::kAccepted, "accepted"},
     {Ending::kFailed, "failed"},
     {Ending::kUnclear, "unclear"},
     {Ending::kNeutral, "neutral"}}};

absl::string_view NameOf(Ending ending) {
  for (const auto& [value, name] : kEndings) {
    if (value == ending) return name;
  }
  return "";
}

// Writes whole nanoseconds as a string, because JsonReader reads no negative numbers. The ends of
// the range stand for infinity.
void WriteDuration(JsonWriter& json, absl::string_view key, absl::Duration value) {
  json.String(key, absl::StrCat(absl::ToInt64Nanoseconds(value)));
}

void WriteTime(JsonWriter& json, absl::string_view key, absl::Time value) {
  WriteDuration(json, key, value - absl::UnixEpoch());
}

bool ReadSecret(JsonReader& json, std::shared_ptr<const SecretString>& to) {
  auto value = std::make_shared<SecretString>();
  if (!json.String(*value)) return false;
  to = std::move(value);
  return true;
}

bool ReadDuration(JsonReader& json, absl::Duration& to) {
  std::string text;
  std::int64_t nanoseconds = 0;
  if (!json.Text(text) || !absl::SimpleAtoi(text, &nanoseconds)) return false;
  using Limits = std::numeric_limits<std::int64_t>;
  to = nanoseconds == Limits::max()   ? absl::InfiniteDuration()
       : nanoseconds == Limits::min() ? -absl::InfiniteDuration()
                                      : absl::Nanoseconds(nanoseconds);
  return true;
}

bool ReadTime(JsonReader& json, absl::Time& to) {
  absl::Duration since_epoch;
  if (!ReadDuration(json, since_epoch)) return false;
  to = absl::UnixEpoch() + since_epoch;
  return true;
}

bool ReadEnding(JsonReader& json, Ending& to) {
  std::string name;
  if (!json.Text(name)) return false;
  for (const auto& [value, known] : kEndings) {
    if (known == name) {
      to = value;
      return true;
    }
  }
  return false;
}

bool ReadReason(JsonReader& json, Reason& to) {
  std::string name;
  if (!json.Text(name)) return false;
  const absl::optional<Reason> reason = ReasonNamed(name);
  if (reason.has_value()) to = *reason;
  return reason.has_value();
}

bool ReadScope(JsonReader& json, QuarantineScope& to) {
  std::uint64_t number = 0;
  if (!json.Uint(number) ||
      number > static_cast<std::uint64_t>(QuarantineScope::kOrganizationLockout)) {
    return false;
  }
  to = static_cast<QuarantineScope>(number);
  return true;
}

void WriteSession(JsonWriter& json, const Session& session) {
  json.Object([&] {
    json.String("environment", session.keys.environment)
        .String("session_id", session.keys.session_id->Reveal())
        .String("dev_key", session.keys.dev_key->Reveal())
        .String("dev_key_id", session.dev_key_id)
        .String("credential", session.credential)
        .Uint("version", session.version)
        .String("user_id", session.user_id)
        .String("base_url", session.base_url)
        .Bool("trusted", session.trusted)
        .Uint("generation", session.generation)
        .Uint("first_generation", session.first_generation);
    WriteTime(json, "sign_in_time", session.sign_in_time);
    WriteTime(json, "verified_time", session.verified_time);
    WriteTime(json, "expire_time", session.expire_time);
    WriteDuration(json, "signed_in", session.signed_in);
    WriteDuration(json, "deadline", session.deadline);
  });
}

bool ReadSession(JsonReader& json, Session& to) {
  const JsonFault fault =
      ReadObject(json, {{"environment", [&] { return json.Text(to.keys.environment); }},
                        {"session_id", [&] { return ReadSecret(json, to.keys.session_id); }},
                        {"dev_key", [&] { return ReadSecret(json, to.keys.dev_key); }},
                        {"dev_key_id", [&] { return json.Text(to.dev_key_id); }},
                        {"credential", [&] { return json.Text(to.credential); }},
                        {"version", [&] { return json.Uint(to.version); }, kOptional},
                        {"user_id", [&] { return json.Text(to.user_id); }},
                        {"base_url", [&] { return json.Text(to.base_url); }},
                        {"trusted", [&] { return json.Bool(to.trusted); }},
                        {"generation", [&] { return json.Uint(to.generation); }},
                        {"first_generation", [&] { return json.Uint(to.first_generation); }},
                        {"sign_in_time", [&] { return ReadTime(json, to.sign_in_time); }},
                        {"verified_time", [&] { return ReadTime(json, to.verified_time); }},
                        {"expire_time", [&] { return ReadTime(json, to.expire_time); }},
                        {"signed_in", [&] { return ReadDuration(json, to.signed_in); }},
                        {"deadline", [&] { return ReadDuration(json, to.deadline); }}});
  return fault.ok();
}

void WriteUser(JsonWriter& json, const UserId& user) {
  json.Object([&] {
    json.String("environment", user.environment)
        .String("username", user.username)
        .String("acting_as", user.acting_as);
  });
}

bool ReadUser(JsonReader& json, UserId& to) {
  const JsonFault fault =
      ReadObject(json, {{"environment", [&] { return json.Text(to.environment); }},
                        {"username", [&] { return json.Text(to.username); }},
                        {"acting_as", [&] { return json.Text(to.acting_as); }}});
  return fault.ok();
}

void WriteDevKey(JsonWriter& json, const DevKeyBudgetId& dev_key) {
  json.Object([&] {
    json.String("environment", dev_key.environment).String("dev_key_id", dev_key.dev_key_id);
  });
}

bool ReadDevKey(JsonReader& json, DevKeyBudgetId& to) {
  const JsonFault fault =
      ReadObject(json, {{"environment", [&] { return json.Text(to.environment); }},
                        {"dev_key_id", [&] { return json.Text(to.dev_key_id); }}});
  return fault.ok();
}

void WriteHistory(JsonWriter& json, const SignInHistory& history) {
  json.Object([&] {
    json.Bool("secret_accepted", history.secret_accepted)
        .Bool("secret_accepted_elsewhere", history.secret_accepted_elsewhere)
        .Bool("dev_key_worked_here", history.dev_key_worked_here)
        .Bool("dev_key_worked_anywhere", history.dev_key_worked_anywhere)
        .Bool("dev_key_refused_elsewhere", history.dev_key_refused_elsewhere);
  });
}

bool ReadHistory(JsonReader& json, SignInHistory& to) {
  const JsonFault fault = ReadObject(
      json,
      {{"secret_accepted", [&] { return json.Bool(to.secret_accepted); }},
       {"secret_accepted_elsewhere", [&] { return json.Bool(to.secret_accepted_elsewhere); }},
       {"dev_key_worked_here", [&] { return json.Bool(to.dev_key_worked_here); }},
       {"dev_key_worked_anywhere", [&] { return json.Bool(to.dev_key_worked_anywhere); }},
       {"dev_key_refused_elsewhere", [&] { return json.Bool(to.dev_key_refused_elsewhere); }}});
  return fault.ok();
}

// The times of an attempt as they are read.
struct AttemptTimes {
  absl::Time started;
  absl::Duration started_since_boot;
  absl::optional<absl::Time> ended;
  absl::optional<absl::Duration> ended_since_boot;

  // Returns false if only one of the two times of its end was read.
  [[nodiscard]] bool SetIn(StoredAttempt& attempt) const {
    attempt.started = {started, started_since_boot};
    if (ended.has_value() != ended_since_boot.has_value()) return false;
    if (ended.has_value()) attempt.ended = Moment{*ended, *ended_since_boot};
    return true;
  }
};

}  // namespace

SecretString WritePayload(const StoredSlot& slot) {
  JsonWriter json;
  json.Object([&] {
    json.Uint("place", slot.place);
    if (slot.logged_out) json.Bool("logged_out", true);
    if (slot.in_doubt) json.Bool("in_doubt", true);
    if (!slot.accepted_dev_key_id.empty()) {
      json.String("accepted_dev_key_id", slot.accepted_dev_key_id);
    }
    if (slot.session != nullptr) WriteSession(json.Key("session"), *slot.session);
  });
  return std::move(json).Build();
}

SecretString WritePayload(const StoredAttempt& attempt) {
  JsonWriter json;
  json.Object([&] {
    json.String("credential_uid", attempt.slot.credential_uid)
        .String("organization_id", attempt.slot.organization_id)
        .String("principal", attempt.principal);
    WriteDevKey(json.Key("dev_key"), attempt.dev_key);
    WriteUser(json.Key("user"), attempt.user);
    json.String("secret_id", attempt.secret_id);
    WriteTime(json, "started", attempt.started.wall);
    WriteDuration(json, "started_since_boot", attempt.started.since_boot);
    json.String("ending", NameOf(attempt.ending));
    if (attempt.on_trial) json.Bool("on_trial", true);
    if (attempt.failed_scope != QuarantineScope::kNone) {
      json.Uint("failed_scope", static_cast<std::uint64_t>(attempt.failed_scope));
    }
    if (attempt.forced) json.Bool("forced", true);
    if (attempt.passes_slot_cap) json.Bool("passes_slot_cap", true);
    if (attempt.ended.has_value()) {
      WriteTime(json, "ended", attempt.ended->wall);
      WriteDuration(json, "ended_since_boot", attempt.ended->since_boot);
    }
  });
  return std::move(json).Build();
}

SecretString WritePayload(const StoredQuarantine& quarantine) {
  const QuarantineEntry& entry = quarantine.entry;
  JsonWriter json;
  json.Object([&] {
    json.String("scope", quarantine.scope)
        .String("reason", ReasonName(entry.reason))
        .String("bill_code", entry.bill_code);
    WriteTime(json, "since", entry.since);
    if (entry.until.has_value()) WriteTime(json, "until", *entry.until);
    if (entry.lapses.has_value()) WriteDuration(json, "lapses", *entry.lapses);
    if (!entry.organization_id.empty()) json.String("organization_id", entry.organization_id);
    json.Uint("kind", static_cast<std::uint64_t>(entry.scope));
    WriteHistory(json.Key("history"), entry.history);
  });
  return std::move(json).Build();
}

SecretString WritePayload(const StoredAuditHead& head) {
  JsonWriter json;
  json.Object([&] { json.Uint("sequence", head.sequence).String("mac", head.mac); });
  return std::move(json).Build();
}

SecretString WritePayload(const StoredAcceptedSecret& secret) {
  JsonWriter json;
  json.Object([&] {
    WriteUser(json.Key("user"), secret.user);
    json.String("secret_id", secret.secret_id);
  });
  return std::move(json).Build();
}

SecretString WritePayload(const StoredSuspension& suspension) {
  JsonWriter json;
  json.Object([&] {
    WriteDevKey(json.Key("dev_key"), suspension.dev_key);
    WriteTime(json, "until", suspension.until.wall);
    WriteDuration(json, "until_since_boot", suspension.until.since_boot);
    if (suspension.checks) json.Bool("checks", true);
  });
  return std::move(json).Build();
}

bool ReadPayload(const SecretString& payload, StoredSlot& slot) {
  JsonReader json(payload.Reveal());
  const auto read_session = [&] {
    auto session = std::make_shared<Session>();
    session->organization_id = slot.organization_id;
    if (!ReadSession(json, *session)) return false;
    slot.session = std::move(session);
    return true;
  };
  const JsonFault fault = ReadObject(
      json,
      {{"place", [&] { return json.Uint(slot.place); }},
       {"logged_out", [&] { return json.Bool(slot.logged_out); }, kOptional},
       {"in_doubt", [&] { return json.Bool(slot.in_doubt); }, kOptional},
       {"accepted_dev_key_id", [&] { return json.Text(slot.accepted_dev_key_id); }, kOptional},
       {"session", read_session, kOptional}});
  return fault.ok() && json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredAttempt& attempt) {
  JsonReader json(payload.Reveal());
  AttemptTimes times;
  const auto credential_uid = [&] { return json.Text(attempt.slot.credential_uid); };
  const auto organization_id = [&] { return json.Text(attempt.slot.organization_id); };
  const JsonFault fault = ReadObject(
      json, {{"credential_uid", credential_uid},
             {"organization_id", organization_id},
             {"principal", [&] { return json.Text(attempt.principal); }},
             {"dev_key", [&] { return ReadDevKey(json, attempt.dev_key); }},
             {"user", [&] { return ReadUser(json, attempt.user); }},
             {"secret_id", [&] { return json.Text(attempt.secret_id); }},
             {"started", [&] { return ReadTime(json, times.started); }},
             {"started_since_boot", [&] { return ReadDuration(json, times.started_since_boot); }},
             {"ending", [&] { return ReadEnding(json, attempt.ending); }},
             {"on_trial", [&] { return json.Bool(attempt.on_trial); }, kOptional},
             {"failed_scope", [&] { return ReadScope(json, attempt.failed_scope); }, kOptional},
             {"forced", [&] { return json.Bool(attempt.forced); }, kOptional},
             {"passes_slot_cap", [&] { return json.Bool(attempt.passes_slot_cap); }, kOptional},
             {"ended", [&] { return ReadTime(json, times.ended.emplace()); }, kOptional},
             {"ended_since_boot",
              [&] { return ReadDuration(json, times.ended_since_boot.emplace()); }, kOptional}});
  return fault.ok() && json.AtEnd() && times.SetIn(attempt);
}

bool ReadPayloadVersion1(const SecretString& payload, StoredAttempt& attempt) {
  JsonReader json(payload.Reveal());
  AttemptTimes times;
  std::string dev_key;
  std::string user;
  const JsonFault fault = ReadObject(
      json, {{"dev_key", [&] { return json.Text(dev_key); }},
             {"user", [&] { return json.Text(user); }},
             {"secret_id", [&] { return json.Text(attempt.secret_id); }},
             {"started", [&] { return ReadTime(json, times.started); }},
             {"started_since_boot", [&] { return ReadDuration(json, times.started_since_boot); }},
             {"ending", [&] { return ReadEnding(json, attempt.ending); }},
             {"ended", [&] { return ReadTime(json, times.ended.emplace()); }, kOptional},
             {"ended_since_boot",
              [&] { return ReadDuration(json, times.ended_since_boot.emplace()); }, kOptional}});
  attempt.dev_key = DevKeyBudgetIdFromJoined(dev_key);
  attempt.user = UserIdFromJoined(user);
  return fault.ok() && json.AtEnd() && times.SetIn(attempt);
}

bool ReadPayload(const SecretString& payload, StoredQuarantine& quarantine) {
  QuarantineEntry& entry = quarantine.entry;
  JsonReader json(payload.Reveal());
  const JsonFault fault = ReadObject(
      json, {{"scope", [&] { return json.Text(quarantine.scope); }},
             {"reason", [&] { return ReadReason(json, entry.reason); }},
             {"bill_code", [&] { return json.Text(entry.bill_code); }},
             {"since", [&] { return ReadTime(json, entry.since); }},
             {"until", [&] { return ReadTime(json, entry.until.emplace()); }, kOptional},
             {"lapses", [&] { return ReadDuration(json, entry.lapses.emplace()); }, kOptional},
             {"organization_id", [&] { return json.Text(entry.organization_id); }, kOptional},
             {"kind", [&] { return ReadScope(json, entry.scope); }, kOptional},
             {"history", [&] { return ReadHistory(json, entry.history); }, kOptional}});
  return fault.ok() && json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredAuditHead& head) {
  JsonReader json(payload.Reveal());
  const JsonFault fault = ReadObject(json, {{"sequence", [&] { return json.Uint(head.sequence); }},
                                            {"mac", [&] { return json.Text(head.mac); }}});
  return fault.ok() && json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredAcceptedSecret& secret) {
  JsonReader json(payload.Reveal());
  const JsonFault fault =
      ReadObject(json, {{"user", [&] { return ReadUser(json, secret.user); }},
                        {"secret_id", [&] { return json.Text(secret.secret_id); }}});
  return fault.ok() && json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredSuspension& suspension) {
  JsonReader json(payload.Reveal());
  Moment& until = suspension.until;
  const JsonFault fault =
      ReadObject(json, {{"dev_key", [&] { return ReadDevKey(json, suspension.dev_key); }},
                        {"until", [&] { return ReadTime(json, until.wall); }},
                        {"until_since_boot", [&] { return ReadDuration(json, until.since_boot); }},
                        {"checks", [&] { return json.Bool(suspension.checks); }, kOptional}});
  return fault.ok() && json.AtEnd();
}

}  // namespace billbroker

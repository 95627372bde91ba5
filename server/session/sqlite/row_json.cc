#include "server/session/sqlite/row_json.h"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/session/joined_keys.h"
#include "vault/base/error.h"
#include "vault/base/json/json_reader.h"
#include "vault/base/json/json_string.h"

namespace billbroker {
namespace {

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

class Writer final {
 public:
  Writer& Text(absl::string_view key, absl::string_view value) {
    AppendJsonString(Key(key), value);
    return *this;
  }
  Writer& Uint(absl::string_view key, std::uint64_t value) {
    Key(key).Append(absl::StrCat(value));
    return *this;
  }
  Writer& Bool(absl::string_view key, bool value) {
    Key(key).Append(value ? "true" : "false");
    return *this;
  }
  Writer& Object(absl::string_view key, const SecretString& json) {
    Key(key).Append(json.Reveal());
    return *this;
  }
  // As text, for the sign; the ends of the range stand for infinity.
  Writer& Duration(absl::string_view key, absl::Duration value) {
    return Text(key, absl::StrCat(absl::ToInt64Nanoseconds(value)));
  }
  Writer& Time(absl::string_view key, absl::Time value) {
    return Duration(key, value - absl::UnixEpoch());
  }
  SecretString Build() && {
    text_.Append("}");
    return std::move(text_).Build();
  }

 private:
  SecretBuilder& Key(absl::string_view key) {
    text_.Append(text_.size() == 0 ? "{\"" : ",\"").Append(key).Append("\":");
    return text_;
  }

  SecretBuilder text_;
};

struct Member {
  absl::string_view key;
  absl::FunctionRef<bool()> read;
  bool optional = false;
};

// Reads an object that has every member once, in any order, and no other.
bool ReadMembers(JsonReader& json, std::initializer_list<Member> members) {
  std::uint64_t seen = 0;
  const bool well_formed = json.Object([&](absl::string_view key) {
    std::uint64_t bit = 1;
    for (const Member& member : members) {
      if (member.key == key && (seen & bit) == 0) {
        seen |= bit;
        return member.read();
      }
      bit <<= 1;
    }
    return false;
  });
  std::uint64_t bit = 1;
  for (const Member& member : members) {
    if (!member.optional && (seen & bit) == 0) return false;
    bit <<= 1;
  }
  return well_formed;
}

bool Text(JsonReader& json, std::string& to) {
  SecretString value;
  if (!json.String(value)) return false;
  to = std::string(value.Reveal());
  return true;
}

bool Secret(JsonReader& json, std::shared_ptr<const SecretString>& to) {
  auto value = std::make_shared<SecretString>();
  if (!json.String(*value)) return false;
  to = std::move(value);
  return true;
}

bool Duration(JsonReader& json, absl::Duration& to) {
  SecretString text;
  std::int64_t nanoseconds = 0;
  if (!json.String(text) || !absl::SimpleAtoi(text.Reveal(), &nanoseconds)) return false;
  using Limits = std::numeric_limits<std::int64_t>;
  to = nanoseconds == Limits::max()   ? absl::InfiniteDuration()
       : nanoseconds == Limits::min() ? -absl::InfiniteDuration()
                                      : absl::Nanoseconds(nanoseconds);
  return true;
}

bool Time(JsonReader& json, absl::Time& to) {
  absl::Duration since_epoch;
  if (!Duration(json, since_epoch)) return false;
  to = absl::UnixEpoch() + since_epoch;
  return true;
}

bool EndingNamed(JsonReader& json, Ending& to) {
  std::string name;
  if (!Text(json, name)) return false;
  for (const auto& [value, known] : kEndings) {
    if (known == name) {
      to = value;
      return true;
    }
  }
  return false;
}

bool ReasonOf(JsonReader& json, Reason& to) {
  std::string name;
  if (!Text(json, name)) return false;
  const absl::optional<Reason> reason = ReasonNamed(name);
  if (reason.has_value()) to = *reason;
  return reason.has_value();
}

bool ScopeOf(JsonReader& json, QuarantineScope& to) {
  std::uint64_t number = 0;
  if (!json.Uint(number) ||
      number > static_cast<std::uint64_t>(QuarantineScope::kOrganizationLockout)) {
    return false;
  }
  to = static_cast<QuarantineScope>(number);
  return true;
}

SecretString WriteSession(const Session& session) {
  Writer writer;
  writer.Text("environment", session.keys.environment)
      .Text("session_id", session.keys.session_id->Reveal())
      .Text("dev_key", session.keys.dev_key->Reveal())
      .Text("dev_key_id", session.dev_key_id)
      .Text("credential", session.credential)
      .Uint("version", session.version)
      .Text("user_id", session.user_id)
      .Text("base_url", session.base_url)
      .Bool("trusted", session.trusted)
      .Uint("generation", session.generation)
      .Uint("first_generation", session.first_generation)
      .Time("sign_in_time", session.sign_in_time)
      .Time("verified_time", session.verified_time)
      .Time("expire_time", session.expire_time)
      .Duration("signed_in", session.signed_in)
      .Duration("deadline", session.deadline);
  return std::move(writer).Build();
}

bool ReadSession(JsonReader& json, Session& to) {
  return ReadMembers(json, {{"environment", [&] { return Text(json, to.keys.environment); }},
                            {"session_id", [&] { return Secret(json, to.keys.session_id); }},
                            {"dev_key", [&] { return Secret(json, to.keys.dev_key); }},
                            {"dev_key_id", [&] { return Text(json, to.dev_key_id); }},
                            {"credential", [&] { return Text(json, to.credential); }},
                            {"version", [&] { return json.Uint(to.version); }, true},
                            {"user_id", [&] { return Text(json, to.user_id); }},
                            {"base_url", [&] { return Text(json, to.base_url); }},
                            {"trusted", [&] { return json.Bool(to.trusted); }},
                            {"generation", [&] { return json.Uint(to.generation); }},
                            {"first_generation", [&] { return json.Uint(to.first_generation); }},
                            {"sign_in_time", [&] { return Time(json, to.sign_in_time); }},
                            {"verified_time", [&] { return Time(json, to.verified_time); }},
                            {"expire_time", [&] { return Time(json, to.expire_time); }},
                            {"signed_in", [&] { return Duration(json, to.signed_in); }},
                            {"deadline", [&] { return Duration(json, to.deadline); }}});
}

SecretString WriteUser(const UserId& user) {
  Writer writer;
  writer.Text("environment", user.environment)
      .Text("username", user.username)
      .Text("acting_as", user.acting_as);
  return std::move(writer).Build();
}

bool ReadUser(JsonReader& json, UserId& to) {
  return ReadMembers(json, {{"environment", [&] { return Text(json, to.environment); }},
                            {"username", [&] { return Text(json, to.username); }},
                            {"acting_as", [&] { return Text(json, to.acting_as); }}});
}

SecretString WriteDevKey(const DevKeyBudgetId& dev_key) {
  Writer writer;
  writer.Text("environment", dev_key.environment).Text("dev_key_id", dev_key.dev_key_id);
  return std::move(writer).Build();
}

bool ReadDevKey(JsonReader& json, DevKeyBudgetId& to) {
  return ReadMembers(json, {{"environment", [&] { return Text(json, to.environment); }},
                            {"dev_key_id", [&] { return Text(json, to.dev_key_id); }}});
}

SecretString WriteHistory(const SignInHistory& history) {
  Writer writer;
  writer.Bool("secret_accepted", history.secret_accepted)
      .Bool("secret_accepted_elsewhere", history.secret_accepted_elsewhere)
      .Bool("dev_key_worked_here", history.dev_key_worked_here)
      .Bool("dev_key_worked_anywhere", history.dev_key_worked_anywhere)
      .Bool("dev_key_refused_elsewhere", history.dev_key_refused_elsewhere);
  return std::move(writer).Build();
}

bool ReadHistory(JsonReader& json, SignInHistory& to) {
  return ReadMembers(
      json,
      {{"secret_accepted", [&] { return json.Bool(to.secret_accepted); }},
       {"secret_accepted_elsewhere", [&] { return json.Bool(to.secret_accepted_elsewhere); }},
       {"dev_key_worked_here", [&] { return json.Bool(to.dev_key_worked_here); }},
       {"dev_key_worked_anywhere", [&] { return json.Bool(to.dev_key_worked_anywhere); }},
       {"dev_key_refused_elsewhere", [&] { return json.Bool(to.dev_key_refused_elsewhere); }}});
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
  Writer writer;
  writer.Uint("place", slot.place);
  if (slot.logged_out) writer.Bool("logged_out", true);
  if (slot.in_doubt) writer.Bool("in_doubt", true);
  if (!slot.accepted_dev_key_id.empty()) {
    writer.Text("accepted_dev_key_id", slot.accepted_dev_key_id);
  }
  if (slot.session != nullptr) writer.Object("session", WriteSession(*slot.session));
  return std::move(writer).Build();
}

SecretString WritePayload(const StoredAttempt& attempt) {
  Writer writer;
  writer.Text("credential_uid", attempt.slot.credential_uid)
      .Text("organization_id", attempt.slot.organization_id)
      .Text("principal", attempt.principal)
      .Object("dev_key", WriteDevKey(attempt.dev_key))
      .Object("user", WriteUser(attempt.user))
      .Text("secret_id", attempt.secret_id)
      .Time("started", attempt.started.wall)
      .Duration("started_since_boot", attempt.started.since_boot)
      .Text("ending", NameOf(attempt.ending));
  if (attempt.on_trial) writer.Bool("on_trial", true);
  if (attempt.ended.has_value()) {
    writer.Time("ended", attempt.ended->wall)
        .Duration("ended_since_boot", attempt.ended->since_boot);
  }
  return std::move(writer).Build();
}

SecretString WritePayload(const StoredQuarantine& quarantine) {
  const QuarantineEntry& entry = quarantine.entry;
  Writer writer;
  writer.Text("scope", quarantine.scope)
      .Text("reason", ReasonName(entry.reason))
      .Text("bill_code", entry.bill_code)
      .Time("since", entry.since);
  if (entry.until.has_value()) writer.Time("until", *entry.until);
  if (entry.lapses.has_value()) writer.Duration("lapses", *entry.lapses);
  if (!entry.organization_id.empty()) writer.Text("organization_id", entry.organization_id);
  writer.Uint("kind", static_cast<std::uint64_t>(entry.scope));
  return std::move(writer.Object("history", WriteHistory(entry.history))).Build();
}

SecretString WritePayload(const StoredAuditHead& head) {
  Writer writer;
  writer.Uint("sequence", head.sequence).Text("mac", head.mac);
  return std::move(writer).Build();
}

SecretString WritePayload(const StoredAcceptedSecret& secret) {
  Writer writer;
  writer.Object("user", WriteUser(secret.user)).Text("secret_id", secret.secret_id);
  return std::move(writer).Build();
}

SecretString WritePayload(const StoredSuspension& suspension) {
  Writer writer;
  writer.Object("dev_key", WriteDevKey(suspension.dev_key))
      .Time("until", suspension.until.wall)
      .Duration("until_since_boot", suspension.until.since_boot);
  return std::move(writer).Build();
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
  return ReadMembers(json, {{"place", [&] { return json.Uint(slot.place); }},
                            {"logged_out", [&] { return json.Bool(slot.logged_out); }, true},
                            {"in_doubt", [&] { return json.Bool(slot.in_doubt); }, true},
                            {"accepted_dev_key_id",
                             [&] { return Text(json, slot.accepted_dev_key_id); }, true},
                            {"session", read_session, true}}) &&
         json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredAttempt& attempt) {
  JsonReader json(payload.Reveal());
  AttemptTimes times;
  const auto credential_uid = [&] { return Text(json, attempt.slot.credential_uid); };
  const auto organization_id = [&] { return Text(json, attempt.slot.organization_id); };
  return ReadMembers(
             json,
             {{"credential_uid", credential_uid},
              {"organization_id", organization_id},
              {"principal", [&] { return Text(json, attempt.principal); }},
              {"dev_key", [&] { return ReadDevKey(json, attempt.dev_key); }},
              {"user", [&] { return ReadUser(json, attempt.user); }},
              {"secret_id", [&] { return Text(json, attempt.secret_id); }},
              {"started", [&] { return Time(json, times.started); }},
              {"started_since_boot", [&] { return Duration(json, times.started_since_boot); }},
              {"ending", [&] { return EndingNamed(json, attempt.ending); }},
              {"on_trial", [&] { return json.Bool(attempt.on_trial); }, true},
              {"ended", [&] { return Time(json, times.ended.emplace()); }, true},
              {"ended_since_boot", [&] { return Duration(json, times.ended_since_boot.emplace()); },
               true}}) &&
         json.AtEnd() && times.SetIn(attempt);
}

bool ReadPayloadVersion1(const SecretString& payload, StoredAttempt& attempt) {
  JsonReader json(payload.Reveal());
  AttemptTimes times;
  std::string dev_key;
  std::string user;
  const bool read = ReadMembers(
      json, {{"dev_key", [&] { return Text(json, dev_key); }},
             {"user", [&] { return Text(json, user); }},
             {"secret_id", [&] { return Text(json, attempt.secret_id); }},
             {"started", [&] { return Time(json, times.started); }},
             {"started_since_boot", [&] { return Duration(json, times.started_since_boot); }},
             {"ending", [&] { return EndingNamed(json, attempt.ending); }},
             {"ended", [&] { return Time(json, times.ended.emplace()); }, true},
             {"ended_since_boot", [&] { return Duration(json, times.ended_since_boot.emplace()); },
              true}});
  attempt.dev_key = DevKeyBudgetIdFromJoined(dev_key);
  attempt.user = UserIdFromJoined(user);
  return read && json.AtEnd() && times.SetIn(attempt);
}

bool ReadPayload(const SecretString& payload, StoredQuarantine& quarantine) {
  QuarantineEntry& entry = quarantine.entry;
  JsonReader json(payload.Reveal());
  return ReadMembers(json,
                     {{"scope", [&] { return Text(json, quarantine.scope); }},
                      {"reason", [&] { return ReasonOf(json, entry.reason); }},
                      {"bill_code", [&] { return Text(json, entry.bill_code); }},
                      {"since", [&] { return Time(json, entry.since); }},
                      {"until", [&] { return Time(json, entry.until.emplace()); }, true},
                      {"lapses", [&] { return Duration(json, entry.lapses.emplace()); }, true},
                      {"organization_id", [&] { return Text(json, entry.organization_id); }, true},
                      {"kind", [&] { return ScopeOf(json, entry.scope); }, true},
                      {"history", [&] { return ReadHistory(json, entry.history); }, true}}) &&
         json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredAuditHead& head) {
  JsonReader json(payload.Reveal());
  return ReadMembers(json, {{"sequence", [&] { return json.Uint(head.sequence); }},
                            {"mac", [&] { return Text(json, head.mac); }}}) &&
         json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredAcceptedSecret& secret) {
  JsonReader json(payload.Reveal());
  return ReadMembers(json, {{"user", [&] { return ReadUser(json, secret.user); }},
                            {"secret_id", [&] { return Text(json, secret.secret_id); }}}) &&
         json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredSuspension& suspension) {
  JsonReader json(payload.Reveal());
  Moment& until = suspension.until;
  return ReadMembers(json,
                     {{"dev_key", [&] { return ReadDevKey(json, suspension.dev_key); }},
                      {"until", [&] { return Time(json, until.wall); }},
                      {"until_since_boot", [&] { return Duration(json, until.since_boot); }}}) &&
         json.AtEnd();
}

}  // namespace billbroker

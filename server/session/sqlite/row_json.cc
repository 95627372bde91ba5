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
#include "vault/base/error.h"
#include "vault/secret_json.h"

namespace billbroker {
namespace {

using Ending = SignInGate::Ending;

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

// Every member once, in any order, and no other.
bool ReadMembers(SecretJsonReader& json, std::initializer_list<Member> members) {
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

bool Text(SecretJsonReader& json, std::string& to) {
  SecretString value;
  if (!json.String(value)) return false;
  to = std::string(value.Reveal());
  return true;
}

bool Secret(SecretJsonReader& json, std::shared_ptr<const SecretString>& to) {
  auto value = std::make_shared<SecretString>();
  if (!json.String(*value)) return false;
  to = std::move(value);
  return true;
}

bool Duration(SecretJsonReader& json, absl::Duration& to) {
  SecretString text;
  std::int64_t nanoseconds = 0;
  if (!json.String(text) || !absl::SimpleAtoi(text.Reveal(), &nanoseconds)) return false;
  using Limits = std::numeric_limits<std::int64_t>;
  to = nanoseconds == Limits::max()   ? absl::InfiniteDuration()
       : nanoseconds == Limits::min() ? -absl::InfiniteDuration()
                                      : absl::Nanoseconds(nanoseconds);
  return true;
}

bool Time(SecretJsonReader& json, absl::Time& to) {
  absl::Duration since_epoch;
  if (!Duration(json, since_epoch)) return false;
  to = absl::UnixEpoch() + since_epoch;
  return true;
}

bool EndingNamed(SecretJsonReader& json, Ending& to) {
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

bool ReasonOf(SecretJsonReader& json, Reason& to) {
  std::string name;
  if (!Text(json, name)) return false;
  const absl::optional<Reason> reason = ReasonNamed(name);
  if (reason.has_value()) to = *reason;
  return reason.has_value();
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

bool ReadSession(SecretJsonReader& json, Session& to) {
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

}  // namespace

SecretString WritePayload(const StoredSlot& slot) {
  Writer writer;
  writer.Uint("place", slot.place);
  if (slot.logged_out) writer.Bool("logged_out", true);
  if (slot.session != nullptr) writer.Object("session", WriteSession(*slot.session));
  return std::move(writer).Build();
}

SecretString WritePayload(const StoredAttempt& attempt) {
  Writer writer;
  writer.Text("dev_key", attempt.dev_key)
      .Text("user", attempt.user)
      .Text("secret_id", attempt.secret_id)
      .Time("started", attempt.started.wall)
      .Duration("started_since_boot", attempt.started.since_boot)
      .Text("ending", NameOf(attempt.ending));
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
  return std::move(writer).Build();
}

SecretString WritePayload(const StoredAuditHead& head) {
  Writer writer;
  writer.Uint("sequence", head.sequence).Text("mac", head.mac);
  return std::move(writer).Build();
}

bool ReadPayload(const SecretString& payload, StoredSlot& slot) {
  SecretJsonReader json(payload.Reveal());
  const auto read_session = [&] {
    auto session = std::make_shared<Session>();
    session->organization_id = slot.organization_id;
    if (!ReadSession(json, *session)) return false;
    slot.session = std::move(session);
    return true;
  };
  return ReadMembers(json, {{"place", [&] { return json.Uint(slot.place); }},
                            {"logged_out", [&] { return json.Bool(slot.logged_out); }, true},
                            {"session", read_session, true}}) &&
         json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredAttempt& attempt) {
  absl::optional<absl::Time> ended;
  absl::optional<absl::Duration> ended_since_boot;
  SecretJsonReader json(payload.Reveal());
  const auto read_ended = [&] { return Time(json, ended.emplace()); };
  const auto read_ended_since_boot = [&] { return Duration(json, ended_since_boot.emplace()); };
  const bool read = ReadMembers(
      json, {{"dev_key", [&] { return Text(json, attempt.dev_key); }},
             {"user", [&] { return Text(json, attempt.user); }},
             {"secret_id", [&] { return Text(json, attempt.secret_id); }},
             {"started", [&] { return Time(json, attempt.started.wall); }},
             {"started_since_boot", [&] { return Duration(json, attempt.started.since_boot); }},
             {"ending", [&] { return EndingNamed(json, attempt.ending); }},
             {"ended", read_ended, true},
             {"ended_since_boot", read_ended_since_boot, true}});
  if (!read || !json.AtEnd() || ended.has_value() != ended_since_boot.has_value()) return false;
  if (ended.has_value()) attempt.ended = Moment{*ended, *ended_since_boot};
  return true;
}

bool ReadPayload(const SecretString& payload, StoredQuarantine& quarantine) {
  QuarantineEntry& entry = quarantine.entry;
  SecretJsonReader json(payload.Reveal());
  return ReadMembers(json,
                     {{"scope", [&] { return Text(json, quarantine.scope); }},
                      {"reason", [&] { return ReasonOf(json, entry.reason); }},
                      {"bill_code", [&] { return Text(json, entry.bill_code); }},
                      {"since", [&] { return Time(json, entry.since); }},
                      {"until", [&] { return Time(json, entry.until.emplace()); }, true},
                      {"lapses", [&] { return Duration(json, entry.lapses.emplace()); }, true}}) &&
         json.AtEnd();
}

bool ReadPayload(const SecretString& payload, StoredAuditHead& head) {
  SecretJsonReader json(payload.Reveal());
  return ReadMembers(json, {{"sequence", [&] { return json.Uint(head.sequence); }},
                            {"mac", [&] { return Text(json, head.mac); }}}) &&
         json.AtEnd();
}

}  // namespace billbroker

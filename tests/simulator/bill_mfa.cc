#include <algorithm>

#include "tests/simulator/bill.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

// Reads a boolean, which some clients send as a string.
void ReadFlag(JsonFields& fields, const char* key, bool& into) {
  const json* field = fields.Find(key);
  if (field == nullptr) return;
  if (*field == "true" || *field == "false") {
    into = *field == "true";
  } else {
    fields.Read(key, into);
  }
}

constexpr char kIdAlphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

}  // namespace

bool Bill::IsTrustedDevice(const User& user, const std::string& remember_me_id,
                           const std::string& device, absl::Time now) const {
  const auto& known = user.mfa.trusted_devices;
  return std::any_of(known.begin(), known.end(), [&](const TrustedDevice& trusted) {
    const bool expired = trusted.expires.has_value() && *trusted.expires <= now;
    const bool same_device = trusted.device.empty() || trusted.device == device;
    return trusted.remember_me_id == remember_me_id && same_device && !expired;
  });
}

absl::optional<HttpAnswer> Bill::SendToken(const SessionCall& on, const std::string& phone,
                                           std::string& id) {
  const std::string& username = on.session.username;
  if (messages_.Count(username, on.now) >= settings_.sms_per_minute) {
    return RefuseUntil(messages_.UntilFree(username, settings_.sms_per_minute, on.now), on.now);
  }
  messages_.Add(username, on.now);
  const absl::Time oldest = on.now - 2 * settings_.mfa_challenge;
  std::erase_if(challenges_,
                [oldest](const auto& entry) { return entry.second.created <= oldest; });
  id = random_.Uid();
  challenges_[id] = Challenge{on.session.id, on.now, 0, phone};
  return absl::nullopt;
}

HttpAnswer Bill::StartChallenge(const SessionCall& on) {
  bool use_backup = false;
  if (!on.call.body.empty()) {
    const json body = json::parse(on.call.body, nullptr, false);
    JsonFields fields(body, "");
    ReadFlag(fields, "useBackup", use_backup);
    if (!fields.status().ok() || use_backup) return Refuse(settings_.malformed_code, on.now);
  }
  const Mfa& mfa = world_.users[on.session.username].mfa;
  if (!mfa.enrolled || on.session.sync_token) return Refuse("BDC_1354", on.now);
  std::string id;
  auto refusal = SendToken(on, "", id);
  if (refusal.has_value()) return *std::move(refusal);
  HttpAnswer answer;
  answer.body = JsonText({{"challengeId", id}});
  return answer;
}

std::string Bill::RefusalOfToken(const SessionCall& on, const std::string& id,
                                 const std::string& token) {
  const auto found = challenges_.find(id);
  if (found == challenges_.end() || found->second.session_id != on.session.id ||
      found->second.created + settings_.mfa_challenge <= on.now) {
    return settings_.mfa_expired_code;
  }
  Challenge& challenge = found->second;
  if (challenge.wrong_tokens >= settings_.mfa_tries) return "BDC_1358";
  if (token != world_.users[on.session.username].mfa.token) {
    ++challenge.wrong_tokens;
    return settings_.mfa_wrong_token_code;
  }
  challenges_.erase(found);
  return "";
}

HttpAnswer Bill::ValidateChallenge(const SessionCall& on) {
  const json body = json::parse(on.call.body, nullptr, false);
  JsonFields fields(body, "");
  std::string challenge_id, token, device, machine_name;
  bool remember_me = false;
  fields.Require("challengeId", challenge_id);
  fields.Require("token", token);
  fields.Read("device", device);
  fields.Read("machineName", machine_name);
  ReadFlag(fields, "rememberMe", remember_me);
  if (!fields.status().ok()) return Refuse(settings_.malformed_code, on.now);
  const std::string code = RefusalOfToken(on, challenge_id, token);
  if (!code.empty()) return Refuse(code, on.now);

  if (settings_.mfa_validate_trusts_session) on.session.trusted = true;
  json result = json::object();
  if (remember_me || settings_.mfa_id_without_remember_me) {
    const std::string id = NewId(kIdAlphabet, settings_.remember_me_id_length);
    result[settings_.mfa_answer_field] = id;
    Mfa& mfa = world_.users[on.session.username].mfa;
    if (remember_me) {
      mfa.trusted_devices.push_back({id, device, on.now + settings_.remember_me});
    } else {
      on.session.mfa_id = id;
    }
  }
  HttpAnswer answer;
  answer.body = JsonText(result);
  return answer;
}

HttpAnswer Bill::StepUp(const SessionCall& on) {
  const json body = json::parse(on.call.body, nullptr, false);
  JsonFields fields(body, "");
  std::string remember_me_id, device;
  fields.Require("rememberMeId", remember_me_id);
  fields.Require("device", device);
  if (!fields.status().ok()) return Refuse(settings_.malformed_code, on.now);
  const User& user = world_.users[on.session.username];
  const bool was_trusted = on.session.trusted;
  const bool known =
      remember_me_id == on.session.mfa_id || IsTrustedDevice(user, remember_me_id, device, on.now);
  if (!on.session.sync_token && known) on.session.trusted = true;
  const bool denies = was_trusted && settings_.step_up_false_when_trusted;
  HttpAnswer answer;
  answer.body = JsonText({{"trusted", on.session.trusted && !denies}});
  return answer;
}

HttpAnswer Bill::ListPhones(const SessionCall& on) {
  const Mfa& mfa = world_.users[on.session.username].mfa;
  json phones = json::array();
  if (mfa.enrolled) {
    const std::string& phone = mfa.phone;
    phones.push_back(
        {{"type", "MOBILE"},
         {"last4digits", phone.substr(phone.size() - std::min<std::size_t>(4, phone.size()))},
         {"primary", true}});
  }
  HttpAnswer answer;
  answer.body = JsonText({{"results", phones}});
  return answer;
}

HttpAnswer Bill::SetUpMfa(const SessionCall& on) {
  const json body = json::parse(on.call.body, nullptr, false);
  JsonFields fields(body, "");
  std::string phone, type;
  bool primary = true;
  fields.Require("phone", phone);
  fields.Require("type", type);
  ReadFlag(fields, "primary", primary);
  const bool known_type = type == "TEXT" || type == "VOICE";
  if (!fields.status().ok() || !known_type || !primary) {
    return Refuse(settings_.malformed_code, on.now);
  }
  const Mfa& mfa = world_.users[on.session.username].mfa;
  if (mfa.enrolled) return Refuse(settings_.mfa_enrolled_code, on.now);
  std::string id;
  auto refusal = SendToken(on, phone, id);
  if (refusal.has_value()) return *std::move(refusal);
  HttpAnswer answer;
  answer.body = JsonText({{"setupId", id}});
  return answer;
}

HttpAnswer Bill::ValidateSetup(const SessionCall& on) {
  const json body = json::parse(on.call.body, nullptr, false);
  JsonFields fields(body, "");
  std::string setup_id, type, token;
  fields.Require("setupId", setup_id);
  fields.Require("type", type);
  fields.Require("token", token);
  if (!fields.status().ok()) return Refuse(settings_.malformed_code, on.now);
  const auto found = challenges_.find(setup_id);
  const std::string phone = found == challenges_.end() ? "" : found->second.phone;
  const bool right = !phone.empty() && RefusalOfToken(on, setup_id, token).empty();
  if (right) {
    Mfa& mfa = world_.users[on.session.username].mfa;
    mfa.enrolled = true;
    mfa.phone = phone;
  }
  HttpAnswer answer;
  answer.body = JsonText({{"status", right ? "SUCCESS" : "FAILED"}});
  return answer;
}

}  // namespace billbroker::billsim

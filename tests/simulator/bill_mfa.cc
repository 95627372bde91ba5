#include <algorithm>

#include "tests/simulator/bill.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {

using nlohmann::json;

bool Bill::IsTrustedDevice(const User& user, const std::string& remember_me_id,
                           const std::string& device, absl::Time now) const {
  const auto& known = user.mfa.trusted_devices;
  return std::any_of(known.begin(), known.end(), [&](const TrustedDevice& trusted) {
    const bool expired = trusted.expires.has_value() && *trusted.expires <= now;
    return trusted.remember_me_id == remember_me_id && trusted.device == device && !expired;
  });
}

HttpAnswer Bill::StartChallenge(const SessionCall& on) {
  const Mfa& mfa = world_.users[on.session.username].mfa;
  if (!mfa.enrolled || on.session.sync_token) return Refuse("BDC_1354", on.now);
  const std::string& username = on.session.username;
  if (messages_.Count(username, on.now) >= settings_.sms_per_minute) {
    return RefuseUntil(messages_.UntilFree(username, settings_.sms_per_minute, on.now), on.now);
  }
  messages_.Add(username, on.now);
  const absl::Time oldest = on.now - 2 * settings_.mfa_challenge;
  std::erase_if(challenges_,
                [oldest](const auto& entry) { return entry.second.created <= oldest; });
  const std::string id = random_.Uid();
  challenges_[id] = Challenge{on.session.id, on.now, 0};
  HttpAnswer answer;
  answer.body = JsonText({{"challengeId", id}});
  return answer;
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
  fields.Read("rememberMe", remember_me);
  if (!fields.Finish().ok()) return Refuse(settings_.malformed_code, on.now);

  const auto found = challenges_.find(challenge_id);
  if (found == challenges_.end() || found->second.session_id != on.session.id ||
      found->second.created + settings_.mfa_challenge <= on.now) {
    return Refuse(settings_.mfa_expired_code, on.now);
  }
  Challenge& challenge = found->second;
  if (challenge.wrong_tokens >= settings_.mfa_tries) return Refuse("BDC_1358", on.now);
  Mfa& mfa = world_.users[on.session.username].mfa;
  if (token != mfa.token) {
    ++challenge.wrong_tokens;
    return Refuse(settings_.mfa_wrong_token_code, on.now);
  }
  challenges_.erase(found);
  on.session.trusted = true;
  json result = json::object();
  if (remember_me) {
    const std::string id = random_.Uid();
    mfa.trusted_devices.push_back({id, device, on.now + settings_.remember_me});
    result[settings_.mfa_answer_field] = id;
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
  if (!fields.Finish().ok()) return Refuse(settings_.malformed_code, on.now);
  const User& user = world_.users[on.session.username];
  if (!on.session.sync_token && IsTrustedDevice(user, remember_me_id, device, on.now)) {
    on.session.trusted = true;
  }
  HttpAnswer answer;
  answer.body = JsonText({{"trusted", on.session.trusted}});
  return answer;
}

}  // namespace billbroker::billsim

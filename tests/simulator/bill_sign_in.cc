#include <cstdint>

#include "absl/strings/numbers.h"
#include "tests/simulator/bill.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {

using nlohmann::json;

HttpAnswer Bill::SignIn(const HttpCall& call, absl::Time now, Slot& slot) {
  const json body = json::parse(call.body, nullptr, false);
  if (body.is_discarded()) return Refuse(settings_.malformed_code, now);
  JsonFields fields(body, "");
  SignInRequest request;
  fields.Require("devKey", request.dev_key);
  fields.Require("username", request.username);
  fields.Require("organizationId", request.organization_id);
  fields.Read("password", request.password);
  fields.Read("consoleApiToken", request.console_api_token);
  fields.Read("rememberMeId", request.remember_me_id);
  fields.Read("device", request.device);
  const bool one_secret = request.password.empty() != request.console_api_token.empty();
  const bool paired = request.remember_me_id.empty() == request.device.empty();
  const bool device_fits = paired || !settings_.device_needs_remember_me_id;
  if (!fields.status().ok() || !one_secret || !device_fits) {
    return Refuse(settings_.malformed_code, now);
  }
  return AdmitAndSignIn(request, now, slot);
}

HttpAnswer Bill::AdmitAndSignIn(const SignInRequest& request, absl::Time now, Slot& slot) {
  const std::string& dev_key = request.dev_key;
  auto refusal = AdmitKey(world_.dev_keys, dev_key, now);
  if (!refusal.has_value()) refusal = SignInsSpent(dev_key, now);
  if (refusal.has_value()) return *std::move(refusal);
  if (!TakeSlot(dev_key, request.organization_id, slot)) return Refuse("BDC_1322", now);

  std::string code = RefusalOfOrganization(request, now);
  if (code.empty()) code = RefusalOfUser(request, now);
  if (code.empty() || settings_.failed_sign_ins_use_window) CountSignIn(dev_key, now);
  return code.empty() ? OpenSession(request, now) : Refuse(code, now);
}

std::string Bill::RefusalOfOrganization(const SignInRequest& request, absl::Time now) {
  const auto found = world_.organizations.find(request.organization_id);
  if (found == world_.organizations.end()) return "BDC_1123";
  Organization& organization = found->second;
  if (!organization.api_enabled) return "BDC_1105";
  if (IsLocked(organization, now)) return "BDC_1107";
  if (!organization.dev_keys.empty() && !Contains(organization.dev_keys, request.dev_key)) {
    return settings_.dev_key_not_for_organization_code;
  }
  return "";
}

std::string Bill::RefusalOfUser(const SignInRequest& request, absl::Time now) {
  const auto found = world_.users.find(request.username);
  if (found == world_.users.end() || found->second.kind == UserKind::kPartner) {
    return settings_.wrong_secret_code;
  }
  User& user = found->second;
  if (IsLocked(user, now)) return "BDC_1110";
  const bool console = user.kind == UserKind::kConsole;
  if (user.secret != (console ? request.console_api_token : request.password)) {
    CountWrongSecret(request.organization_id, user, now);
    return settings_.wrong_secret_code;
  }
  user.failed_sign_ins = 0;
  if (!user.active) return "BDC_1111";
  if (!Contains(user.organizations, request.organization_id)) return settings_.not_a_member_code;
  return "";
}

void Bill::CountWrongSecret(const std::string& organization_id, User& user, absl::Time now) {
  ++user.failed_sign_ins;
  if (settings_.lockout_failures == 0 || user.failed_sign_ins < settings_.lockout_failures) return;
  user.failed_sign_ins = 0;
  const absl::Duration lockout = settings_.lockout;
  const auto lock = [now, lockout](auto& it) {
    it.locked = true;
    if (lockout > absl::ZeroDuration()) it.locked_until = now + lockout;
  };
  if (settings_.lockout_of_organization && !organization_id.empty()) {
    lock(world_.organizations[organization_id]);
  } else {
    lock(user);
  }
}

HttpAnswer Bill::OpenSession(const SignInRequest& request, absl::Time now) {
  const User& user = world_.users[request.username];
  if (settings_.new_sign_in_ends_old) sessions_.EndOf(request.username, request.organization_id);
  BillSession session;
  session.id = NewSessionId();
  session.dev_key = request.dev_key;
  session.organization_id = request.organization_id;
  session.username = request.username;
  session.created = session.last_use = now;
  session.sync_token = user.kind == UserKind::kSyncToken;
  session.trusted =
      !session.sync_token &&
      (user.mfa.bypass || IsTrustedDevice(user, request.remember_me_id, request.device, now));
  HttpAnswer answer;
  answer.body = JsonText({{"sessionId", session.id},
                          {"organizationId", session.organization_id},
                          {"userId", user.user_id},
                          {"trusted", session.trusted}});
  sessions_.Add(std::move(session), settings_);
  return answer;
}

// Each character comes from one byte, two hexadecimal digits, of a random id.
std::string Bill::NewId(absl::string_view alphabet, int length) {
  const auto size = static_cast<std::size_t>(length);
  std::string id;
  while (id.size() < size) {
    const std::string uid = random_.Uid();
    for (std::size_t i = 0; i < uid.size() && id.size() < size; i += 2) {
      std::uint32_t byte = 0;
      (void)absl::SimpleHexAtoi(uid.substr(i, 2), &byte);
      id += alphabet[byte % alphabet.size()];
    }
  }
  return id;
}

std::string Bill::NewSessionId() {
  return NewId(settings_.session_id_alphabet, settings_.session_id_length);
}

HttpAnswer Bill::Logout(const SessionCall& on) {
  sessions_.End(std::string(on.session.id));
  HttpAnswer answer;
  answer.status = settings_.logout_http_status;
  answer.body = settings_.logout_body;
  if (answer.body.empty()) answer.content_type.clear();
  return answer;
}

HttpAnswer Bill::SessionInfo(const SessionCall& on) {
  const User& user = world_.users[on.session.username];
  std::string status = user.mfa.enrolled ? "CHALLENGE" : "SETUP";
  if (on.session.trusted) status = "COMPLETE";
  const bool mfa_enabled = world_.organizations[on.session.organization_id].mfa_enabled;
  if (on.session.sync_token || user.mfa.bypass || !mfa_enabled) status = "DISABLED";
  HttpAnswer answer;
  answer.body = JsonText({{"organizationId", on.session.organization_id},
                          {"userId", user.user_id},
                          {"mfaStatus", status},
                          {"mfaBypass", user.mfa.bypass}});
  return answer;
}

}  // namespace billbroker::billsim

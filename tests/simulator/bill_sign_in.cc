#include <algorithm>
#include <charconv>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/simulator/bill.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

std::string PageToken(std::size_t page) {
  return absl::StrCat("p", absl::Hex(page, absl::kZeroPad8));
}

// The number of the page that PageToken() named; false for a token of another make.
bool ReadPageToken(const std::string& token, std::size_t& page) {
  std::uint32_t number = 0;
  if (token.size() != 9 || token[0] != 'p') return false;
  if (!absl::SimpleHexAtoi(token.substr(1), &number)) return false;
  page = number;
  return true;
}

}  // namespace

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
  const bool device_with_id = request.remember_me_id.empty() == request.device.empty();
  if (!fields.Finish().ok() || !one_secret || !device_with_id) {
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
  if (code.empty() || settings_.failed_sign_ins_use_window) sign_ins_.Add(dev_key, now);
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
  if (found == world_.users.end() || found->second.kind == UserKind::kPartner) return "BDC_1101";
  User& user = found->second;
  if (IsLocked(user, now)) return "BDC_1110";
  const bool console = user.kind == UserKind::kConsole;
  if (user.secret != (console ? request.console_api_token : request.password)) {
    CountWrongSecret(request.organization_id, user, now);
    return "BDC_1101";
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

// Maps each byte of a 128-bit random id, two hexadecimal digits, to one character of the session id.
std::string Bill::NewSessionId() {
  const std::string& alphabet = settings_.session_id_alphabet;
  const auto length = static_cast<std::size_t>(settings_.session_id_length);
  std::string id;
  while (id.size() < length) {
    const std::string uid = random_.Uid();
    for (const char* at = uid.data(); at < uid.data() + uid.size() && id.size() < length; at += 2) {
      unsigned byte = 0;
      std::from_chars(at, at + 2, byte, 16);
      id += alphabet[byte % alphabet.size()];
    }
  }
  return id;
}

HttpAnswer Bill::Logout(const SessionCall& on) {
  sessions_.End(std::string(on.session.id));
  HttpAnswer answer;
  answer.status = settings_.logout_http_status;
  answer.body = settings_.logout_body;
  return answer;
}

HttpAnswer Bill::SessionInfo(const SessionCall& on) {
  const User& user = world_.users[on.session.username];
  std::string status = user.mfa.enrolled ? "CHALLENGE" : "SETUP";
  if (on.session.trusted) status = "COMPLETE";
  if (on.session.sync_token || user.mfa.bypass) status = "DISABLED";
  HttpAnswer answer;
  answer.body = JsonText({{"organizationId", on.session.organization_id},
                          {"userId", user.user_id},
                          {"mfaStatus", status},
                          {"mfaBypass", user.mfa.bypass}});
  return answer;
}

HttpAnswer Bill::ListOrganizations(const SessionCall& on) {
  const std::vector<std::string>& ids = world_.users[on.session.username].organizations;
  const auto wanted = on.call.query.find("page");
  std::size_t page = 0;
  if (wanted != on.call.query.end() && !ReadPageToken(wanted->second, page)) {
    return Refuse(settings_.malformed_code, on.now);
  }
  const auto page_size = static_cast<std::size_t>(settings_.page_size);
  const std::size_t begin = std::min(page * page_size, ids.size());
  const std::size_t end = std::min(begin + page_size, ids.size());
  json items = json::array();
  for (std::size_t i = begin; i < end; ++i) {
    items.push_back({{settings_.organization_id_field, ids[i]},
                     {settings_.organization_name_field, world_.organizations[ids[i]].name}});
  }
  json body = {{settings_.organizations_field, std::move(items)}};
  if (end < ids.size()) body["nextPage"] = PageToken(page + 1);
  if (page > 0) body["prevPage"] = PageToken(page - 1);
  HttpAnswer answer;
  answer.body = JsonText(body);
  return answer;
}

}  // namespace billbroker::billsim

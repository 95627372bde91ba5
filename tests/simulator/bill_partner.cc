#include <algorithm>

#include "tests/simulator/bill.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {

using nlohmann::json;

HttpAnswer Bill::PartnerSignIn(const HttpCall& call, absl::Time now, Slot& slot) {
  const json body = json::parse(call.body, nullptr, false);
  if (body.is_discarded()) return Refuse(settings_.malformed_code, now);
  JsonFields fields(body, "");
  PartnerRequest request;
  fields.Require("appKey", request.app_key);
  fields.Require("username", request.username);
  fields.Require("password", request.password);
  if (!fields.status().ok()) return Refuse(settings_.malformed_code, now);
  auto refusal = AdmitKey(world_.app_keys, request.app_key, now);
  if (!refusal.has_value()) refusal = SignInsSpent(request.app_key, now);
  if (refusal.has_value()) return *std::move(refusal);
  if (!TakeSlot(request.app_key, "", slot)) return Refuse("BDC_1322", now);

  const std::string code = RefusalOfPartner(request, now);
  const bool counts = code.empty() || settings_.failed_sign_ins_use_window;
  if (counts && settings_.partner_sign_ins_use_window) CountSignIn(request.app_key, now);
  if (!code.empty()) return Refuse(code, now);
  if (settings_.new_partner_sign_in_ends_old) sessions_.EndOf(request.username, "");
  BillSession session;
  session.id = NewSessionId();
  session.dev_key = request.app_key;
  session.username = request.username;
  session.created = session.last_use = now;
  session.partner = true;
  HttpAnswer answer;
  answer.body = JsonText({{"sessionId", session.id}});
  sessions_.Add(std::move(session), settings_);
  return answer;
}

std::string Bill::RefusalOfPartner(const PartnerRequest& request, absl::Time now) {
  const auto found = world_.users.find(request.username);
  if (found == world_.users.end() || found->second.kind != UserKind::kPartner) {
    return settings_.wrong_secret_code;
  }
  User& user = found->second;
  if (IsLocked(user, now)) return "BDC_1110";
  if (!user.app_keys.empty() && !Contains(user.app_keys, request.app_key)) return "BDC_1102";
  if (user.secret != request.password) {
    CountWrongSecret("", user, now);
    return settings_.wrong_secret_code;
  }
  user.failed_sign_ins = 0;
  return user.active ? "" : "BDC_1111";
}

HttpAnswer Bill::SignInAsUser(const HttpCall& call, absl::Time now, Slot& slot) {
  const json body = json::parse(call.body, nullptr, false);
  if (body.is_discarded()) return Refuse(settings_.malformed_code, now);
  JsonFields fields(body, "");
  AsUserRequest request;
  request.app_key = call.Header("appkey");
  request.session_id = call.Header("sessionid");
  fields.Require("userId", request.user_id);
  fields.Require("organizationId", request.organization_id);
  fields.Read("rememberMeId", request.remember_me_id);
  fields.Read("device", request.device);
  if (!fields.status().ok()) return Refuse(settings_.malformed_code, now);
  BillSession* partner = sessions_.Find(request.session_id, settings_, now);
  const bool bound = !settings_.session_bound_to_dev_key ||
                     (partner != nullptr && partner->dev_key == request.app_key);
  if (partner == nullptr || !partner->partner || !bound) {
    return Refuse(settings_.session_invalid_code, now);
  }
  const std::string counted_for = CountedFor(request);
  auto refusal = AdmitKey(world_.app_keys, request.app_key, now);
  if (!refusal.has_value() && !counted_for.empty()) refusal = SignInsSpent(counted_for, now);
  if (refusal.has_value()) return *std::move(refusal);
  if (!TakeSlot(request.app_key, request.organization_id, slot)) return Refuse("BDC_1322", now);

  std::string username;
  const std::string code = RefusalAsUser(request, world_.users[partner->username], now, username);
  const bool counts = code.empty() || settings_.failed_sign_ins_use_window;
  if (counts && !counted_for.empty()) CountSignIn(counted_for, now);
  if (code.empty() || settings_.failing_calls_slide) partner->last_use = now;
  if (!code.empty()) return Refuse(code, now);
  // The request carries no devKey. The first devKey of the organization that uses the session
  // becomes the session's own.
  return OpenSession(
      {"", username, request.organization_id, "", "", request.remember_me_id, request.device}, now);
}

std::string Bill::RefusalAsUser(const AsUserRequest& request, const User& partner, absl::Time now,
                                std::string& username) {
  const auto organization = world_.organizations.find(request.organization_id);
  if (organization == world_.organizations.end()) return "BDC_1123";
  if (!organization->second.api_enabled) return "BDC_1105";
  if (IsLocked(organization->second, now)) return "BDC_1107";
  if (!Contains(partner.organizations, request.organization_id)) {
    return settings_.not_the_partners_organization_code;
  }
  const auto user = std::find_if(world_.users.begin(), world_.users.end(), [&](const auto& entry) {
    return entry.second.user_id == request.user_id && entry.second.kind != UserKind::kPartner;
  });
  if (user == world_.users.end() || !user->second.active) return "BDC_1111";
  if (IsLocked(user->second, now)) return "BDC_1110";
  if (!Contains(user->second.organizations, request.organization_id)) {
    return settings_.not_a_member_code;
  }
  username = user->first;
  return "";
}

std::string Bill::CountedFor(const AsUserRequest& request) {
  if (settings_.sign_in_as_user_counts_for == "app_key") return request.app_key;
  if (settings_.sign_in_as_user_counts_for != "dev_key") return "";
  const auto organization = world_.organizations.find(request.organization_id);
  if (organization == world_.organizations.end()) return "";
  const std::vector<std::string>& own = organization->second.dev_keys;
  return own.empty() ? "" : own.front();
}

}  // namespace billbroker::billsim

#include "tests/simulator/settings.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr int kMany = 1'000'000'000;

constexpr std::pair<ErrorShape, const char*> kShapes[] = {
    {ErrorShape::kArray, "array"},
    {ErrorShape::kArrayWithoutCode, "array_without_code"},
    {ErrorShape::kMessageObject, "message_object"},
    {ErrorShape::kErrorsObject, "errors_object"},
    {ErrorShape::kHtml, "html"},
    {ErrorShape::kEmpty, "empty"},
};

constexpr std::pair<ErrorParams, const char*> kParams[] = {
    {ErrorParams::kArray, "array"},
    {ErrorParams::kObject, "object"},
    {ErrorParams::kAbsent, "absent"},
};

// The one list of settings, for the reader and the writer.
template <typename S, typename Visitor>
void VisitSettings(S& s, Visitor& visit) {
  visit.Number("sign_ins_per_hour", s.sign_ins_per_hour, 0, kMany);
  visit.Number("calls_per_hour", s.calls_per_hour, 0, kMany);
  visit.Number("concurrent_calls", s.concurrent_calls, 0, kMany);
  visit.Number("sms_per_minute", s.sms_per_minute, 0, kMany);
  visit.Flag("failed_sign_ins_use_window", s.failed_sign_ins_use_window);
  visit.Flag("limit_sends_retry_after", s.limit_sends_retry_after);
  visit.Number("sign_ins_per_minute", s.sign_ins_per_minute, 0, kMany);
  visit.Flag("organization_list_uses_window", s.organization_list_uses_window);
  visit.Flag("partner_sign_ins_use_window", s.partner_sign_ins_use_window);
  visit.Text("sign_in_as_user_counts_for", s.sign_in_as_user_counts_for);
  visit.Seconds("session_idle_seconds", s.session_idle);
  visit.Seconds("sync_token_idle_seconds", s.sync_token_idle);
  visit.Seconds("max_session_age_seconds", s.max_session_age);
  visit.Flag("sliding", s.sliding);
  visit.Flag("sync_token_sliding", s.sync_token_sliding);
  visit.Flag("session_info_slides", s.session_info_slides);
  visit.Flag("failing_calls_slide", s.failing_calls_slide);
  visit.Flag("session_bound_to_dev_key", s.session_bound_to_dev_key);
  visit.Flag("new_sign_in_ends_old", s.new_sign_in_ends_old);
  visit.Flag("new_partner_sign_in_ends_old", s.new_partner_sign_in_ends_old);
  visit.Number("session_id_length", s.session_id_length, 16, 512);
  visit.Text("session_id_alphabet", s.session_id_alphabet);
  visit.Flag("device_needs_remember_me_id", s.device_needs_remember_me_id);
  visit.Text("wrong_secret_code", s.wrong_secret_code);
  visit.Text("session_invalid_code", s.session_invalid_code);
  visit.Number("lockout_failures", s.lockout_failures, 0, kMany);
  visit.Flag("lockout_of_organization", s.lockout_of_organization);
  visit.Seconds("lockout_seconds", s.lockout);
  visit.Seconds("remember_me_seconds", s.remember_me);
  visit.Seconds("mfa_challenge_seconds", s.mfa_challenge);
  visit.Number("mfa_tries", s.mfa_tries, 1, kMany);
  visit.Text("mfa_answer_field", s.mfa_answer_field);
  visit.Text("mfa_wrong_token_code", s.mfa_wrong_token_code);
  visit.Text("mfa_expired_code", s.mfa_expired_code);
  visit.Number("remember_me_id_length", s.remember_me_id_length, 16, 512);
  visit.Flag("mfa_id_without_remember_me", s.mfa_id_without_remember_me);
  visit.Flag("mfa_validate_trusts_session", s.mfa_validate_trusts_session);
  visit.Flag("step_up_false_when_trusted", s.step_up_false_when_trusted);
  visit.Text("mfa_setup_validate_path", s.mfa_setup_validate_path);
  visit.Text("mfa_enrolled_code", s.mfa_enrolled_code);
  visit.Flag("payments_need_trust", s.payments_need_trust);
  visit.Flag("mfa_disabled_allows_payments", s.mfa_disabled_allows_payments);
  visit.Statuses("http_status", s.http_status);
  visit.Choice("error_shape", s.error_shape, kShapes);
  visit.Choice("error_params", s.error_params, kParams);
  visit.Flag("error_extra_keys", s.error_extra_keys);
  visit.Flag("error_placeholders", s.error_placeholders);
  visit.Text("malformed_code", s.malformed_code);
  visit.Text("dev_key_not_for_organization_code", s.dev_key_not_for_organization_code);
  visit.Text("not_a_member_code", s.not_a_member_code);
  visit.Text("not_the_partners_organization_code", s.not_the_partners_organization_code);
  visit.Number("logout_http_status", s.logout_http_status, 200, 599);
  visit.Text("logout_body", s.logout_body);
  visit.Text("health_body", s.health_body);
  visit.Number("page_size", s.page_size, 1, kMany);
  visit.Text("organizations_field", s.organizations_field);
  visit.Text("organization_id_field", s.organization_id_field);
  visit.Text("organization_name_field", s.organization_name_field);
  visit.Text("organization_item_field", s.organization_item_field);
  visit.Flag("list_end_is_empty_page", s.list_end_is_empty_page);
}

struct Writer {
  json out = json::object();

  void Number(const char* name, int value, int, int) { out[name] = value; }
  void Flag(const char* name, bool value) { out[name] = value; }
  void Text(const char* name, const std::string& value) { out[name] = value; }
  void Seconds(const char* name, absl::Duration value) { out[name] = absl::ToInt64Seconds(value); }
  void Statuses(const char* name, const std::map<std::string, int>& value) {
    out[name] = json::object();
    for (const auto& [code, status] : value) out[name][code] = status;
  }
  template <typename T, std::size_t N>
  void Choice(const char* name, T value, const std::pair<T, const char*> (&choices)[N]) {
    for (const auto& [choice, text] : choices) {
      if (choice == value) out[name] = text;
    }
  }
};

struct Reader {
  JsonFields& fields;

  void Number(const char* name, int& value, int lowest, int highest) {
    fields.Read(name, value, lowest, highest);
  }
  void Flag(const char* name, bool& value) { fields.Read(name, value); }
  void Text(const char* name, std::string& value) { fields.Read(name, value); }
  void Seconds(const char* name, absl::Duration& value) { fields.ReadSeconds(name, value); }
  void Statuses(const char* name, std::map<std::string, int>& value) {
    const json* object = fields.Find(name);
    if (object == nullptr) return;
    JsonFields codes(*object, fields.PathOf(name));
    value.clear();
    if (object->is_object()) {
      for (const auto& [code, ignored] : object->items()) {
        codes.Read(code, value[code], 100, 599);
      }
    }
    fields.Keep(codes.Finish());
  }
  template <typename T, std::size_t N>
  void Choice(const char* name, T& value, const std::pair<T, const char*> (&choices)[N]) {
    fields.ReadChoice(name, value, choices);
  }
};

// Returns whether ids of this alphabet fit in a header (visible ASCII) and are hard to guess.
bool IsUsableAlphabet(absl::string_view alphabet) {
  if (alphabet.size() < 16 || alphabet.size() > 256) return false;
  for (const char c : alphabet) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace

json SettingsJson(const Settings& settings) {
  Writer writer;
  VisitSettings(settings, writer);
  return writer.out;
}

absl::Status ApplySettings(const json& changes, absl::string_view path, Settings& settings) {
  Settings changed = settings;
  JsonFields fields(changes, std::string(path));
  Reader reader{fields};
  VisitSettings(changed, reader);
  if (!IsUsableAlphabet(changed.session_id_alphabet)) {
    fields.Fail("session_id_alphabet", "must be 16 to 256 characters of visible ASCII");
  }
  const absl::Status status = fields.Finish();
  if (status.ok()) settings = std::move(changed);
  return status;
}

absl::Status ApplySetting(absl::string_view assignment, Settings& settings) {
  const std::vector<std::string> parts = absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  if (parts.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("setting \"", assignment, "\" has no value; write name=value"));
  }
  const absl::StatusOr<json> value = ParseJson(parts[1], parts[0]);
  return ApplySettings({{parts[0], value.ok() ? *value : json(parts[1])}}, "", settings);
}

}  // namespace billbroker::billsim

// Settings: BILL's limits, and every behaviour of BILL that is uncertain or varies.
//
// A default follows BILL's documentation, or is the likeliest guess if BILL documents nothing.
// README.md lists every setting under its JSON name with the fact behind it and its certainty.
// Durations are whole seconds in JSON.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"

namespace billbroker::billsim {

enum class ErrorShape {
  kArray,             // [{"timestamp","code","severity","category","message",…}]: as documented
  kArrayWithoutCode,  // the same without "code"
  kMessageObject,     // {"message":...}
  kErrorsObject,      // {"errors":[...]}
  kHtml,              // a gateway's page
  kEmpty,             // no body
};

// How the entries of an error carry "params".
enum class ErrorParams {
  kArray,   // [{"name","value","additional"}]: as documented
  kObject,  // {"name":value}: seen live
  kAbsent,  // no "params"
};

struct Settings {
  // Limits.
  int sign_ins_per_hour = 200;             // per devKey, in a sliding hour
  int calls_per_hour = 20'000;             // per devKey, in a clock hour
  int concurrent_calls = 3;                // per devKey and organization
  int sms_per_minute = 5;                  // per user: challenges that send a text message
  bool failed_sign_ins_use_window = true;  // a refused password counts as one of the 200
  bool limit_sends_retry_after = false;    // BDC_1144 carries the header Retry-After
  int sign_ins_per_minute = 0;             // per devKey, from an older page of BILL's; 0: no limit
  bool organization_list_uses_window = false;  // GET /v3/login/organizations is one of the 200
  bool partner_sign_ins_use_window = true;     // POST /v3/partner/login is one of the appKey's 200
  // The key whose 200 POST /v3/partner/login-as-user counts against: "dev_key" (the organization's
  // first), "app_key" or "none".
  std::string sign_in_as_user_counts_for = "dev_key";

  // Sessions.
  absl::Duration session_idle = absl::Minutes(35);
  absl::Duration sync_token_idle = absl::Hours(48);
  absl::Duration max_session_age;             // 0: none
  bool sliding = true;                        // use moves the idle deadline
  bool sync_token_sliding = true;             // likewise, for sync tokens
  bool session_info_slides = true;            // GET /v3/login/session is use
  bool failing_calls_slide = false;           // a refused call is use
  bool session_bound_to_dev_key = true;       // another devKey with the session is BDC_1109
  bool new_sign_in_ends_old = false;          // of the same user and organization
  bool new_partner_sign_in_ends_old = false;  // partner's sessions of the same appKey and user
  int session_id_length = 64;                 // 16 to 512
  std::string session_id_alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

  // Sign-in.
  bool device_needs_remember_me_id = false;    // a sign-in with only one of the two is malformed
  std::string wrong_secret_code = "BDC_1101";  // also for an unknown user name
  std::string session_invalid_code = "BDC_1109";

  // Lock-out.
  int lockout_failures = 10;  // this many wrong secrets in a row lock; 0: never
  bool lockout_of_organization =
      false;               // BDC_1107 for the organization, else BDC_1110 for the user
  absl::Duration lockout;  // 0: until an operator unlocks

  // MFA.
  absl::Duration remember_me = absl::Hours(24 * 30);
  absl::Duration mfa_challenge = absl::Minutes(5);
  int mfa_tries = 3;
  std::string mfa_answer_field = "rememberMeId";  // or "mfaId"
  std::string mfa_wrong_token_code = "BDC_1356";
  std::string mfa_expired_code = "BDC_1374";
  int remember_me_id_length = 64;           // 16 to 512
  bool mfa_id_without_remember_me = true;   // `rememberMe: false` yields a short-lived id
  bool mfa_validate_trusts_session = true;  // false: only the next sign-in is trusted
  bool step_up_false_when_trusted = false;  // step-up of a trusted session answers false
  std::string mfa_setup_validate_path = "/v3/mfa/setup/validate";  // or "/v3/mfa/validate"
  std::string mfa_enrolled_code = "BDC_5324";  // set-up of a user who is enrolled
  bool payments_need_trust = true;             // production does, the sandbox does not
  bool mfa_disabled_allows_payments = true;    // MFA off for the organization: no trust needed

  // Answers.
  std::map<std::string, int> http_status;  // by code; others have their usual status
  ErrorShape error_shape = ErrorShape::kArray;
  ErrorParams error_params = ErrorParams::kArray;
  bool error_extra_keys = true;     // "detail" and "help"
  bool error_placeholders = false;  // messages with an unfilled "${paramName0}"
  std::string malformed_code = "BDC_1002";
  std::string dev_key_not_for_organization_code = "BDC_1102";
  std::string not_a_member_code = "BDC_1111";
  std::string not_the_partners_organization_code = "BDC_1106";
  int logout_http_status = 200;
  std::string logout_body;
  std::string health_body = R"({"status":"UP"})";
  int page_size = 100;
  std::string organizations_field = "results";
  std::string organization_id_field = "id";
  std::string organization_name_field = "name";
  std::string organization_item_field;  // the object in an item that holds id and name; empty: none
  bool list_end_is_empty_page = false;  // the last page has `"nextPage": ""`; false: no nextPage
};

[[nodiscard]] nlohmann::json SettingsJson(const Settings& settings);

// Changes the settings that the object `changes` names, all or none. Errors: kInvalidArgument names
// the faulty setting by its path under `path`.
[[nodiscard]] absl::Status ApplySettings(const nlohmann::json& changes, absl::string_view path,
                                         Settings& settings);

// Changes one setting, written as "name=value". The value is JSON; text that is not JSON is taken
// as a string.
[[nodiscard]] absl::Status ApplySetting(absl::string_view assignment, Settings& settings);

}  // namespace billbroker::billsim

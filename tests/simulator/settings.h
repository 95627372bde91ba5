// Settings: how this BILL behaves where the real one's behaviour is a limit, is unsure, or varies.
//
// The defaults are what BILL documents, or the likeliest guess where it documents nothing.
// README.md lists every setting under its JSON name; durations are whole seconds there.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"

namespace billbroker::billsim {

enum class ErrorShape {
  kArray,             // [{"timestamp","code","severity","category","message"}]: as documented
  kArrayWithoutCode,  // the same without "code"
  kMessageObject,     // {"message":...}
  kErrorsObject,      // {"errors":[...]}
  kHtml,              // a gateway's page
  kEmpty,             // no body
};

struct Settings {
  // Limits.
  int sign_ins_per_hour = 200;              // per devKey, in a sliding hour
  int calls_per_hour = 20'000;              // per devKey, in a clock hour
  int concurrent_calls = 3;                 // per devKey and organization
  int sms_per_minute = 5;                   // per user: challenges that send a text message
  bool failed_sign_ins_use_window = true;   // a refused password counts as one of the 200
  bool limit_sends_retry_after = false;     // BDC_1144 carries the header Retry-After
  bool partner_sign_ins_use_window = true;  // POST /v3/partner/login is one of the appKey's 200
  // Whose 200 POST /v3/partner/login-as-user is one of: "dev_key" (the organization's first),
  // "app_key" or "none".
  std::string sign_in_as_user_counts_for = "dev_key";

  // Sessions.
  absl::Duration session_idle = absl::Minutes(35);
  absl::Duration sync_token_idle = absl::Hours(48);
  absl::Duration max_session_age;             // 0: none
  bool sliding = true;                        // use moves the idle deadline
  bool session_info_slides = true;            // GET /v3/login/session is use
  bool failing_calls_slide = false;           // a refused call is use
  bool session_bound_to_dev_key = true;       // another devKey with the session is BDC_1109
  bool new_sign_in_ends_old = false;          // of the same user and organization
  bool new_partner_sign_in_ends_old = false;  // partner's sessions of the same appKey and user
  int session_id_length = 64;                 // 16 to 512
  std::string session_id_alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

  // Lock-out.
  int lockout_failures = 10;  // so many wrong secrets in a row lock; 0: never
  bool lockout_of_organization =
      false;               // BDC_1107 for the organization, else BDC_1110 for the user
  absl::Duration lockout;  // 0: until someone unlocks

  // MFA.
  absl::Duration remember_me = absl::Hours(24 * 30);
  absl::Duration mfa_challenge = absl::Minutes(5);
  int mfa_tries = 3;
  std::string mfa_answer_field = "rememberMeId";  // or "mfaId"
  std::string mfa_wrong_token_code = "BDC_1356";
  std::string mfa_expired_code = "BDC_1374";
  bool payments_need_trust = true;  // production does, the sandbox does not

  // Answers.
  std::map<std::string, int> http_status;  // by code, where it is not the usual one
  ErrorShape error_shape = ErrorShape::kArray;
  bool error_extra_keys = false;    // "params", "detail" and "help" beside the documented keys
  bool error_placeholders = false;  // messages with an unfilled "{0}"
  std::string malformed_code = "BDC_1002";
  std::string dev_key_not_for_organization_code = "BDC_1102";
  std::string not_a_member_code = "BDC_1111";
  std::string not_the_partners_organization_code = "BDC_1106";
  int logout_http_status = 200;
  std::string logout_body = "{}";
  int page_size = 100;
  std::string organizations_field = "results";
  std::string organization_id_field = "id";
  std::string organization_name_field = "name";
};

[[nodiscard]] nlohmann::json SettingsJson(const Settings& settings);

// Changes the settings that the object `changes` names, all or none; kInvalidArgument names the one
// at fault by its path under `path`.
[[nodiscard]] absl::Status ApplySettings(const nlohmann::json& changes, absl::string_view path,
                                         Settings& settings);

// One change written as "name=value", the value as JSON or, failing that, as a string.
[[nodiscard]] absl::Status ApplySetting(absl::string_view assignment, Settings& settings);

}  // namespace billbroker::billsim

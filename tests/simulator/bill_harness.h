// BillHarness: a Bill on a clock that a test moves, and the calls that tests make most often.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/bill.h"
#include "tests/simulator/data_file.h"
#include "tests/simulator/json_fields.h"
#include "tests/support/manual_time.h"
#include "vault/base/random.h"

namespace billbroker::billsim {

inline constexpr char kOrganization[] = "00801HARNESSORG000001";

inline constexpr char kWorld[] = R"({
  "dev_keys": [{"key": "devkey-harness-0001"}, {"key": "devkey-harness-0002"}, {"key": "devkey-harness-revoked", "active": false},
               {"key": "devkey-harness-terms", "terms_accepted": false}],
  "organizations": [{"id": "00801HARNESSORG000001", "name": "One", "dev_keys": ["devkey-harness-0001"]},
                    {"id": "00801HARNESSORG000002", "name": "Two", "dev_keys": ["devkey-harness-0001"]},
                    {"id": "00801HARNESSORG000003", "name": "Client", "dev_keys": ["devkey-harness-0002"]},
                    {"id": "00801HARNESSORG000004", "api_enabled": false}, {"id": "00801HARNESSORG000005", "locked": true},
                    {"id": "00801HARNESSORG000006"}],
  "users": [
    {"username": "ann@harness.example", "password": "right-password-harness", "user_id": "00601HARNESSUSER00001",
     "organizations": ["00801HARNESSORG000001", "00801HARNESSORG000002", "00801HARNESSORG000004", "00801HARNESSORG000005"],
     "mfa": {"enrolled": true, "phone": "+1", "token": "123456",
             "trusted_devices": [{"remember_me_id": "remember-me-harness-0001", "device": "device-harness-0001"}]}},
    {"username": "console@harness.example", "kind": "console", "console_api_token": "console-token-harness", "user_id": "00601HARNESSUSER00002",
     "organizations": ["00801HARNESSORG000003"]},
    {"username": "sync-token-harness", "kind": "sync_token", "password": "sync-token-value-harness", "user_id": "00601HARNESSUSER00003",
     "organizations": ["00801HARNESSORG000001"], "mfa": {"enrolled": true, "bypass": true}},
    {"username": "bypass@harness.example", "password": "right-password-harness", "user_id": "00601HARNESSUSER00004", "organizations": ["00801HARNESSORG000001"],
     "mfa": {"bypass": true}},
    {"username": "gone@harness.example", "password": "right-password-harness", "active": false, "organizations": ["00801HARNESSORG000001"]}]
})";

// Returns the body of a sign-in that succeeds; tests change its fields.
inline nlohmann::json AnnsSignIn() {
  return {{"devKey", "devkey-harness-0001"},
          {"username", "ann@harness.example"},
          {"organizationId", "00801HARNESSORG000001"},
          {"password", "right-password-harness"}};
}

class BillHarness final {
 public:
  explicit BillHarness(absl::string_view settings = "{}", absl::string_view world = kWorld)
      : bill_(DataOf(settings, world).world, DataOf(settings, world).settings, clock_, random_) {}

  [[nodiscard]] Bill& bill() { return bill_; }
  [[nodiscard]] ManualClock& clock() { return clock_; }

  [[nodiscard]] HttpAnswer SignIn(const nlohmann::json& request = AnnsSignIn()) {
    return bill_.Handle(SignInCall(request));
  }
  [[nodiscard]] static HttpCall SignInCall(const nlohmann::json& request = AnnsSignIn()) {
    return {"POST", "/v3/login", {}, {}, request.dump()};
  }

  // Signs in and returns the sessionId; empty if BILL refuses.
  [[nodiscard]] std::string Session(const nlohmann::json& request = AnnsSignIn()) {
    const HttpAnswer answer = SignIn(request);
    return answer.status == 200 ? BodyOf(answer).value("sessionId", "") : "";
  }

  [[nodiscard]] static HttpCall CallOn(const std::string& session, std::string method,
                                       std::string path, std::string body = "",
                                       const std::string& dev_key = "devkey-harness-0001") {
    return {std::move(method),
            std::move(path),
            {{"sessionid", session}, {"devkey", dev_key}},
            {},
            std::move(body)};
  }
  [[nodiscard]] HttpAnswer Get(const std::string& session, std::string path,
                               const std::string& dev_key = "devkey-harness-0001") {
    return bill_.Handle(CallOn(session, "GET", std::move(path), "", dev_key));
  }
  [[nodiscard]] HttpAnswer Post(const std::string& session, std::string path,
                                const nlohmann::json& body = nlohmann::json::object()) {
    return bill_.Handle(CallOn(session, "POST", std::move(path), body.dump()));
  }

  // Makes an ordinary call, as a service would: it reads the session's organization.
  [[nodiscard]] HttpAnswer Use(const std::string& session,
                               const std::string& dev_key = "devkey-harness-0001") {
    const HttpCall call = CallOn(session, "GET", "");
    const std::string id = bill_.GetOrigin(call).organization_id;
    return Get(session, absl::StrCat("/v3/organizations/", id.empty() ? kOrganization : id),
               dev_key);
  }

  [[nodiscard]] static nlohmann::json BodyOf(const HttpAnswer& answer) {
    return nlohmann::json::parse(answer.body, nullptr, false);
  }

  // Returns "200", or the HTTP status and BILL's code, such as "401 BDC_1109".
  [[nodiscard]] static std::string Outcome(const HttpAnswer& answer) {
    if (answer.status < 300) return absl::StrCat(answer.status);
    const nlohmann::json body = BodyOf(answer);
    const bool has_code = body.is_array() && !body.empty() && body[0].contains("code");
    return absl::StrCat(answer.status, " ",
                        has_code ? body[0]["code"].get<std::string>() : "without a code");
  }

 private:
  [[nodiscard]] static Data DataOf(absl::string_view settings, absl::string_view world) {
    absl::StatusOr<Data> data = ParseData(world);
    const absl::StatusOr<nlohmann::json> changes = ParseJson(settings, "settings");
    if (!data.ok() || !changes.ok() || !ApplySettings(*changes, "", data->settings).ok()) {
      std::abort();
    }
    return *std::move(data);
  }

  ManualClock clock_;
  SystemRandom random_;
  Bill bill_;
};

}  // namespace billbroker::billsim

// BillHarness: a Bill on a clock that a test moves, and the calls that tests make most.
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

inline constexpr char kWorld[] = R"({
  "dev_keys": [{"key": "dk-1"}, {"key": "dk-2"}, {"key": "dk-revoked", "active": false},
               {"key": "dk-terms", "terms_accepted": false}],
  "organizations": [{"id": "0081", "name": "One", "dev_keys": ["dk-1"]},
                    {"id": "0082", "name": "Two", "dev_keys": ["dk-1"]},
                    {"id": "0083", "name": "Client", "dev_keys": ["dk-2"]},
                    {"id": "0084", "api_enabled": false}, {"id": "0085", "locked": true},
                    {"id": "0086"}],
  "users": [
    {"username": "ann", "password": "right", "user_id": "0061",
     "organizations": ["0081", "0082", "0084", "0085"],
     "mfa": {"enrolled": true, "phone": "+1", "token": "123456",
             "trusted_devices": [{"remember_me_id": "rm-1", "device": "dev-1"}]}},
    {"username": "console", "kind": "console", "console_api_token": "token", "user_id": "0062",
     "organizations": ["0083"]},
    {"username": "sync", "kind": "sync_token", "password": "value", "user_id": "0063",
     "organizations": ["0081"], "mfa": {"enrolled": true, "bypass": true}},
    {"username": "bypass", "password": "right", "user_id": "0064", "organizations": ["0081"],
     "mfa": {"bypass": true}},
    {"username": "gone", "password": "right", "active": false, "organizations": ["0081"]}]
})";

// What POST /v3/login is sent; tests change a field of it.
inline nlohmann::json AnnsSignIn() {
  return {
      {"devKey", "dk-1"}, {"username", "ann"}, {"organizationId", "0081"}, {"password", "right"}};
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

  // The sessionId of a sign-in that has to succeed; empty where it does not.
  [[nodiscard]] std::string Session(const nlohmann::json& request = AnnsSignIn()) {
    const HttpAnswer answer = SignIn(request);
    return answer.status == 200 ? BodyOf(answer).value("sessionId", "") : "";
  }

  [[nodiscard]] static HttpCall CallOn(const std::string& session, std::string method,
                                       std::string path, std::string body = "",
                                       const std::string& dev_key = "dk-1") {
    return {std::move(method),
            std::move(path),
            {{"sessionid", session}, {"devkey", dev_key}},
            {},
            std::move(body)};
  }
  [[nodiscard]] HttpAnswer Get(const std::string& session, std::string path,
                               const std::string& dev_key = "dk-1") {
    return bill_.Handle(CallOn(session, "GET", std::move(path), "", dev_key));
  }
  [[nodiscard]] HttpAnswer Post(const std::string& session, std::string path,
                                const nlohmann::json& body = nlohmann::json::object()) {
    return bill_.Handle(CallOn(session, "POST", std::move(path), body.dump()));
  }

  // An ordinary call, as a service would make it.
  [[nodiscard]] HttpAnswer Use(const std::string& session, const std::string& dev_key = "dk-1") {
    return Get(session, "/v3/organizations/current", dev_key);
  }

  [[nodiscard]] static nlohmann::json BodyOf(const HttpAnswer& answer) {
    return nlohmann::json::parse(answer.body, nullptr, false);
  }

  // "200", or HTTP status and BILL's code, such as "401 BDC_1109".
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

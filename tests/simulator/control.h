// Control: the control API of a running simulator, independent of sockets. README.md documents it.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/bill.h"
#include "tests/simulator/gateway.h"
#include "tests/simulator/http.h"
#include "tests/simulator/offset_clock.h"

namespace billbroker::billsim {

// Thread-safe. Borrows its parts.
class Control final {
 public:
  Control(Bill& bill, Gateway& gateway, OffsetClock& clock)
      : bill_(bill), gateway_(gateway), clock_(clock) {}

  // Makes `listen` open (true) or close (false) BILL's port at POST /listening. Call it before
  // Handle().
  void OnListening(std::function<absl::Status(bool)> listen) { listen_ = std::move(listen); }

  // Returns 200 with JSON, or 400, 404 or 405 with {"error": text}.
  [[nodiscard]] HttpAnswer Handle(const HttpCall& call);

 private:
  using Outcome = absl::StatusOr<nlohmann::json>;
  // `rest` is the part of the path after the endpoint's; `body` is null if none was sent.
  using Handler = Outcome (Control::*)(const std::string& rest, const nlohmann::json& body);
  struct Endpoint {
    absl::string_view method;
    absl::string_view path;  // ends with a slash if a name follows
    Handler handler;
  };
  static const Endpoint kEndpoints[];

  Outcome Help(const std::string& rest, const nlohmann::json& body);
  Outcome State(const std::string& rest, const nlohmann::json& body);
  Outcome Counts(const std::string& rest, const nlohmann::json& body);
  Outcome ResetCounts(const std::string& rest, const nlohmann::json& body);
  Outcome Clock(const std::string& rest, const nlohmann::json& body);
  Outcome AdvanceClock(const std::string& rest, const nlohmann::json& body);
  Outcome SetLatency(const std::string& rest, const nlohmann::json& body);
  Outcome ClearLatency(const std::string& rest, const nlohmann::json& body);
  Outcome SetListening(const std::string& rest, const nlohmann::json& body);
  Outcome ListFaults(const std::string& rest, const nlohmann::json& body);
  Outcome AddFault(const std::string& rest, const nlohmann::json& body);
  Outcome ClearFaults(const std::string& rest, const nlohmann::json& body);
  Outcome ExpireSessions(const std::string& rest, const nlohmann::json& body);
  Outcome ChangeUser(const std::string& rest, const nlohmann::json& body);
  Outcome ChangeOrganization(const std::string& rest, const nlohmann::json& body);
  Outcome ChangeDevKey(const std::string& rest, const nlohmann::json& body);
  Outcome Settings(const std::string& rest, const nlohmann::json& body);
  Outcome ChangeSettings(const std::string& rest, const nlohmann::json& body);

  Bill& bill_;
  Gateway& gateway_;
  OffsetClock& clock_;
  std::function<absl::Status(bool)> listen_;
};

}  // namespace billbroker::billsim

// WalkBill: the BILL of a random walk. It has each user's right secret, and weather that changes.
#pragma once

#include <map>
#include <string>

#include "server/bill/bill_api.h"
#include "tests/server/session/walk/dice.h"
#include "tests/support/fake_bill.h"
#include "vault/base/executor.h"

namespace billbroker {

// Outlives the processes of the engine. Not thread-safe.
class WalkBill final {
 public:
  enum class Weather {
    kFair,
    kOutage,   // HTTP 503
    kLossy,    // many answers are lost
    kUnsent,   // no connection
    kGateway,  // a gateway answers everything with HTTP 401
    kLimited,  // BDC_1144
  };

  WalkBill(Executor& executor, Dice& dice);

  [[nodiscard]] FakeBill& fake() { return fake_; }
  void SetWeather(Weather weather);
  // The user changes its password at BILL.
  void SetSecret(const std::string& username, const std::string& secret) {
    secrets_[username] = secret;
  }
  [[nodiscard]] const std::string& secret(const std::string& username) const {
    return secrets_.at(username);
  }

  // Called before a call arrives: scripts its failure, if the weather asks for one.
  void BeforePartnerSignIn(const Credential& credential);
  void BeforeCheck();
  void BeforeSignOut();

 private:
  [[nodiscard]] BillResult<SignInAnswer> AnswerSignIn(const SignInRequest& request);
  // Returns nullptr unless the weather makes a call fail.
  [[nodiscard]] absl::optional<BillError> WeatherError();
  [[nodiscard]] BillError WrongSecret();

  Dice& dice_;
  FakeBill fake_;
  Weather weather_ = Weather::kFair;
  std::map<std::string, std::string> secrets_;  // by user name
};

// Returns true if the answer means that BILL judged the secret and refused it.
[[nodiscard]] bool IsFailedSignIn(const BillError& error);

}  // namespace billbroker

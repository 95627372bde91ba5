#include "tests/server/session/walk/walk_bill.h"

#include <utility>

namespace billbroker {
namespace {

constexpr int kLocked = 423;

BillError Answered(Verdict verdict, int http_status, BodyKind body) {
  BillError error = Refusal(verdict, "");
  error.http_status = http_status;
  error.body = body;
  return error;
}

BillError NotAnswered(Delivery delivery) {
  BillError error = Answered(Verdict::kUnavailable, 0, BodyKind::kNone);
  error.delivery = delivery;
  return error;
}

}  // namespace

bool IsFailedSignIn(const BillError& error) {
  return error.code == "BDC_1101" || error.http_status == kLocked;
}

WalkBill::WalkBill(Executor& executor, Dice& dice) : dice_(dice), fake_(executor) {
  fake_.SetSignInAnswer([this](const SignInRequest& request) { return AnswerSignIn(request); });
}

void WalkBill::SetWeather(Weather weather) {
  weather_ = weather;
  if (weather == Weather::kGateway) {
    fake_.SetHealth(AnswerShape{401, "", BodyKind::kHtml});
  } else if (weather == Weather::kOutage) {
    fake_.SetHealth(AnswerShape{503, "", BodyKind::kEmpty});
  } else if (weather == Weather::kUnsent || weather == Weather::kLossy) {
    fake_.SetHealth(NotAnswered(Delivery::kNotSent));
  } else {
    fake_.SetHealth(AnswerShape{200, "", BodyKind::kJson});
  }
}

absl::optional<BillError> WalkBill::WeatherError() {
  switch (weather_) {
    case Weather::kFair:
      return absl::nullopt;
    case Weather::kOutage:
      return Refusal(Verdict::kUnavailable, "");
    case Weather::kLossy:
      if (dice_.Percent(50)) return absl::nullopt;
      return NotAnswered(Delivery::kMaybeSent);
    case Weather::kUnsent:
      return NotAnswered(Delivery::kNotSent);
    case Weather::kGateway:
      return Answered(Verdict::kUnavailable, 401, BodyKind::kHtml);
    case Weather::kLimited:
      return Refusal(Verdict::kRateLimited, "BDC_1144");
  }
  return absl::nullopt;
}

BillError WalkBill::WrongSecret() {
  if (dice_.Percent(50)) return Refusal(Verdict::kSecretRejected, "BDC_1101");
  return Answered(Verdict::kRefused, kLocked, BodyKind::kEmpty);
}

BillResult<SignInAnswer> WalkBill::AnswerSignIn(const SignInRequest& request) {
  if (absl::optional<BillError> error = WeatherError()) {
    // BILL processed it although the answer is lost.
    if (error->http_status == 0 && error->delivery == Delivery::kMaybeSent) {
      (void)fake_.Accept(request);
    }
    return *std::move(error);
  }
  const Credential& credential = *request.credential;
  const bool by_secret = credential.kind != CredentialKind::kPartner;
  if (by_secret && credential.password.Reveal() != secret(credential.username)) {
    return WrongSecret();
  }
  if (dice_.Percent(1)) return Refusal(Verdict::kUntrusted, "BDC_1361");
  return fake_.Accept(request);
}

void WalkBill::BeforePartnerSignIn(const Credential& credential) {
  absl::optional<BillError> error = WeatherError();
  if (!error.has_value() && credential.password.Reveal() != secret(credential.username)) {
    error = WrongSecret();
  }
  if (error.has_value()) fake_.FailNextPartnerSignIns(1, *error);
}

void WalkBill::BeforeCheck() {
  if (absl::optional<BillError> error = WeatherError()) fake_.FailNextSessionInfos(1, *error);
}

void WalkBill::BeforeSignOut() {
  if (absl::optional<BillError> error = WeatherError()) fake_.FailNextSignOuts(1, *error);
}

}  // namespace billbroker

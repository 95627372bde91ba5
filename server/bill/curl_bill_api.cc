#include "server/bill/curl_bill_api.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/bill/answer.h"
#include "server/bill/curl_loop.h"
#include "server/bill/http_answer.h"
#include "server/bill/http_request.h"
#include "server/bill/organization_page.h"

namespace billbroker {
namespace {

HttpAnswer AnswerOf(const HttpResponse& response) {
  return {response.status, response.content_type, response.retry_after, response.body.Reveal(),
          response.date};
}

// Returns the error of a call that cannot be sent; nullopt if it can. `key` is a devKey or appKey.
absl::optional<BillError> Unsendable(const SecretString& session_id, const SecretString& key) {
  if (IsHeaderSafe(session_id.Reveal()) && IsHeaderSafe(key.Reveal())) return absl::nullopt;
  BillError error;
  error.delivery = Delivery::kNotSent;
  error.verdict = Verdict::kRefused;
  error.detail =
      "not sent: the sessionId or the key beside it holds bytes that no header can carry";
  return error;
}

absl::optional<BillError> Unsendable(const SessionKeys& keys) {
  return Unsendable(*keys.session_id, *keys.dev_key);
}

BillError UnknownEnvironment(const std::string& name) {
  BillError error;
  error.delivery = Delivery::kNotSent;
  error.detail = absl::StrCat("environment \"", name, "\" is not configured; add it or delete the ",
                              "credentials that name it");
  return error;
}

std::map<std::string, Environment> ByName(std::vector<Environment> environments) {
  std::map<std::string, Environment> by_name;
  for (Environment& environment : environments) {
    std::string name = environment.name;
    by_name.emplace(std::move(name), std::move(environment));
  }
  return by_name;
}

}  // namespace

CurlBillApi::CurlBillApi(std::vector<Environment> environments, const CurlOptions& options,
                         const Clock& clock)
    : clock_(clock),
      environments_(ByName(std::move(environments))),
      loop_(std::make_unique<CurlLoop>(options, clock)) {}

CurlBillApi::~CurlBillApi() = default;

template <typename T, typename Read>
void CurlBillApi::Send(const std::string& environment, HttpRequest request, Done<T> done,
                       Read read) {
  const auto found = environments_.find(environment);
  if (found == environments_.end()) {
    return loop_->Post(
        [done = std::move(done), environment]() mutable { done(UnknownEnvironment(environment)); });
  }
  loop_->Start(found->second, std::move(request),
               [this, done = std::move(done), read = std::move(read)](HttpResult result) mutable {
                 if (!result.ok()) return done(result.error());
                 done(read(AnswerOf(result.value()), clock_.Now()));
               });
}

void CurlBillApi::SignIn(SignInRequest request, Done<SignInAnswer> done) {
  HttpRequest http = SignInHttpRequest(*request.credential, request.organization_id);
  Send<SignInAnswer>(request.credential->environment, std::move(http), std::move(done),
                     [organization_id = std::move(request.organization_id)](
                         const HttpAnswer& answer, absl::Time now) {
                       return ReadSignIn(answer, organization_id, now);
                     });
}

void CurlBillApi::PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) {
  Send<PartnerSignInAnswer>(request.credential->environment,
                            PartnerSignInHttpRequest(*request.credential), std::move(done),
                            &ReadPartnerSignIn);
}

void CurlBillApi::SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) {
  const Credential& credential = *request.credential;
  if (auto error = Unsendable(*request.partner_session_id, credential.app_key)) {
    return loop_->Post([done = std::move(done), error = *error]() mutable { done(error); });
  }
  HttpRequest http =
      SignInAsUserHttpRequest(credential, request.organization_id, *request.partner_session_id);
  std::string user_id = credential.FindOrganization(request.organization_id)->user_id;
  Send<SignInAnswer>(credential.environment, std::move(http), std::move(done),
                     [organization_id = std::move(request.organization_id),
                      user_id = std::move(user_id)](const HttpAnswer& answer, absl::Time now) {
                       return ReadSignInAsUser(answer, organization_id, user_id, now);
                     });
}

template <typename T, typename Make, typename Read>
void CurlBillApi::SendWith(const SessionKeys& keys, Done<T> done, const Make& make, Read read) {
  if (auto error = Unsendable(keys)) {
    return loop_->Post([done = std::move(done), error = *error]() mutable { done(error); });
  }
  Send<T>(keys.environment, make(keys), std::move(done), read);
}

void CurlBillApi::SignOut(SessionKeys keys, Done<SignedOut> done) {
  SendWith<SignedOut>(keys, std::move(done), &SignOutHttpRequest, &ReadSignOut);
}

void CurlBillApi::GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) {
  SendWith<SessionInfo>(keys, std::move(done), &SessionInfoHttpRequest, &ReadSessionInfo);
}

void CurlBillApi::StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) {
  SendWith<MfaChallenge>(keys, std::move(done), &StartMfaChallengeHttpRequest, &ReadMfaChallenge);
}

void CurlBillApi::ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                                       Done<MfaValidated> done) {
  const auto make = [&validation](const SessionKeys& with) {
    return ValidateMfaChallengeHttpRequest(with, validation);
  };
  SendWith<MfaValidated>(keys, std::move(done), make, &ReadMfaValidated);
}

void CurlBillApi::StepUp(SessionKeys keys, const SecretString& remember_me_id,
                         absl::string_view device, Done<SteppedUp> done) {
  const auto make = [&](const SessionKeys& with) {
    return StepUpHttpRequest(with, remember_me_id, device);
  };
  SendWith<SteppedUp>(keys, std::move(done), make, &ReadSteppedUp);
}

void CurlBillApi::ListOrganizations(SessionKeys keys, std::string page,
                                    Done<OrganizationPage> done) {
  const auto make = [&page](const SessionKeys& with) {
    return ListOrganizationsHttpRequest(with, page);
  };
  SendWith<OrganizationPage>(keys, std::move(done), make, &ReadOrganizationPage);
}

void CurlBillApi::GetHealth(std::string environment, Done<AnswerShape> done) {
  Send<AnswerShape>(environment, HealthHttpRequest(), std::move(done), &ReadHealth);
}

}  // namespace billbroker

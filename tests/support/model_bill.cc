#include "tests/support/model_bill.h"

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "server/bill/answer.h"
#include "server/bill/organization_page.h"

namespace billbroker {
namespace {

billsim::HttpCall CallOf(const HttpRequest& request) {
  billsim::HttpCall call;
  call.method = request.is_post ? "POST" : "GET";
  call.path = std::string(request.path);
  if (!request.query.empty()) call.query["page"] = request.query;
  for (const SecretString& header : request.headers) {
    absl::string_view text = header.Reveal();
    while (absl::ConsumeSuffix(&text, absl::string_view("\0", 1))) {
    }
    const std::size_t colon = text.find(": ");
    call.headers[absl::AsciiStrToLower(text.substr(0, colon))] =
        std::string(text.substr(colon + 2));
  }
  call.body = std::string(request.body.Reveal());
  return call;
}

}  // namespace

template <typename T, typename Read>
void ModelBill::Send(const HttpRequest& request, Done<T> done, Read read) {
  if (!reachable_) {
    BillError timeout;
    timeout.detail = "cannot connect";
    timeout.delivery = Delivery::kNotSent;
    executor_.RunAfter(absl::Seconds(30),
                       [done = std::move(done), timeout]() mutable { done(timeout); });
    return;
  }
  executor_.RunAfter(half_, [this, call = CallOf(request), done = std::move(done), read]() mutable {
    // Shared because the slot must live until the answer is delivered.
    auto handled = std::make_shared<billsim::Bill::Handled>(model_.Begin(call));
    executor_.RunAfter(half_, [this, handled, done = std::move(done), read]() mutable {
      const billsim::HttpAnswer& from = handled->answer;
      HttpAnswer answer;
      answer.status = from.status;
      answer.content_type = from.content_type;
      answer.body = from.body;
      const auto retry_after = from.headers.find("Retry-After");
      if (retry_after != from.headers.end()) answer.retry_after = retry_after->second;
      handled->slot = {};
      done(read(answer, clock_.Now()));
    });
  });
}

void ModelBill::SignIn(SignInRequest request, Done<SignInAnswer> done) {
  const HttpRequest http = SignInHttpRequest(*request.credential, request.organization_id);
  Send<SignInAnswer>(
      http, std::move(done),
      [organization_id = request.organization_id](const HttpAnswer& answer, absl::Time now) {
        return ReadSignIn(answer, organization_id, now);
      });
}

void ModelBill::PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) {
  Send<PartnerSignInAnswer>(PartnerSignInHttpRequest(*request.credential), std::move(done),
                            &ReadPartnerSignIn);
}

void ModelBill::SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) {
  const HttpRequest http = SignInAsUserHttpRequest(*request.credential, request.organization_id,
                                                   *request.partner_session_id);
  Send<SignInAnswer>(
      http, std::move(done),
      [organization_id = request.organization_id,
       user_id = request.credential->FindOrganization(request.organization_id)->user_id](
          const HttpAnswer& answer, absl::Time now) {
        return ReadSignInAsUser(answer, organization_id, user_id, now);
      });
}

void ModelBill::SignOut(SessionKeys keys, Done<SignedOut> done) {
  Send<SignedOut>(SignOutHttpRequest(keys), std::move(done), &ReadSignOut);
}

void ModelBill::GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) {
  Send<SessionInfo>(SessionInfoHttpRequest(keys), std::move(done), &ReadSessionInfo);
}

void ModelBill::StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) {
  Send<MfaChallenge>(StartMfaChallengeHttpRequest(keys), std::move(done), &ReadMfaChallenge);
}

void ModelBill::ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                                     Done<MfaValidated> done) {
  Send<MfaValidated>(ValidateMfaChallengeHttpRequest(keys, validation), std::move(done),
                     &ReadMfaValidated);
}

void ModelBill::StepUp(SessionKeys keys, const SecretString& remember_me_id,
                       absl::string_view device, Done<SteppedUp> done) {
  Send<SteppedUp>(StepUpHttpRequest(keys, remember_me_id, device), std::move(done), &ReadSteppedUp);
}

// The page token is not URL-encoded here, because the front of the simulator would decode it.
void ModelBill::ListOrganizations(SessionKeys keys, std::string page, Done<OrganizationPage> done) {
  HttpRequest request = ListOrganizationsHttpRequest(keys, page);
  request.query = std::move(page);
  Send<OrganizationPage>(request, std::move(done), &ReadOrganizationPage);
}

void ModelBill::GetHealth(std::string /*environment*/, Done<AnswerShape> done) {
  Send<AnswerShape>(HealthHttpRequest(), std::move(done), &ReadHealth);
}

}  // namespace billbroker

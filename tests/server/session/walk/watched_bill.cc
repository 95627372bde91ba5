#include "tests/server/session/walk/watched_bill.h"

namespace billbroker {

SentSignInPtr WatchedBill::Arrives(const Credential& credential,
                                   const std::string& organization_id) {
  SentSignInPtr sent =
      parts_.sign_ins.Sent(parts_.describe(credential, organization_id), parts_.stored());
  if (parts_.sends_twice && parts_.sign_ins.sent() % 50 == 0) {
    (void)parts_.sign_ins.Sent(parts_.describe(credential, organization_id), parts_.stored());
  }
  return sent;
}

void WatchedBill::Ends(SentSignIn& sign_in, const BillError* error) {
  SentSignIn::Ending ending = SentSignIn::Ending::kOther;
  if (error != nullptr && error->delivery == Delivery::kNotSent) {
    ending = SentSignIn::Ending::kNotSent;
  } else if (error != nullptr && IsFailedSignIn(*error)) {
    ending = SentSignIn::Ending::kFailed;
  }
  parts_.sign_ins.Answered(sign_in, ending);
}

BillApi::Done<SignInAnswer> WatchedBill::Watch(SentSignInPtr sent, std::string dev_key,
                                               Done<SignInAnswer> done) {
  return [this, alive = alive_, sent = std::move(sent), dev_key = std::move(dev_key),
          done = std::move(done)](BillResult<SignInAnswer> result) mutable {
    if (!*alive) return;
    Ends(*sent, result.ok() ? nullptr : &result.error());
    if (result.ok()) {
      parts_.sessions.Made(std::string(result.value().session_id.Reveal()), dev_key, sent->sent);
    }
    done(std::move(result));
  };
}

template <typename T>
BillApi::Done<T> WatchedBill::WhileAlive(Done<T> done) {
  return [alive = alive_, done = std::move(done)](BillResult<T> result) mutable {
    if (*alive) done(std::move(result));
  };
}

void WatchedBill::SignIn(SignInRequest request, Done<SignInAnswer> done) {
  SentSignInPtr sent = Arrives(*request.credential, request.organization_id);
  std::string dev_key(request.credential->DevKeyFor(request.organization_id).Reveal());
  fake().SignIn(std::move(request), Watch(std::move(sent), std::move(dev_key), std::move(done)));
}

void WatchedBill::SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) {
  SentSignInPtr sent = Arrives(*request.credential, request.organization_id);
  std::string dev_key(request.credential->DevKeyFor(request.organization_id).Reveal());
  fake().SignInAsUser(std::move(request),
                      Watch(std::move(sent), std::move(dev_key), std::move(done)));
}

void WatchedBill::PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) {
  SentSignInPtr sent = Arrives(*request.credential, "");
  parts_.bill.BeforePartnerSignIn(*request.credential);
  fake().PartnerSignIn(std::move(request),
                       [this, alive = alive_, sent = std::move(sent),
                        done = std::move(done)](BillResult<PartnerSignInAnswer> result) mutable {
                         if (!*alive) return;
                         Ends(*sent, result.ok() ? nullptr : &result.error());
                         done(std::move(result));
                       });
}

void WatchedBill::SignOut(SessionKeys keys, Done<SignedOut> done) {
  parts_.sessions.Ended(std::string(keys.session_id->Reveal()));
  parts_.bill.BeforeSignOut();
  fake().SignOut(std::move(keys), WhileAlive(std::move(done)));
}

void WatchedBill::GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) {
  parts_.bill.BeforeCheck();
  std::string id(keys.session_id->Reveal());
  fake().GetSessionInfo(std::move(keys),
                        [this, alive = alive_, id = std::move(id), sent = parts_.clock.SinceBoot(),
                         done = std::move(done)](BillResult<SessionInfo> result) mutable {
                          if (!*alive) return;
                          if (result.ok()) {
                            parts_.sessions.Confirmed(id, sent);
                          } else if (result.error().verdict == Verdict::kSessionInvalid) {
                            parts_.sessions.Ended(id);
                          }
                          done(std::move(result));
                        });
}

void WatchedBill::StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) {
  fake().StartMfaChallenge(std::move(keys), WhileAlive(std::move(done)));
}

void WatchedBill::ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                                       Done<MfaValidated> done) {
  fake().ValidateMfaChallenge(std::move(keys), std::move(validation), WhileAlive(std::move(done)));
}

void WatchedBill::StepUp(SessionKeys keys, const SecretString& remember_me_id,
                         absl::string_view device, Done<SteppedUp> done) {
  fake().StepUp(std::move(keys), remember_me_id, device, WhileAlive(std::move(done)));
}

void WatchedBill::ListOrganizations(SessionKeys keys, std::string page,
                                    Done<OrganizationPage> done) {
  fake().ListOrganizations(std::move(keys), std::move(page), WhileAlive(std::move(done)));
}

void WatchedBill::GetHealth(std::string environment, Done<AnswerShape> done) {
  fake().GetHealth(std::move(environment), WhileAlive(std::move(done)));
}

}  // namespace billbroker

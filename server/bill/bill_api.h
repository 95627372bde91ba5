// BillApi: the calls of BILL's v3 REST API that a session broker needs. Source: BILL's API
// reference, v3.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "server/bill/bill_error.h"
#include "vault/base/secret_string.h"
#include "vault/credential.h"

namespace billbroker {

// POST /v3/login. The credential has environment, user, secret, devKey, rememberMeId and device.
struct SignInRequest {
  CredentialPtr credential;
  std::string organization_id;  // attached to `credential`
};

struct SignInAnswer {
  SecretString session_id;  // 1 to 512 bytes of header-safe ASCII
  std::string organization_id;
  std::string user_id;
  bool trusted = false;
};

// POST /v3/partner/login. The credential is of kind kPartner.
struct PartnerSignInRequest {
  CredentialPtr credential;
};

// A partner's session: it signs in as users of organizations, with the appKey that made it.
struct PartnerSignInAnswer {
  SecretString session_id;  // 1 to 512 bytes of header-safe ASCII
};

// POST /v3/partner/login-as-user, as the user that the credential names for the organization.
struct SignInAsUserRequest {
  CredentialPtr credential;     // kPartner
  std::string organization_id;  // attached to `credential`
  std::shared_ptr<const SecretString> partner_session_id;
};

// The two keys that authenticate a call after sign-in. BILL accepts them only together. They are
// shared (not copied) between the session in memory and its calls in progress.
struct SessionKeys {
  std::string environment;
  std::shared_ptr<const SecretString> session_id;
  std::shared_ptr<const SecretString> dev_key;
};

// GET /v3/login/session.
struct SessionInfo {
  std::string organization_id;
  std::string user_id;
  bool trusted = false;  // mfaBypass, or mfaStatus COMPLETE
};

struct SignedOut {};

// POST /v3/mfa/challenge: BILL sends a code of six digits to the user's phone.
struct MfaChallenge {
  SecretString id;  // 1 to 512 bytes; valid with the session that requested it
};

// POST /v3/mfa/challenge/validate, which asks for a rememberMeId of 30 days.
struct MfaValidation {
  SecretString challenge_id;
  SecretString code;   // the code on the person's phone
  std::string device;  // the device of the rememberMeId
};

struct MfaValidated {
  SecretString remember_me_id;  // 1 to 1,024 bytes
};

// POST /v3/mfa/step-up. Not trusted: BILL does not accept the rememberMeId, or not any longer.
struct SteppedUp {
  bool trusted = false;
};

// An organization that a session's user may sign in to.
struct ListedOrganization {
  std::string id;    // 1 to 64 characters of [A-Za-z0-9_-]
  std::string name;  // UTF-8 without control characters, up to 256 bytes; may be empty
};

// One page of GET /v3/login/organizations.
struct OrganizationPage {
  std::vector<ListedOrganization> organizations;
  std::string next_page;  // the token of the next page, up to 1,024 bytes; empty on the last
};

// Thread-safe. Each call returns at once and answers exactly once, on a thread of the
// implementation; the answer must not block that thread. A POST is sent at most once. A GET may be
// repeated if the server closes the connection or refuses the stream. BillError::delivery reports
// whether a call that failed was sent. If `environment` is not configured, the call fails with
// kUnavailable.
class BillApi {
 public:
  template <typename T>
  using Done = absl::AnyInvocable<void(BillResult<T>)>;

  virtual ~BillApi() = default;

  virtual void SignIn(SignInRequest request, Done<SignInAnswer> done) = 0;
  virtual void PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) = 0;
  // Fails with kSessionInvalid if the partner's session is dead. The new session is used with the
  // organization's devKey.
  virtual void SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) = 0;
  // Ends the session. An answer that it has already ended (kSessionInvalid) counts as success.
  virtual void SignOut(SessionKeys keys, Done<SignedOut> done) = 0;
  // Checks that the session is live. Fails with kSessionInvalid if it is not.
  virtual void GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) = 0;
  // Starts MFA of the user. Fails with kMfaFailed if BILL refuses, kSessionInvalid as above.
  virtual void StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) = 0;
  virtual void ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                                    Done<MfaValidated> done) = 0;
  // Makes the session MFA-trusted by the id from ValidateMfaChallenge().
  virtual void StepUp(SessionKeys keys, const SecretString& remember_me_id,
                      absl::string_view device, Done<SteppedUp> done) = 0;
  // Reads one page of the organizations that the session's user may sign in to: the first page if
  // `page` is empty, else the page of that `next_page` token. kSessionInvalid as above.
  virtual void ListOrganizations(SessionKeys keys, std::string page,
                                 Done<OrganizationPage> done) = 0;
  // Reads GET /v3/health without a key. Succeeds with the shape of any answer, an error answer
  // included. Fails with kUnavailable if no answer came.
  virtual void GetHealth(std::string environment, Done<AnswerShape> done) = 0;
};

}  // namespace billbroker

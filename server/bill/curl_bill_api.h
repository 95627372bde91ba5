// CurlBillApi: BillApi over HTTPS with libcurl. Never follows a redirect, never obeys the process's
// proxy variables, speaks TLS 1.2 or newer to a verified host only, and reads at most
// CurlOptions::max_body_bytes of an answer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/bill/bill_api.h"
#include "server/bill/curl_options.h"
#include "server/bill/environment.h"
#include "server/bill/http_request.h"
#include "vault/base/clock.h"

namespace billbroker {

class CurlLoop;

// Thread-safe, see BillApi. A POST opens a new connection; a GET reuses kept ones (ADR 0021).
// The constructor clears SSLKEYLOGFILE: construct it before other threads read the environment. The
// destructor answers every call in progress with kUnavailable before it returns.
class CurlBillApi final : public BillApi {
 public:
  // `clock` is borrowed.
  CurlBillApi(std::vector<Environment> environments, const CurlOptions& options,
              const Clock& clock);
  ~CurlBillApi() override;

  void SignIn(SignInRequest request, Done<SignInAnswer> done) override;
  void PartnerSignIn(PartnerSignInRequest request, Done<PartnerSignInAnswer> done) override;
  void SignInAsUser(SignInAsUserRequest request, Done<SignInAnswer> done) override;
  void SignOut(SessionKeys keys, Done<SignedOut> done) override;
  void GetSessionInfo(SessionKeys keys, Done<SessionInfo> done) override;
  void StartMfaChallenge(SessionKeys keys, Done<MfaChallenge> done) override;
  void ValidateMfaChallenge(SessionKeys keys, MfaValidation validation,
                            Done<MfaValidated> done) override;
  void StepUp(SessionKeys keys, const SecretString& remember_me_id, absl::string_view device,
              Done<SteppedUp> done) override;
  void ListOrganizations(SessionKeys keys, std::string page, Done<OrganizationPage> done) override;
  void GetHealth(std::string environment, Done<AnswerShape> done) override;

 private:
  // Sends `request`. `read` makes a BillResult<T> of an HttpAnswer and the present time.
  template <typename T, typename Read>
  void Send(const std::string& environment, HttpRequest request, Done<T> done, Read read);
  // Sends the HttpRequest that `make` makes of `keys`.
  template <typename T, typename Make, typename Read>
  void SendWith(const SessionKeys& keys, Done<T> done, const Make& make, Read read);

  const Clock& clock_;
  std::map<std::string, Environment> environments_;  // by name
  std::unique_ptr<CurlLoop> loop_;                   // destroyed first: its answers use the rest
};

}  // namespace billbroker

// Makes HTTP requests of the calls of BillApi. Pure functions. Secrets are written to the locked
// slab only.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/bill/bill_api.h"
#include "vault/base/secret_string.h"
#include "vault/credential.h"

namespace billbroker {

struct HttpRequest {
  bool is_post = false;
  absl::string_view path;             // below the base URL, such as "/v3/login"; a literal
  std::string query;                  // behind the path, with its "?"; empty for none
  std::vector<SecretString> headers;  // "name: value", each with a NUL at its end
  SecretString body;                  // JSON; empty for a GET and for a POST of headers only
};

// Requires: `organization_id` is attached to `credential`.
[[nodiscard]] HttpRequest SignInHttpRequest(const Credential& credential,
                                            absl::string_view organization_id);

[[nodiscard]] HttpRequest PartnerSignInHttpRequest(const Credential& credential);

// Requires: `organization_id` is attached to `credential`; appKey and sessionId IsHeaderSafe().
[[nodiscard]] HttpRequest SignInAsUserHttpRequest(const Credential& credential,
                                                  absl::string_view organization_id,
                                                  const SecretString& partner_session_id);

// Makes the request of a call with a session. Each function requires keys that IsHeaderSafe().
[[nodiscard]] HttpRequest SignOutHttpRequest(const SessionKeys& keys);
[[nodiscard]] HttpRequest SessionInfoHttpRequest(const SessionKeys& keys);
[[nodiscard]] HttpRequest StartMfaChallengeHttpRequest(const SessionKeys& keys);
[[nodiscard]] HttpRequest ValidateMfaChallengeHttpRequest(const SessionKeys& keys,
                                                          const MfaValidation& validation);
[[nodiscard]] HttpRequest StepUpHttpRequest(const SessionKeys& keys,
                                            const SecretString& remember_me_id,
                                            absl::string_view device);
// Makes the request of GET /v3/health, which carries no key.
[[nodiscard]] HttpRequest HealthHttpRequest();
// Makes the request for a page. `page` is a token of BILL's and may contain any bytes; an empty
// token requests the first page.
[[nodiscard]] HttpRequest ListOrganizationsHttpRequest(const SessionKeys& keys,
                                                       absl::string_view page);

}  // namespace billbroker

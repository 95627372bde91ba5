#include "server/bill/http_request.h"

#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "vault/base/json/json_writer.h"

namespace billbroker {
namespace {

constexpr absl::string_view kNul("\0", 1);

SecretString Header(absl::string_view name, absl::string_view value) {
  SecretBuilder line;
  line.Append(name).Append(": ").Append(value).Append(kNul);
  return std::move(line).Build();
}

HttpRequest SessionRequest(bool is_post, absl::string_view path, const SessionKeys& keys) {
  HttpRequest request;
  request.is_post = is_post;
  request.path = path;
  request.headers.push_back(Header("sessionId", keys.session_id->Reveal()));
  request.headers.push_back(Header("devKey", keys.dev_key->Reveal()));
  request.headers.push_back(Header("Accept", "application/json"));
  if (is_post) request.headers.push_back(Header("Content-Type", "application/json"));
  return request;
}

// Returns an object of the members that `members` writes.
SecretString JsonBody(absl::FunctionRef<void(JsonWriter&)> members) {
  JsonWriter json(JsonWriter::Escaping::kUtf8);
  json.Object([&] { members(json); });
  return std::move(json).Build();
}

void WriteDevice(JsonWriter& json, const Credential& credential) {
  if (credential.remember_me_id.empty()) return;
  json.String("rememberMeId", credential.remember_me_id.Reveal())
      .String("device", credential.device);
}

HttpRequest JsonPost(absl::string_view path, SecretString body) {
  HttpRequest request;
  request.is_post = true;
  request.path = path;
  request.headers.push_back(Header("Accept", "application/json"));
  request.headers.push_back(Header("Content-Type", "application/json"));
  request.body = std::move(body);
  return request;
}

// Encodes a token of BILL's, so that no byte of it can end the query or add to it (RFC 3986, 2.1
// and 2.3).
std::string PercentEncoded(absl::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-._~", c)) {
      encoded += c;
    } else {
      absl::StrAppend(&encoded, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return encoded;
}

}  // namespace

HttpRequest SignInHttpRequest(const Credential& credential, absl::string_view organization_id) {
  const bool is_console = credential.kind == CredentialKind::kConsole;
  SecretString body = JsonBody([&](JsonWriter& json) {
    json.String("devKey", credential.DevKeyFor(organization_id).Reveal())
        .String("username", credential.username)
        .String("organizationId", organization_id)
        .String(is_console ? "consoleApiToken" : "password", credential.UserSecret().Reveal());
    WriteDevice(json, credential);
  });
  return JsonPost("/v3/login", std::move(body));
}

HttpRequest PartnerSignInHttpRequest(const Credential& credential) {
  SecretString body = JsonBody([&](JsonWriter& json) {
    json.String("appKey", credential.app_key.Reveal())
        .String("username", credential.username)
        .String("password", credential.password.Reveal());
  });
  return JsonPost("/v3/partner/login", std::move(body));
}

HttpRequest SignInAsUserHttpRequest(const Credential& credential, absl::string_view organization_id,
                                    const SecretString& partner_session_id) {
  SecretString body = JsonBody([&](JsonWriter& json) {
    json.String("userId", credential.FindOrganization(organization_id)->user_id)
        .String("organizationId", organization_id);
    WriteDevice(json, credential);
  });
  HttpRequest request = JsonPost("/v3/partner/login-as-user", std::move(body));
  request.headers.push_back(Header("appKey", credential.app_key.Reveal()));
  request.headers.push_back(Header("sessionId", partner_session_id.Reveal()));
  return request;
}

HttpRequest SignOutHttpRequest(const SessionKeys& keys) {
  return SessionRequest(true, "/v3/logout", keys);
}

HttpRequest SessionInfoHttpRequest(const SessionKeys& keys) {
  return SessionRequest(false, "/v3/login/session", keys);
}

HttpRequest HealthHttpRequest() {
  HttpRequest request;
  request.path = "/v3/health";
  request.headers.push_back(Header("Accept", "application/json"));
  return request;
}

HttpRequest StartMfaChallengeHttpRequest(const SessionKeys& keys) {
  HttpRequest request = SessionRequest(true, "/v3/mfa/challenge", keys);
  request.body = SecretString::CopyOf("{}");
  return request;
}

HttpRequest ValidateMfaChallengeHttpRequest(const SessionKeys& keys,
                                            const MfaValidation& validation) {
  HttpRequest request = SessionRequest(true, "/v3/mfa/challenge/validate", keys);
  request.body = JsonBody([&](JsonWriter& json) {
    json.String("challengeId", validation.challenge_id.Reveal())
        .String("token", validation.code.Reveal())
        .String("device", validation.device)
        .String("machineName", "billbroker")
        .Bool("rememberMe", true);
  });
  return request;
}

HttpRequest StepUpHttpRequest(const SessionKeys& keys, const SecretString& remember_me_id,
                              absl::string_view device) {
  HttpRequest request = SessionRequest(true, "/v3/mfa/step-up", keys);
  request.body = JsonBody([&](JsonWriter& json) {
    json.String("rememberMeId", remember_me_id.Reveal()).String("device", device);
  });
  return request;
}

HttpRequest ListOrganizationsHttpRequest(const SessionKeys& keys, absl::string_view page) {
  HttpRequest request = SessionRequest(false, "/v3/login/organizations", keys);
  if (!page.empty()) request.query = absl::StrCat("?page=", PercentEncoded(page));
  return request;
}

}  // namespace billbroker

#include "server/bill/http_request.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

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

// Writes one flat object, of at least one member.
class JsonObjectBuilder final {
 public:
  void Add(absl::string_view name, absl::string_view value) { AppendJsonString(value, Key(name)); }
  // Appends `json` without a change.
  void AddLiteral(absl::string_view name, absl::string_view json) { Key(name).Append(json); }
  [[nodiscard]] SecretString Build() && {
    json_.Append("}");
    return std::move(json_).Build();
  }

 private:
  SecretBuilder& Key(absl::string_view name) {
    json_.Append(json_.size() == 0 ? "{" : ",");
    AppendJsonString(name, json_);
    return json_.Append(":");
  }

  SecretBuilder json_;
};

void AddDevice(const Credential& credential, JsonObjectBuilder& body) {
  if (credential.remember_me_id.empty()) return;
  body.Add("rememberMeId", credential.remember_me_id.Reveal());
  body.Add("device", credential.device);
}

HttpRequest JsonPost(absl::string_view path, JsonObjectBuilder body) {
  HttpRequest request;
  request.is_post = true;
  request.path = path;
  request.headers.push_back(Header("Accept", "application/json"));
  request.headers.push_back(Header("Content-Type", "application/json"));
  request.body = std::move(body).Build();
  return request;
}

// Returns the length of the UTF-8 character at the start of `text` (RFC 3629, 4); 0 if invalid.
std::size_t Utf8CharacterLength(absl::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) > 0x9F;
  const bool too_large = lead == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || too_large ? 0 : length;
}

void AppendEscape(unsigned char byte, SecretBuilder& to) {
  constexpr char kDigits[] = "0123456789abcdef";
  const std::array<char, 6> escape = {'\\', 'u', '0', '0', kDigits[byte >> 4], kDigits[byte & 15]};
  to.Append({escape.data(), escape.size()});
}

bool StandsForItself(absl::string_view text) {
  const auto byte = static_cast<unsigned char>(text.front());
  return byte >= 0x20 && byte != '"' && byte != '\\' && Utf8CharacterLength(text) > 0;
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
  JsonObjectBuilder body;
  body.Add("devKey", credential.DevKeyFor(organization_id).Reveal());
  body.Add("username", credential.username);
  body.Add("organizationId", organization_id);
  body.Add(credential.kind == CredentialKind::kConsole ? "consoleApiToken" : "password",
           credential.UserSecret().Reveal());
  AddDevice(credential, body);
  return JsonPost("/v3/login", std::move(body));
}

HttpRequest PartnerSignInHttpRequest(const Credential& credential) {
  JsonObjectBuilder body;
  body.Add("appKey", credential.app_key.Reveal());
  body.Add("username", credential.username);
  body.Add("password", credential.password.Reveal());
  return JsonPost("/v3/partner/login", std::move(body));
}

HttpRequest SignInAsUserHttpRequest(const Credential& credential, absl::string_view organization_id,
                                    const SecretString& partner_session_id) {
  JsonObjectBuilder body;
  body.Add("userId", credential.FindOrganization(organization_id)->user_id);
  body.Add("organizationId", organization_id);
  AddDevice(credential, body);
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
  JsonObjectBuilder body;
  body.Add("challengeId", validation.challenge_id.Reveal());
  body.Add("token", validation.code.Reveal());
  body.Add("device", validation.device);
  body.Add("machineName", "billbroker");
  body.AddLiteral("rememberMe", "true");
  HttpRequest request = SessionRequest(true, "/v3/mfa/challenge/validate", keys);
  request.body = std::move(body).Build();
  return request;
}

HttpRequest StepUpHttpRequest(const SessionKeys& keys, const SecretString& remember_me_id,
                              absl::string_view device) {
  JsonObjectBuilder body;
  body.Add("rememberMeId", remember_me_id.Reveal());
  body.Add("device", device);
  HttpRequest request = SessionRequest(true, "/v3/mfa/step-up", keys);
  request.body = std::move(body).Build();
  return request;
}

HttpRequest ListOrganizationsHttpRequest(const SessionKeys& keys, absl::string_view page) {
  HttpRequest request = SessionRequest(false, "/v3/login/organizations", keys);
  if (!page.empty()) request.query = absl::StrCat("?page=", PercentEncoded(page));
  return request;
}

void AppendJsonString(absl::string_view text, SecretBuilder& to) {
  to.Append("\"");
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && StandsForItself(text.substr(plain))) {
      plain += Utf8CharacterLength(text.substr(plain));
    }
    to.Append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    AppendEscape(static_cast<unsigned char>(text.front()), to);
    text.remove_prefix(1);
  }
  to.Append("\"");
}

}  // namespace billbroker

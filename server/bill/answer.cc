#include "server/bill/answer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/bill/refusal.h"
#include "vault/base/json/json_view.h"

namespace billbroker {
namespace {

constexpr std::size_t kLongestSessionId = 512;
constexpr std::size_t kLongestChallengeId = 512;
constexpr std::size_t kLongestRememberMeId = 1024;

// Returns the id in the member `name`; nullopt if it is absent or malformed.
absl::optional<std::string> FindId(JsonView body, absl::string_view name) {
  const absl::optional<JsonView> member = body.Find(name);
  if (!member.has_value()) return absl::nullopt;
  const absl::optional<SecretString> text = member->Text(kLongestId);
  if (!text.has_value() || !IsId(text->Reveal())) return absl::nullopt;
  return std::string(text->Reveal());
}

// Returns the boolean in the member `name`; false if it is absent, nullopt if it is malformed.
absl::optional<bool> FindBool(JsonView body, absl::string_view name) {
  const absl::optional<JsonView> member = body.Find(name);
  if (!member.has_value()) return false;
  if (member->kind() != JsonView::Kind::kBool) return absl::nullopt;
  return member->IsTrue();
}

// Returns the text of 1 to `longest` bytes in the member `name`; nullopt if there is none.
absl::optional<SecretString> FindSecret(JsonView body, absl::string_view name,
                                        std::size_t longest) {
  const absl::optional<JsonView> member = body.Find(name);
  if (!member.has_value()) return absl::nullopt;
  absl::optional<SecretString> text = member->Text(longest);
  if (!text.has_value() || text->empty()) return absl::nullopt;
  return text;
}

// BILL documents five values of mfaStatus. An unknown value is not COMPLETE.
bool IsMfaComplete(JsonView body) {
  const absl::optional<JsonView> member = body.Find("mfaStatus");
  if (!member.has_value()) return false;
  const absl::optional<SecretString> text = member->Text(kLongestId);
  return text.has_value() && text->Reveal() == "COMPLETE";
}

constexpr absl::string_view kBadSessionId = "a sessionId that no header can carry";

// Returns the body of an answer that has a "sessionId" of any type; nullopt for other answers.
absl::optional<JsonView> SessionBody(const HttpAnswer& answer) {
  absl::optional<JsonView> body = JsonView::Parse(answer.body);
  if (!answer.IsSuccess() || !body.has_value() || !body->Find("sessionId").has_value()) {
    return absl::nullopt;
  }
  return body;
}

absl::optional<SecretString> FindSessionId(JsonView body) {
  absl::optional<SecretString> session_id = body.Find("sessionId")->Text(kLongestSessionId);
  if (!session_id.has_value() || !IsHeaderSafe(session_id->Reveal())) return absl::nullopt;
  return session_id;
}

// Reads a session of `organization_id`. If `as_user` is set, it must be a session of that user, and
// the answer may omit the user.
BillResult<SignInAnswer> ReadSession(const HttpAnswer& answer, absl::string_view organization_id,
                                     absl::optional<absl::string_view> as_user, absl::Time now) {
  if (auto refused = FindRefusal(answer, now)) return *std::move(refused);
  const absl::optional<JsonView> body = SessionBody(answer);
  if (!body.has_value()) return ReadRefusal(answer, now);
  SignInAnswer signed_in;
  absl::optional<SecretString> session_id = FindSessionId(*body);
  if (!session_id.has_value()) return OutOfShape(answer, kBadSessionId);
  signed_in.session_id = *std::move(session_id);

  if (body->Find("organizationId").has_value()) {
    const absl::optional<std::string> named = FindId(*body, "organizationId");
    if (!named.has_value()) return OutOfShape(answer, "a malformed organizationId");
    if (*named != organization_id) {
      return OutOfShape(answer, "a session of another organization than the requested one");
    }
  }
  signed_in.organization_id = std::string(organization_id);

  const bool names_user = body->Find("userId").has_value() || !as_user.has_value();
  absl::optional<std::string> user_id =
      names_user ? FindId(*body, "userId") : std::string(*as_user);
  if (!user_id.has_value()) return OutOfShape(answer, "a missing or malformed userId");
  if (as_user.has_value() && *user_id != *as_user) {
    return OutOfShape(answer, "a session of another user than the requested one");
  }
  signed_in.user_id = *std::move(user_id);

  const absl::optional<bool> trusted = FindBool(*body, "trusted");
  if (!trusted.has_value()) return OutOfShape(answer, "a \"trusted\" that is not a boolean");
  signed_in.trusted = *trusted;
  return signed_in;
}

}  // namespace

bool IsId(absl::string_view text) {
  return !text.empty() && text.size() <= kLongestId &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
}

BillError OutOfShape(const HttpAnswer& answer, absl::string_view what) {
  BillError error;
  error.verdict = Verdict::kUnavailable;
  error.http_status = answer.status;
  error.body = ReadBodyKind(answer);
  error.detail = absl::StrCat("HTTP ", answer.status, " with ", what);
  return error;
}

BillResult<SignInAnswer> ReadSignIn(const HttpAnswer& answer, absl::string_view organization_id,
                                    absl::Time now) {
  return ReadSession(answer, organization_id, absl::nullopt, now);
}

BillResult<PartnerSignInAnswer> ReadPartnerSignIn(const HttpAnswer& answer, absl::Time now) {
  if (auto refused = FindRefusal(answer, now)) return *std::move(refused);
  const absl::optional<JsonView> body = SessionBody(answer);
  if (!body.has_value()) return ReadRefusal(answer, now);
  absl::optional<SecretString> session_id = FindSessionId(*body);
  if (!session_id.has_value()) return OutOfShape(answer, kBadSessionId);
  return PartnerSignInAnswer{*std::move(session_id)};
}

BillResult<SignInAnswer> ReadSignInAsUser(const HttpAnswer& answer,
                                          absl::string_view organization_id,
                                          absl::string_view user_id, absl::Time now) {
  return ReadSession(answer, organization_id, user_id, now);
}

BillResult<SignedOut> ReadSignOut(const HttpAnswer& answer, absl::Time now) {
  BillError error = ReadRefusal(answer, now);
  if (error.verdict == Verdict::kSessionInvalid) return SignedOut{};
  if (answer.IsSuccess() && !VerdictOfCode(error.code).has_value()) return SignedOut{};
  return error;
}

BillResult<SessionInfo> ReadSessionInfo(const HttpAnswer& answer, absl::Time now) {
  if (auto refused = FindRefusal(answer, now)) return *std::move(refused);
  const absl::optional<JsonView> body = JsonView::Parse(answer.body);
  if (!answer.IsSuccess() || !body.has_value() || !body->Find("organizationId").has_value()) {
    return ReadRefusal(answer, now);
  }
  absl::optional<std::string> organization_id = FindId(*body, "organizationId");
  if (!organization_id.has_value()) return OutOfShape(answer, "a malformed organizationId");
  absl::optional<std::string> user_id = FindId(*body, "userId");
  if (!user_id.has_value()) return OutOfShape(answer, "a missing or malformed userId");
  const absl::optional<bool> bypass = FindBool(*body, "mfaBypass");
  if (!bypass.has_value()) return OutOfShape(answer, "an mfaBypass that is not a boolean");
  return SessionInfo{*std::move(organization_id), *std::move(user_id),
                     *bypass || IsMfaComplete(*body)};
}

BillResult<AnswerShape> ReadHealth(const HttpAnswer& answer, absl::Time /*now*/) {
  return ReadShape(answer);
}

BillResult<MfaChallenge> ReadMfaChallenge(const HttpAnswer& answer, absl::Time now) {
  if (auto refused = FindRefusal(answer, now)) return *std::move(refused);
  const absl::optional<JsonView> body = JsonView::Parse(answer.body);
  if (!answer.IsSuccess() || !body.has_value() || !body->Find("challengeId").has_value()) {
    return ReadRefusal(answer, now);
  }
  absl::optional<SecretString> id = FindSecret(*body, "challengeId", kLongestChallengeId);
  if (!id.has_value()) return OutOfShape(answer, "a malformed challengeId");
  return MfaChallenge{*std::move(id)};
}

BillResult<MfaValidated> ReadMfaValidated(const HttpAnswer& answer, absl::Time now) {
  if (auto refused = FindRefusal(answer, now)) return *std::move(refused);
  const absl::optional<JsonView> body = JsonView::Parse(answer.body);
  if (!answer.IsSuccess() || !body.has_value()) return ReadRefusal(answer, now);
  for (const absl::string_view name : {"rememberMeId", "mfaId"}) {
    if (!body->Find(name).has_value()) continue;
    absl::optional<SecretString> id = FindSecret(*body, name, kLongestRememberMeId);
    if (!id.has_value()) return OutOfShape(answer, "a malformed rememberMeId");
    return MfaValidated{*std::move(id)};
  }
  BillError error = ReadRefusal(answer, now);
  return error.code.empty() ? OutOfShape(answer, "no rememberMeId") : error;
}

BillResult<SteppedUp> ReadSteppedUp(const HttpAnswer& answer, absl::Time now) {
  if (auto refused = FindRefusal(answer, now)) return *std::move(refused);
  const absl::optional<JsonView> body = JsonView::Parse(answer.body);
  if (!answer.IsSuccess() || !body.has_value() || !body->Find("trusted").has_value()) {
    return ReadRefusal(answer, now);
  }
  const absl::optional<bool> trusted = FindBool(*body, "trusted");
  if (!trusted.has_value()) return OutOfShape(answer, "a \"trusted\" that is not a boolean");
  return SteppedUp{*trusted};
}

bool IsHeaderSafe(absl::string_view value) {
  return !value.empty() && value.size() <= kLongestSessionId &&
         std::all_of(value.begin(), value.end(), absl::ascii_isgraph);
}

}  // namespace billbroker

#include "server/access/audit/audit_entry.h"

#include <algorithm>

#include "vault/base/error.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

// The character that `text` begins with; empty where it begins with none.
absl::string_view FirstCharacter(absl::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(4, text.size()); ++size) {
    if (IsUtf8(text.substr(0, size))) return text.substr(0, size);
  }
  return {};
}

// U+0000 to U+001F, U+007F to U+009F, and the two line ends of Unicode.
bool IsControl(absl::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  if (character.size() == 2) {
    return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
  }
  return character == "\xE2\x80\xA8" || character == "\xE2\x80\xA9";
}

}  // namespace

absl::string_view AuditEventName(AuditEvent event) {
  switch (event) {
    case AuditEvent::kSignIn:
      return "sign_in";
    case AuditEvent::kLogOut:
      return "log_out";
    case AuditEvent::kCredentialChange:
      return "credential_change";
    case AuditEvent::kMfaChange:
      return "mfa_change";
    case AuditEvent::kRefusal:
      return "refusal";
    case AuditEvent::kPolicyReload:
      return "policy_reload";
    case AuditEvent::kSessionRead:
      return "session_read";
    case AuditEvent::kKeyringAdopt:
      return "keyring_adopt";
  }
  return "";
}

absl::string_view AuditPhaseName(AuditPhase phase) {
  return phase == AuditPhase::kIntent ? "intent" : "outcome";
}

void SetOutcome(const absl::Status& outcome, AuditEntry& entry) {
  entry.phase = AuditPhase::kOutcome;
  entry.outcome = absl::StatusCodeToString(outcome.code());
  const absl::optional<ErrorDetails> details = DetailsOf(outcome);
  if (details.has_value()) entry.reason = std::string(ReasonName(details->reason));
}

std::string AuditText(absl::string_view text, std::size_t most) {
  std::string clean;
  while (!text.empty()) {
    const absl::string_view character = FirstCharacter(text);
    const bool keep = !character.empty() && !IsControl(character);
    const absl::string_view kept = keep ? character : "?";
    if (clean.size() + kept.size() > most) break;
    clean.append(kept.data(), kept.size());
    text.remove_prefix(std::max<std::size_t>(1, character.size()));
  }
  return clean;
}

void ClipTexts(AuditEntry& entry) {
  if (entry.principal.size() > kLongestAuditPrincipal) {
    entry.principal = AuditText(entry.principal, kLongestAuditPrincipal);
  }
  for (std::string* text : {&entry.certificate_serial, &entry.rpc, &entry.organization,
                            &entry.credential, &entry.dev_key_id, &entry.set_aside, &entry.outcome,
                            &entry.reason, &entry.request_id, &entry.traceparent}) {
    if (text->size() > kLongestAuditText) *text = AuditText(*text);
  }
}

}  // namespace billbroker

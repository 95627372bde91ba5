#include "vault/typed_text.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "vault/base/error.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

// Returns whether valid UTF-8 has a control character. U+0080 to U+009F are C2 80 to C2 9F.
bool HasControlCharacter(absl::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (absl::ascii_iscntrl(text[i])) return true;
    const bool is_c1 =
        text[i] == '\xC2' && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_c1) return true;
  }
  return false;
}

// Fields are valid if they are not set.
absl::Status CheckTexts(const std::string* username, const std::string* device) {
  absl::Status status;
  if (username != nullptr) status = ValidateTypedText("username", *username);
  if (status.ok() && device != nullptr) status = ValidateTypedText("device", *device);
  return status;
}

struct NamedSecret {
  absl::string_view field;
  const SecretString* secret;
};

template <std::size_t kCount>
absl::Status CheckSecrets(const NamedSecret (&secrets)[kCount]) {
  for (const NamedSecret& each : secrets) {
    if (each.secret == nullptr) continue;
    absl::Status status = ValidateTypedSecret(each.field, *each.secret);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

template <typename T>
const T* Pointer(const absl::optional<T>& value) {
  return value.has_value() ? &*value : nullptr;
}

}  // namespace

absl::Status ValidateTypedText(absl::string_view field, absl::string_view text) {
  if (!IsUtf8(text)) return Malformed(field, "is not UTF-8");
  if (!HasControlCharacter(text)) return absl::OkStatus();
  return Malformed(field,
                   "has a control character, such as NUL, a line break or an escape sequence; "
                   "send it without");
}

absl::Status ValidateTypedSecret(absl::string_view field, const SecretString& secret) {
  return ValidateTypedText(field, absl::StripTrailingAsciiWhitespace(secret.Reveal()));
}

absl::Status ValidateTypedTexts(const Credential& draft) {
  absl::Status status = CheckTexts(&draft.username, &draft.device);
  if (!status.ok()) return status;
  return CheckSecrets({{"password", &draft.password},
                       {"console_api_token", &draft.console_api_token},
                       {"remember_me_id", &draft.remember_me_id}});
}

absl::Status ValidateTypedTexts(const CredentialChange& change) {
  absl::Status status = CheckTexts(Pointer(change.username), Pointer(change.device));
  if (!status.ok()) return status;
  return CheckSecrets({{"password", Pointer(change.password)},
                       {"console_api_token", Pointer(change.console_api_token)},
                       {"remember_me_id", Pointer(change.remember_me_id)}});
}

}  // namespace billbroker

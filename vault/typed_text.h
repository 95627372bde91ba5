// Checks of the texts that people type into a credential.
//
// ValidateCredential() does not include them, so that a credential that was stored before these
// checks existed stays readable.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "vault/credential.h"

namespace billbroker {

// Returns MALFORMED_REQUEST naming `field`, and never the text, if `text` is not UTF-8 or has a
// control character: NUL, DEL, a line break, the beginning of an escape sequence, or one of U+0080
// to U+009F.
[[nodiscard]] absl::Status ValidateTypedText(absl::string_view field, absl::string_view text);

// Checks a secret likewise. Accepts tabs and line breaks at its end, which BILL may have accepted
// as part of it.
[[nodiscard]] absl::Status ValidateTypedSecret(absl::string_view field, const SecretString& secret);

// Checks the user name, the device and the secrets that may have other characters than printable
// ASCII.
[[nodiscard]] absl::Status ValidateTypedTexts(const Credential& draft);
[[nodiscard]] absl::Status ValidateTypedTexts(const CredentialChange& change);

}  // namespace billbroker

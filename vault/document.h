// The document of a credential: the JSON text that a vault stores, with all secrets in it.
//
// A document is one object. Its first member is "format", so that a document of a later format is
// recognized before another member is read. Empty optional members are left out. Times are RFC
// 3339.
//
//   {"format":1,"name":"acme-payables","uid":"6f…","version":3,"environment":"production",
//    "kind":"user","username":"ap@acme.example","sync_token":true,"dev_key":"…","password":"…",
//    "console_api_token":"…","remember_me_id":"…","device":"…",
//    "organizations":[{"id":"0080…","dev_key":"…"}],
//    "create_time":"2026-03-01T12:00:00Z","update_time":"2026-03-02T08:30:00Z"}
//
// Format 2 adds "remember_me_time" (RFC 3339), "staged" and "history" (rotation_json.h), and for a
// partner "app_key" and, in each organization, "user_id". A document that has none of them is
// written as format 1, which an older billbroker reads.
//
// tests/vault/testdata/credential_format1.json, …2.json and …2_partner.json are samples. Every
// later billbroker must be able to read them.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"
#include "vault/credential.h"

namespace billbroker {

// Returns the document of the credential. Requires: ValidateCredential(), a uid, a version of 1 to
// 2^63 - 1.
[[nodiscard]] SecretString WriteDocument(const Credential& credential);

// Reads the document stored under `name`. The document may be hostile. If it is not exactly a valid
// document of that name, the error is VAULT_DOCUMENT_INVALID. Its message describes the fault and
// contains no text of the document.
[[nodiscard]] absl::StatusOr<CredentialPtr> ReadDocument(absl::string_view name,
                                                         const SecretString& document);

// Returns VAULT_DOCUMENT_INVALID for the document stored under `name`; `fault` completes "it …".
[[nodiscard]] absl::Status BrokenDocument(absl::string_view name, absl::string_view fault);

}  // namespace billbroker

// Input for the commands about credentials: from people, files and standard input.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/secrets_json.h"
#include "client/cli/terminal.h"
#include "client/credential_client.h"

namespace billbroker {

// Reads and parses the JSON object of secrets; the input is read to its end. Warns on `err` of each
// secret that ends with white space, and keeps it as it is.
[[nodiscard]] absl::StatusOr<SecretsInput> ReadSecretsFromStdin(Terminal& terminal,
                                                                std::ostream& err);

// Prints a warning that names `field` if `secret` ends with white space or a line break.
void WarnOfTrailingSpace(absl::string_view field, const SecretString& secret, std::ostream& err);

// Asks a person for the secrets that `credential` needs; its kind, device and organizations are
// set. Repeats the question for a required secret until the answer is not empty.
[[nodiscard]] absl::Status AskSecrets(Terminal& terminal, NewCredential& credential);

// Asks a person for one secret until it is not empty. If it ends with white space, asks whether
// that is part of it.
[[nodiscard]] absl::StatusOr<SecretString> AskSecret(Terminal& terminal, absl::string_view prompt);

// Returns the organizations in the file at `path`, one on each line, in the form that WithDevKeys()
// takes. Ignores blank lines and text after a '#'.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ReadOrganizationFile(
    const std::string& path);

// Does the same, and reads standard input if `path` is "-". Fails if there are more than 10,000,
// the limit of one credential.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ReadOrganizationIds(const std::string& path,
                                                                           Terminal& terminal);

// Returns `ids` in their order, without duplicates, with their devKeys from `dev_keys`. Each is an
// id, or "ID=USER" for a partner's organization, with the id of the user to sign in as. Fails with
// INVALID_ARGUMENT if `dev_keys` has a devKey for another id.
[[nodiscard]] absl::StatusOr<std::vector<NewOrganization>> WithDevKeys(
    const std::vector<std::string>& ids, std::map<std::string, SecretString> dev_keys);

// Asks a yes or no question until it is answered; an empty line means `otherwise`.
[[nodiscard]] absl::StatusOr<bool> Confirm(Terminal& terminal, absl::string_view question,
                                           bool otherwise);

}  // namespace billbroker

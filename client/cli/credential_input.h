// What the commands about credentials read from people, files and standard input.
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

// Asks a person for the secrets that `credential` needs: its kind, device and organizations are
// set. What may not be empty is asked again until it is not.
[[nodiscard]] absl::Status AskSecrets(Terminal& terminal, NewCredential& credential);

// Asks a person for one secret until it is not empty. If it ends with white space, asks whether
// that is part of it.
[[nodiscard]] absl::StatusOr<SecretString> AskSecret(Terminal& terminal, absl::string_view prompt);

// The organizations of `path`, one a line as WithDevKeys() takes them; blank lines and what follows
// a '#' do not count.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ReadOrganizationFile(
    const std::string& path);

// The same of standard input where `path` is "-", and of no more than 10,000: what one credential
// holds.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ReadOrganizationIds(const std::string& path,
                                                                           Terminal& terminal);

// `ids` in their order, each once, with the devKeys that `dev_keys` has for them. Each is an id, or
// of a partner's organization "ID=USER" with the id of the user to sign in as. INVALID_ARGUMENT
// where `dev_keys` has one for another id.
[[nodiscard]] absl::StatusOr<std::vector<NewOrganization>> WithDevKeys(
    const std::vector<std::string>& ids, std::map<std::string, SecretString> dev_keys);

// Asks a yes or no question until it is answered; an empty line means `otherwise`.
[[nodiscard]] absl::StatusOr<bool> Confirm(Terminal& terminal, absl::string_view question,
                                           bool otherwise);

}  // namespace billbroker

// The questions of `billbroker login`.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "billbroker/v1/session.pb.h"
#include "client/cli/terminal.h"
#include "client/credential_client.h"

namespace billbroker {

// Returns a name for the credential of a BILL user: ("Ada.Lovelace@acme.com", "sandbox") gives
// "ada-lovelace-sandbox". It is a valid credential name, never empty.
[[nodiscard]] std::string ProposeName(absl::string_view username, absl::string_view environment);

// Asks a person for all fields of a credential, secrets included, and writes to `talk` meanwhile.
class LoginDialog final {
 public:
  // All borrowed.
  LoginDialog(Terminal& terminal, std::ostream& talk, CredentialClient& credentials)
      : terminal_(terminal), talk_(talk), credentials_(credentials) {}

  // Asks for all fields. `status` names the environments. Returns the errors of Terminal and
  // CredentialClient.
  [[nodiscard]] absl::StatusOr<NewCredential> Ask(const v1::GetStatusResponse& status);

  // Shows the answers of Ask(). Returns true if the person confirms that they are stored.
  [[nodiscard]] absl::StatusOr<bool> ConfirmSummary(const NewCredential& credential);

 private:
  absl::StatusOr<std::string> AskLine(absl::string_view question, absl::string_view proposal);
  absl::StatusOr<std::string> AskEnvironment(const v1::GetStatusResponse& status);
  absl::Status AskKind(NewCredential& credential);
  absl::StatusOr<std::string> AskUsername(const NewCredential& credential);
  absl::StatusOr<std::string> AskName(const NewCredential& credential);
  absl::StatusOr<std::vector<NewOrganization>> AskOrganizations(bool with_users);

  Terminal& terminal_;
  std::ostream& talk_;
  CredentialClient& credentials_;
};

}  // namespace billbroker

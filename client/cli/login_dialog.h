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

// A name for the credential of a BILL user: ("Ada.Lovelace@acme.com", "sandbox") gives
// "ada-lovelace-sandbox". A valid credential name, never empty.
[[nodiscard]] std::string ProposeName(absl::string_view username, absl::string_view environment);

// Asks a person for everything of a credential, secrets included, and talks to `talk` meanwhile.
class LoginDialog final {
 public:
  // All borrowed.
  LoginDialog(Terminal& terminal, std::ostream& talk, CredentialClient& credentials)
      : terminal_(terminal), talk_(talk), credentials_(credentials) {}

  // `status` names the environments. Errors: those of Terminal and of CredentialClient.
  [[nodiscard]] absl::StatusOr<NewCredential> Ask(const v1::GetStatusResponse& status);

  // Shows what Ask() gathered; true where the person wants it stored.
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

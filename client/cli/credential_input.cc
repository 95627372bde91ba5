#include "client/cli/credential_input.h"

#include <fstream>
#include <istream>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "vault/credential.h"

namespace billbroker {
namespace {

// The size limit of one request to the broker.
constexpr std::size_t kMaxSecretsBytes = 4 * 1024 * 1024;

bool EndsWithSpace(const SecretString& secret) {
  constexpr absl::string_view kNoBreakSpace = "\xC2\xA0";
  const absl::string_view text = secret.Reveal();
  return absl::StripTrailingAsciiWhitespace(text).size() < text.size() ||
         absl::EndsWith(text, kNoBreakSpace);
}

absl::Status AskOptional(Terminal& terminal, absl::string_view prompt, SecretString& into) {
  while (true) {
    absl::StatusOr<SecretString> answer = terminal.ReadSecret(prompt);
    if (!answer.ok()) return answer.status();
    into = *std::move(answer);
    if (!EndsWithSpace(into)) return absl::OkStatus();
    const absl::StatusOr<bool> keep =
        Confirm(terminal, "it ends with white space; is that part of it?", false);
    if (!keep.ok()) return keep.status();
    if (*keep) return absl::OkStatus();
  }
}

// Repeats the question until the answer is not empty.
absl::Status Ask(Terminal& terminal, absl::string_view prompt, SecretString& into) {
  absl::Status status = AskOptional(terminal, prompt, into);
  while (status.ok() && into.empty()) {
    status = AskOptional(terminal, absl::StrCat("it must not be empty; ", prompt), into);
  }
  return status;
}

// Only consoles and partners sign in to organizations of several developers.
absl::Status AskManyDevKeys(Terminal& terminal, NewCredential& credential) {
  absl::Status status = AskOptional(
      terminal,
      "devKey (not shown; empty where each organization has its own): ", credential.dev_key);
  for (NewOrganization& organization : credential.organizations) {
    if (!status.ok()) return status;
    const std::string question = absl::StrCat("own devKey of organization ", organization.id);
    status = credential.dev_key.empty()
                 ? Ask(terminal, absl::StrCat(question, " (not shown): "), organization.dev_key)
                 : AskOptional(terminal, absl::StrCat(question, " (not shown; empty for none): "),
                               organization.dev_key);
  }
  return status;
}

absl::Status AskDevKeys(Terminal& terminal, NewCredential& credential) {
  if (credential.kind != v1::CREDENTIAL_KIND_USER) return AskManyDevKeys(terminal, credential);
  constexpr char kPrompt[] = "devKey (not shown): ";
  // Without organizations the devKey is not needed yet.
  return credential.organizations.empty() ? AskOptional(terminal, kPrompt, credential.dev_key)
                                          : Ask(terminal, kPrompt, credential.dev_key);
}

// Reads one id from each line; `from` is the name of `in` in errors.
absl::StatusOr<std::vector<std::string>> ReadIds(std::istream& in, absl::string_view from) {
  std::vector<std::string> ids;
  for (std::string line; std::getline(in, line);) {
    const absl::string_view id =
        absl::StripAsciiWhitespace(absl::string_view(line).substr(0, line.find('#')));
    if (!id.empty()) ids.emplace_back(id);
  }
  if (in.bad() || ids.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("found no organization id in ", from, "; name a file with one id a line"));
  }
  return ids;
}

}  // namespace

absl::StatusOr<SecretsInput> ReadSecretsFromStdin(Terminal& terminal, std::ostream& err) {
  const absl::StatusOr<SecretString> json = terminal.ReadAll(kMaxSecretsBytes);
  if (!json.ok()) return json.status();
  absl::StatusOr<SecretsInput> secrets = ParseSecrets(json->Reveal());
  if (!secrets.ok()) return secrets;
  WarnOfTrailingSpace("dev_key", secrets->dev_key, err);
  WarnOfTrailingSpace("password", secrets->password, err);
  WarnOfTrailingSpace("console_api_token", secrets->console_api_token, err);
  WarnOfTrailingSpace("app_key", secrets->app_key, err);
  WarnOfTrailingSpace("remember_me_id", secrets->remember_me_id, err);
  return secrets;
}

void WarnOfTrailingSpace(absl::string_view field, const SecretString& secret, std::ostream& err) {
  if (!EndsWithSpace(secret)) return;
  err << "warning: " << field
      << " ends with white space or a line break, which is kept as part of the secret\n";
}

absl::StatusOr<SecretString> AskSecret(Terminal& terminal, absl::string_view prompt) {
  SecretString secret;
  if (absl::Status status = Ask(terminal, prompt, secret); !status.ok()) return status;
  return secret;
}

absl::Status AskSecrets(Terminal& terminal, NewCredential& credential) {
  absl::Status status = AskDevKeys(terminal, credential);
  if (status.ok() && credential.kind == v1::CREDENTIAL_KIND_PARTNER) {
    status = Ask(terminal, "appKey (not shown): ", credential.app_key);
  }
  if (!status.ok()) return status;
  if (credential.kind == v1::CREDENTIAL_KIND_CONSOLE) {
    status = Ask(terminal, "console API token (not shown): ", credential.console_api_token);
  } else {
    status =
        Ask(terminal,
            credential.sync_token ? "sync token's value (not shown): " : "password (not shown): ",
            credential.password);
  }
  if (!status.ok() || credential.device.empty()) return status;
  return Ask(terminal, "rememberMeId of the device (not shown): ", credential.remember_me_id);
}

absl::StatusOr<std::vector<std::string>> ReadOrganizationFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, "; name a file with one organization id a line"));
  }
  return ReadIds(file, path);
}

absl::StatusOr<std::vector<std::string>> ReadOrganizationIds(const std::string& path,
                                                             Terminal& terminal) {
  absl::StatusOr<std::vector<std::string>> ids;
  if (path == "-") {
    const absl::StatusOr<SecretString> input = terminal.ReadAll(kMaxSecretsBytes);
    if (!input.ok()) return input.status();
    std::istringstream lines{std::string(input->Reveal())};  // ids are not secret
    ids = ReadIds(lines, "standard input");
  } else {
    ids = ReadOrganizationFile(path);
  }
  if (ids.ok() && ids->size() > kMaxOrganizations) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found ", ids->size(), " organization ids; a credential holds up to ", kMaxOrganizations));
  }
  return ids;
}

absl::StatusOr<std::vector<NewOrganization>> WithDevKeys(
    const std::vector<std::string>& ids, std::map<std::string, SecretString> dev_keys) {
  std::vector<NewOrganization> organizations;
  std::set<std::string> seen;
  for (const std::string& text : ids) {
    const std::pair<std::string, std::string> id_and_user =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    const std::string& id = id_and_user.first;
    if (!seen.insert(id).second) continue;
    NewOrganization& organization = organizations.emplace_back();
    organization.id = id;
    organization.user_id = id_and_user.second;
    if (auto found = dev_keys.extract(id)) organization.dev_key = std::move(found.mapped());
  }
  if (dev_keys.empty()) return organizations;
  return absl::InvalidArgumentError(
      "organization_dev_keys names an organization that is not among the organizations of this "
      "command; name it there too (not repeated here: it may be a secret in the wrong place)");
}

absl::StatusOr<bool> Confirm(Terminal& terminal, absl::string_view question, bool otherwise) {
  while (true) {
    const absl::StatusOr<std::string> line =
        terminal.ReadLine(absl::StrCat(question, otherwise ? " [Y/n] " : " [y/N] "));
    if (!line.ok()) return line.status();
    const std::string answer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(*line));
    if (answer.empty()) return otherwise;
    if (answer == "y" || answer == "yes") return true;
    if (answer == "n" || answer == "no") return false;
  }
}

}  // namespace billbroker

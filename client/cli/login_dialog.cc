#include "client/cli/login_dialog.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/credential_input.h"
#include "client/cli/format.h"
#include "client/cli/table.h"
#include "vault/base/error.h"
#include "vault/credential.h"
#include "vault/user_name.h"

namespace billbroker {
namespace {

constexpr std::size_t kMaxNameBytes = 64;

std::string KindForPeople(const NewCredential& credential) {
  if (credential.kind == v1::CREDENTIAL_KIND_CONSOLE) return "Accountant Console user";
  if (credential.kind == v1::CREDENTIAL_KIND_PARTNER) return "API partner";
  return credential.sync_token ? "sync token" : "user with a password";
}

std::string OrganizationsForPeople(const NewCredential& credential) {
  return absl::StrJoin(credential.organizations, ", ",
                       [](std::string* out, const NewOrganization& organization) {
                         absl::StrAppend(out, organization.id);
                         if (!organization.user_id.empty())
                           absl::StrAppend(out, " as ", organization.user_id);
                         if (!organization.dev_key.empty()) absl::StrAppend(out, " (own devKey)");
                       });
}

}  // namespace

std::string ProposeName(absl::string_view username, absl::string_view environment) {
  std::string name;
  for (const char byte : absl::StrCat(username.substr(0, username.find('@')), "-", environment)) {
    const char lower = absl::ascii_tolower(static_cast<unsigned char>(byte));
    const bool allowed = absl::ascii_isalnum(static_cast<unsigned char>(lower));
    if (allowed) name.push_back(lower);
    if (!allowed && !name.empty() && name.back() != '-') name.push_back('-');
  }
  name.resize(std::min(name.size(), kMaxNameBytes));
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "bill" : name;
}

absl::StatusOr<NewCredential> LoginDialog::Ask(const v1::GetStatusResponse& status) {
  NewCredential credential;
  absl::StatusOr<std::string> answer = AskEnvironment(status);
  if (!answer.ok()) return answer.status();
  credential.environment = *std::move(answer);
  if (absl::Status asked = AskKind(credential); !asked.ok()) return asked;
  answer = AskUsername(credential);
  if (!answer.ok()) return answer.status();
  credential.username = *std::move(answer);
  answer = AskName(credential);
  if (!answer.ok()) return answer.status();
  credential.name = *std::move(answer);
  auto organizations = AskOrganizations(credential.kind == v1::CREDENTIAL_KIND_PARTNER);
  if (!organizations.ok()) return organizations.status();
  credential.organizations = *std::move(organizations);
  if (absl::Status asked = AskSecrets(terminal_, credential); !asked.ok()) return asked;
  return credential;
}

absl::StatusOr<bool> LoginDialog::ConfirmSummary(const NewCredential& credential) {
  talk_ << '\n';
  Table table;
  table.Add({"credential", credential.name});
  table.Add({"environment", credential.environment});
  table.Add({"kind", KindForPeople(credential)});
  table.Add({"user name", credential.username});
  table.Add(
      {"devKey", credential.dev_key.empty() ? "none; each organization has its own" : "typed"});
  table.Add({"organizations", OrganizationsForPeople(credential)});
  table.Print(talk_);
  talk_ << std::flush;
  return Confirm(terminal_, "store it in the keyring and sign in once?", true);
}

// Returns an answer that is not empty; an empty line means `proposal`.
absl::StatusOr<std::string> LoginDialog::AskLine(absl::string_view question,
                                                 absl::string_view proposal) {
  const std::string prompt = proposal.empty() ? absl::StrCat(question, ": ")
                                              : absl::StrCat(question, " [", proposal, "]: ");
  while (true) {
    const absl::StatusOr<std::string> line = terminal_.ReadLine(prompt);
    if (!line.ok()) return line.status();
    const absl::string_view answer = absl::StripAsciiWhitespace(*line);
    if (!answer.empty()) return std::string(answer);
    if (!proposal.empty()) return std::string(proposal);
  }
}

absl::StatusOr<std::string> LoginDialog::AskEnvironment(const v1::GetStatusResponse& status) {
  talk_ << "environments of this broker:\n";
  Table table;
  for (const v1::EnvironmentStatus& environment : status.environments()) {
    table.Add({"  " + environment.name(), environment.base_url()});
  }
  table.Print(talk_);
  talk_ << std::flush;
  const std::string first = status.environments().empty() ? "" : status.environments(0).name();
  while (true) {
    absl::StatusOr<std::string> answer = AskLine("environment", first);
    if (!answer.ok()) return answer.status();
    for (const v1::EnvironmentStatus& environment : status.environments()) {
      if (environment.name() == *answer) return answer;
    }
    talk_ << "there is no environment " << Printable(*answer) << "; type one of the list\n";
    talk_.flush();
  }
}

absl::Status LoginDialog::AskKind(NewCredential& credential) {
  talk_ << "how it signs in:\n  1  user with a password\n  2  sync token (48 hours, no payments)\n"
           "  3  Accountant Console user with an API token\n"
           "  4  API partner with an appKey\n"
        << std::flush;
  while (true) {
    const absl::StatusOr<std::string> answer = AskLine("kind", "1");
    if (!answer.ok()) return answer.status();
    if (answer->size() != 1 || *answer < "1" || *answer > "4") continue;
    credential.kind = v1::CREDENTIAL_KIND_USER;
    if (*answer == "3") credential.kind = v1::CREDENTIAL_KIND_CONSOLE;
    if (*answer == "4") credential.kind = v1::CREDENTIAL_KIND_PARTNER;
    credential.sync_token = *answer == "2";
    return absl::OkStatus();
  }
}

// A BILL user of an environment belongs to one credential. The question is repeated here while the
// user has one, before the secrets are typed in vain.
absl::StatusOr<std::string> LoginDialog::AskUsername(const NewCredential& credential) {
  const absl::StatusOr<std::vector<v1::Credential>> stored = credentials_.List();
  if (!stored.ok()) return stored.status();
  while (true) {
    absl::StatusOr<std::string> username =
        AskLine(credential.sync_token ? "sync token's name" : "BILL user name", "");
    if (!username.ok()) return username;
    const std::string folded = FoldUserName(*username);
    const auto owner = absl::c_find_if(*stored, [&](const v1::Credential& other) {
      return other.environment() == credential.environment &&
             FoldUserName(other.username()) == folded;
    });
    if (owner == stored->end()) return username;
    talk_ << "this user of " << credential.environment << " belongs to credential " << owner->name()
          << ": add organizations with 'billbroker credential attach " << owner->name()
          << " ID', or type another user\n"
          << std::flush;
  }
}

// Repeats the question while the name is taken, for the same reason.
absl::StatusOr<std::string> LoginDialog::AskName(const NewCredential& credential) {
  const std::string proposal = ProposeName(credential.username, credential.environment);
  while (true) {
    absl::StatusOr<std::string> name = AskLine("name for the credential", proposal);
    if (!name.ok()) return name.status();
    const absl::StatusOr<v1::Credential> taken = credentials_.Get(*name);
    if (HasReason(taken.status(), Reason::kUnknownCredential)) return name;
    if (!taken.ok() && !HasReason(taken.status(), Reason::kMalformedRequest)) return taken.status();
    talk_ << (taken.ok() ? absl::StrCat("there is a credential ", *name, " already")
                         : Printable(taken.status().message()))
          << "; choose another name\n"
          << std::flush;
  }
}

absl::StatusOr<std::vector<NewOrganization>> LoginDialog::AskOrganizations(bool with_users) {
  while (true) {
    const absl::StatusOr<std::string> line =
        AskLine(with_users ? "organizations and the users to sign in as, as ID=USER ID=USER"
                           : "organization ids, separated by spaces or commas",
                "");
    if (!line.ok()) return line.status();
    std::vector<std::string> ids =
        absl::StrSplit(*line, absl::ByAnyChar(" ,\t"), absl::SkipEmpty());
    absl::Status shape =
        ids.empty() ? absl::InvalidArgumentError("at least one is needed, to prove the credential")
                    : absl::OkStatus();
    auto organizations = WithDevKeys(ids, {});
    if (!organizations.ok()) return organizations;
    for (const NewOrganization& each : *organizations) {
      shape.Update(ValidateOrganizationId(each.id));
      if (with_users) shape.Update(ValidateOrganizationId(each.user_id, "user_id"));
      if (!with_users && !each.user_id.empty()) {
        shape.Update(
            absl::InvalidArgumentError("only a partner signs in as a user: leave out =USER"));
      }
    }
    if (shape.ok()) return organizations;
    talk_ << Printable(shape.message()) << "\n" << std::flush;
  }
}

}  // namespace billbroker

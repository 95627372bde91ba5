#include "client/cli/import_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "vault/base/error.h"
#include "vault/credential.h"
#include "vault/typed_text.h"
#include "vault/user_name.h"

namespace billbroker {
namespace {

absl::Status At(const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(path, " ", why));
}

// Returns a key that is equal for all spellings of one BILL user.
std::string UserKey(absl::string_view environment, absl::string_view username) {
  return absl::StrCat(environment, "\n", FoldUserName(username));
}

// As the broker will check it: its rules are the vault's. Its organizations are ordered there, so
// the place of one is looked up by its id.
absl::Status CheckNew(const std::string& path, const NewCredential& from) {
  Credential draft;
  draft.name = from.name;
  draft.environment = from.environment;
  // The enums are of one order; the proto's has UNSPECIFIED before it.
  static_assert(v1::CREDENTIAL_KIND_PARTNER == static_cast<int>(CredentialKind::kPartner) + 1);
  draft.kind = static_cast<CredentialKind>(static_cast<int>(from.kind) - 1);
  draft.username = from.username;
  draft.sync_token = from.sync_token;
  draft.dev_key = from.dev_key.Clone();
  draft.password = from.password.Clone();
  draft.console_api_token = from.console_api_token.Clone();
  draft.app_key = from.app_key.Clone();
  draft.remember_me_id = from.remember_me_id.Clone();
  draft.device = from.device;
  // One at a time, so that the place in an error is the document's.
  for (std::size_t i = 0; i <= from.organizations.size(); ++i) {
    draft.organizations.clear();
    if (i > 0) {
      const NewOrganization& organization = from.organizations[i - 1];
      draft.organizations.push_back(
          {organization.id, organization.dev_key.Clone(), organization.user_id});
    }
    absl::Status checked = ValidateCredential(draft);
    if (checked.ok() && i == 0) checked = ValidateTypedTexts(draft);
    if (checked.ok()) continue;
    const absl::optional<ErrorDetails> details = DetailsOf(checked);
    std::string field = details.has_value() ? details->metadata.at("field") : "";
    if (i > 0) {
      field = absl::StrCat("organizations[", i - 1, "]", field.substr(field.find('.')));
    }
    return At(path, absl::StrCat("cannot be created: ", checked.message(),
                                 i > 0 ? absl::StrCat(" (", field, ")") : ""));
  }
  return absl::OkStatus();
}

absl::Status CheckOrganizations(const std::string& path, const NewCredential& credential) {
  std::set<absl::string_view> seen;
  for (std::size_t i = 0; i < credential.organizations.size(); ++i) {
    const std::string place = absl::StrCat(path, ".organizations[", i, "].id");
    const std::string& id = credential.organizations[i].id;
    if (!ValidateOrganizationId(id).ok()) {
      return At(place, "must be 1 to 64 characters of [A-Za-z0-9_-]");
    }
    if (!seen.insert(id).second) return At(place, "is there twice; name each once");
  }
  if (seen.size() <= kMaxOrganizations) return absl::OkStatus();
  return At(absl::StrCat(path, ".organizations"),
            absl::StrCat("has more than ", kMaxOrganizations, " entries"));
}

class Planner final {
 public:
  explicit Planner(const ImportWorld& world) : world_(world) {
    for (const v1::Credential& each : world.credentials) {
      by_name_[each.name()] = &each;
      by_user_[UserKey(each.environment(), each.username())] = each.name();
    }
  }

  absl::StatusOr<ImportStep> Plan(const std::string& path, NewCredential credential) {
    if (absl::Status checked = CheckAgainstDocument(path, credential); !checked.ok()) {
      return checked;
    }
    const auto known = by_name_.find(credential.name);
    if (known == by_name_.end()) return Create(path, std::move(credential));
    absl::Status same = CheckSame(path, credential, *known->second);
    if (!same.ok()) return same;
    return Attach(path, std::move(credential));
  }

 private:
  absl::Status CheckAgainstDocument(const std::string& path, const NewCredential& credential) {
    if (!ValidateCredentialName(credential.name).ok()) {
      return At(absl::StrCat(path, ".name"),
                "must be 1 to 64 characters of [a-z0-9-], beginning with a letter or digit");
    }
    if (!names_.insert(credential.name).second) {
      return At(absl::StrCat(path, ".name"), "is there twice; name each credential once");
    }
    if (!world_.environments.contains(credential.environment)) {
      return At(absl::StrCat(path, ".environment"),
                absl::StrCat("is not configured at the broker; there are: ",
                             absl::StrJoin(world_.environments, ", ")));
    }
    if (!users_.insert(UserKey(credential.environment, credential.username)).second) {
      return At(absl::StrCat(path, ".username"),
                "is there twice in this environment; one user belongs to one credential");
    }
    return CheckOrganizations(path, credential);
  }

  absl::StatusOr<ImportStep> Create(const std::string& path, NewCredential credential) {
    const auto taken = by_user_.find(UserKey(credential.environment, credential.username));
    if (taken != by_user_.end()) {
      return At(absl::StrCat(path, ".username"),
                absl::StrCat("belongs to credential \"", taken->second,
                             "\" already; use that name to attach organizations to it"));
    }
    if (absl::Status checked = CheckNew(path, credential); !checked.ok()) return checked;
    ImportStep step;
    step.action = ImportStep::Action::kCreate;
    step.credential = std::move(credential);
    return step;
  }

  static absl::Status CheckSame(const std::string& path, const NewCredential& credential,
                                const v1::Credential& stored) {
    const std::pair<const char*, bool> fields[] = {
        {"environment", credential.environment == stored.environment()},
        {"kind", credential.kind == stored.kind()},
        {"username", UserKey("", credential.username) == UserKey("", stored.username())},
        {"sync_token", credential.sync_token == stored.sync_token()},
        {"device", credential.device == stored.device()}};
    for (const auto& [field, same] : fields) {
      if (same) continue;
      return At(absl::StrCat(path, ".", field),
                absl::StrCat("differs from that of the stored credential \"", stored.name(),
                             "\"; import changes nothing that is stored"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ImportStep> Attach(const std::string& path, NewCredential credential) {
    const absl::StatusOr<v1::Credential> stored = world_.get(credential.name);
    if (!stored.ok()) return stored.status();
    std::set<absl::string_view> attached;
    for (const v1::Organization& each : stored->organizations()) {
      attached.insert(each.organization_id());
    }
    std::erase_if(credential.organizations,
                  [&](const NewOrganization& each) { return attached.contains(each.id); });
    if (attached.size() + credential.organizations.size() > kMaxOrganizations) {
      return At(absl::StrCat(path, ".organizations"),
                absl::StrCat("and those attached already are more than ", kMaxOrganizations));
    }
    ImportStep step;
    step.action = credential.organizations.empty() ? ImportStep::Action::kNothing
                                                   : ImportStep::Action::kAttach;
    step.credential = std::move(credential);
    step.version = VersionOf(*stored);
    return step;
  }

  const ImportWorld& world_;
  std::map<std::string, const v1::Credential*> by_name_;
  std::map<std::string, std::string> by_user_;  // UserKey() -> name
  std::set<std::string> names_;                 // of the document so far
  std::set<std::string> users_;
};

}  // namespace

absl::StatusOr<std::vector<ImportStep>> PlanImport(std::vector<NewCredential> credentials,
                                                   const ImportWorld& world) {
  Planner planner(world);
  std::vector<ImportStep> plan;
  for (NewCredential& credential : credentials) {
    absl::StatusOr<ImportStep> step =
        planner.Plan(absl::StrCat("credentials[", plan.size(), "]"), std::move(credential));
    if (!step.ok()) return step.status();
    plan.push_back(*std::move(step));
  }
  return plan;
}

std::string Describe(const ImportStep& step) {
  const std::string& name = step.credential.name;
  const std::string organizations =
      Counted(static_cast<std::int64_t>(step.credential.organizations.size()), "organization");
  switch (step.action) {
    case ImportStep::Action::kCreate:
      return absl::StrCat("create ", name, " with ", organizations);
    case ImportStep::Action::kAttach:
      return absl::StrCat("attach ", organizations, " to ", name);
    case ImportStep::Action::kNothing:
      break;
  }
  return absl::StrCat("nothing to do for ", name);
}

}  // namespace billbroker

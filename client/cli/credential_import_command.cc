#include <cstddef>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/credential_commands.h"
#include "client/cli/credential_input.h"
#include "client/cli/import_document.h"
#include "client/cli/import_plan.h"

namespace billbroker {
namespace {

struct ImportOptions {
  bool dry_run = false;
};

using Plan = std::vector<ImportStep>;

// The size of several requests of the largest size.
constexpr std::size_t kMaxDocumentBytes = 32 * 1024 * 1024;

absl::string_view ActionWord(ImportStep::Action action) {
  switch (action) {
    case ImportStep::Action::kCreate:
      return "create";
    case ImportStep::Action::kAttach:
      return "attach";
    case ImportStep::Action::kNothing:
      break;
  }
  return "nothing";
}

absl::string_view StateWord(ImportStep::State state) {
  switch (state) {
    case ImportStep::State::kPlanned:
      return "planned";
    case ImportStep::State::kDone:
      return "done";
    case ImportStep::State::kFailed:
      return "failed";
    case ImportStep::State::kNotTried:
      break;
  }
  return "not_tried";
}

std::string LineOf(const ImportStep& step) {
  switch (step.state) {
    case ImportStep::State::kPlanned:
      return Describe(step);
    case ImportStep::State::kDone:
      return step.action == ImportStep::Action::kNothing ? Describe(step)
                                                         : absl::StrCat("done: ", Describe(step));
    case ImportStep::State::kFailed:
      return absl::StrCat("failed: ", Describe(step));
    case ImportStep::State::kNotTried:
      break;
  }
  return absl::StrCat("not tried: ", Describe(step));
}

absl::Status PrintPlan(CommandContext& context, bool dry_run, const Plan& plan) {
  Json json = {{"dry_run", dry_run}, {"credentials", Json::array()}};
  for (const ImportStep& step : plan) {
    json["credentials"].push_back({{"name", step.credential.name},
                                   {"action", ActionWord(step.action)},
                                   {"organizations", step.credential.organizations.size()},
                                   {"state", StateWord(step.state)}});
  }
  return context.Print(json, [&](std::ostream& out) {
    for (const ImportStep& step : plan) out << LineOf(step) << '\n';
    if (plan.empty()) out << "the document holds no credential\n";
  });
}

void WarnOfTrailingSpaces(const std::vector<NewCredential>& document, std::ostream& err) {
  for (std::size_t i = 0; i < document.size(); ++i) {
    const NewCredential& each = document[i];
    const std::string path = absl::StrCat("credentials[", i, "].");
    WarnOfTrailingSpace(path + "password", each.password, err);
    WarnOfTrailingSpace(path + "console_api_token", each.console_api_token, err);
    WarnOfTrailingSpace(path + "remember_me_id", each.remember_me_id, err);
  }
}

absl::StatusOr<Plan> MakePlan(CommandContext& context) {
  const absl::StatusOr<SecretString> json = context.io.terminal.ReadAll(kMaxDocumentBytes);
  if (!json.ok()) return json.status();
  absl::StatusOr<std::vector<NewCredential>> document = ParseImport(json->Reveal());
  if (!document.ok()) return document.status();
  WarnOfTrailingSpaces(*document, context.io.err);
  const absl::StatusOr<v1::GetStatusResponse> status = context.admin.GetStatus();
  if (!status.ok()) return status.status();
  absl::StatusOr<std::vector<v1::Credential>> stored = context.credentials.List();
  if (!stored.ok()) return stored.status();
  ImportWorld world;
  for (const v1::EnvironmentStatus& each : status->environments()) {
    world.environments.insert(each.name());
  }
  world.credentials = *std::move(stored);
  world.get = [&context](absl::string_view name) { return context.credentials.Get(name); };
  return PlanImport(*std::move(document), world);
}

absl::Status Carry(CredentialClient& credentials, const ImportStep& step) {
  switch (step.action) {
    case ImportStep::Action::kCreate:
      return credentials.Create(step.credential).status();
    case ImportStep::Action::kAttach:
      return credentials.Attach(step.version, step.credential.organizations).status();
    case ImportStep::Action::kNothing:
      break;
  }
  return absl::OkStatus();
}

// Carries out the steps up to the first one that fails, because its cause mostly applies to the
// next ones too. The document can be imported again.
absl::Status CarryOut(CredentialClient& credentials, Plan& plan) {
  absl::Status outcome;
  for (ImportStep& step : plan) {
    if (!outcome.ok()) {
      step.state = ImportStep::State::kNotTried;
      continue;
    }
    outcome = Carry(credentials, step);
    step.state = outcome.ok() ? ImportStep::State::kDone : ImportStep::State::kFailed;
  }
  return outcome;
}

absl::Status Import(CommandContext& context, const ImportOptions& options) {
  if (context.io.terminal.interactive()) {
    return absl::InvalidArgumentError(
        "standard input is a terminal; pass a document to import, as 'billbroker credential "
        "export' prints it with the secrets added");
  }
  absl::StatusOr<Plan> plan = MakePlan(context);
  if (!plan.ok()) return plan.status();
  absl::Status outcome;
  if (!options.dry_run) outcome = CarryOut(context.credentials, *plan);
  const absl::Status printed = PrintPlan(context, options.dry_run, *plan);
  return outcome.ok() ? printed : outcome;
}

}  // namespace

void AddCredentialImportCommand(CLI::App& group, Command& command) {
  auto [app, options] = command.Add<ImportOptions>(
      group, "import", "Create credentials and attach organizations from JSON on standard input",
      Import);
  app->add_flag("--dry-run", options->dry_run, "Print the planned steps, and write nothing");
  command.AddAllowPrompt(*app);
}

}  // namespace billbroker

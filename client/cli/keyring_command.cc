#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/table.h"

namespace billbroker {
namespace {

struct AdoptOptions {
  std::string confirm;
};

Json LossJson(const v1::AdoptKeyringResponse& loss) {
  Json files = Json::array();
  for (const v1::SetAsideFile& file : loss.files()) {
    files.push_back({{"file", file.file()}, {"aside", file.aside()}});
  }
  return {{"credential_count", loss.credential_count()},
          {"organization_count", loss.organization_count()},
          {"sign_in_count", loss.sign_in_count()},
          {"files", std::move(files)}};
}

// Without files of another key it is a first start.
bool GivesUp(const v1::AdoptKeyringResponse& loss) { return loss.files_size() > 0; }

void PrintLoss(const v1::AdoptKeyringResponse& loss, std::ostream& out) {
  if (!GivesUp(loss)) {
    out << "nothing is given up: the keyring gets the broker's first master key\n";
    return;
  }
  out << "given up: the sessions of " << Counted(loss.organization_count(), "organization")
      << " of " << Counted(loss.credential_count(), "credential") << ",\nand the record of "
      << Counted(loss.sign_in_count(), "sign-in") << " of the past hour\n";
  Table table;
  for (const v1::SetAsideFile& file : loss.files()) {
    table.Add({Printable(file.file()), "renamed to", Printable(file.aside())});
  }
  table.Print(out);
}

// Returns the text that the person confirms with.
absl::StatusOr<std::string> AskConfirmation(CommandContext& context,
                                            const v1::AdoptKeyringResponse& loss) {
  if (!context.io.terminal.interactive()) {
    return absl::InvalidArgumentError(
        absl::StrCat("standard input is not a terminal, so you cannot confirm; pass --confirm \"",
                     loss.confirmation(), "\""));
  }
  PrintLoss(loss, context.io.err);
  if (GivesUp(loss)) {
    context.io.err << "The credentials that the old keyring held must be created again. If there "
                      "is a copy of that keyring,\nrestore it instead: the broker then continues "
                      "by itself.\n";
  }
  context.io.err << std::flush;
  absl::StatusOr<std::string> typed = context.io.terminal.ReadLine(
      absl::StrCat("type \"", Printable(loss.confirmation()), "\" to ",
                   GivesUp(loss) ? "give all of this up: " : "continue: "));
  if (!typed.ok()) return typed;
  return std::string(absl::StripAsciiWhitespace(*typed));
}

absl::Status Adopt(CommandContext& context, const AdoptOptions& options) {
  const absl::StatusOr<v1::AdoptKeyringResponse> preview = context.credentials.PreviewAdoption();
  if (!preview.ok()) return preview.status();
  std::string confirmation = options.confirm;
  if (confirmation.empty()) {
    absl::StatusOr<std::string> typed = AskConfirmation(context, *preview);
    if (!typed.ok()) return typed.status();
    if (*typed != preview->confirmation()) {
      return absl::CancelledError("not confirmed; nothing was changed");
    }
    confirmation = *std::move(typed);
  }
  const absl::StatusOr<v1::AdoptKeyringResponse> adopted =
      context.credentials.AdoptKeyring(confirmation);
  if (!adopted.ok()) return adopted.status();
  return context.Print(LossJson(*adopted), [&adopted](std::ostream& out) {
    PrintLoss(*adopted, out);
    out << "the keyring is the broker's own now; store the credentials "
        << (GivesUp(*adopted) ? "again " : "") << "with 'billbroker credential create'\n";
  });
}

}  // namespace

void AddKeyringCommands(CLI::App& app, Command& command) {
  CLI::App& group = *app.add_subcommand("keyring", "The keyring that the broker uses");
  group.require_subcommand(1);
  auto adopt = command.Add<AdoptOptions>(
      group, "adopt",
      "Give up the sessions of a lost keyring (state REPLACED), and continue with the present one",
      Adopt);
  adopt.app
      ->add_option("--confirm", adopt.options->confirm,
                   "The text that confirms it; else it is asked for on the terminal")
      ->type_name("TEXT");
  command.AddAllowPrompt(*adopt.app);
}

}  // namespace billbroker

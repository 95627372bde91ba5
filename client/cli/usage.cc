#include "client/cli/usage.h"

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace billbroker {
namespace {

constexpr absl::string_view kSecretOptions[] = {"--password",       "--passwd",
                                                "--dev-key",        "--devkey",
                                                "--app-key",        "--appkey",
                                                "--secret",         "--token",
                                                "--code",           "--console-token",
                                                "--api-token",      "--console-api-token",
                                                "--remember-me-id", "--organization-dev-key"};

std::string OptionName(absl::string_view argument) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(argument.substr(0, argument.find('='))),
                             {{"_", "-"}});
}

// A value may be in the wrong place: `--pasword hunter2` must not be echoed.
std::string UnknownArguments(const std::vector<std::string>& extras) {
  for (const std::string& extra : extras) {
    if (absl::StartsWith(extra, "--")) return absl::StrCat("unknown option ", OptionName(extra));
    // A value may follow a single dash without a blank.
    if (absl::StartsWith(extra, "-")) return absl::StrCat("unknown option ", extra.substr(0, 2));
  }
  return absl::StrCat("unexpected argument (", extras.size(), " too many)");
}

// Returns the command without a subcommand, as typed: "billbroker" or "billbroker session". Empty
// if the command is complete.
std::string UnfinishedCommand(const CLI::App& app) {
  std::string words = app.get_name();
  const CLI::App* named = &app;
  while (!named->get_subcommands().empty()) {
    named = named->get_subcommands().front();
    absl::StrAppend(&words, " ", named->get_name());
  }
  return named->get_require_subcommand_min() > 0 ? words : "";
}

}  // namespace

absl::Status RefuseSecretArguments(const std::vector<std::string>& args) {
  for (const std::string& argument : args) {
    if (argument == "--") break;
    const std::string name = OptionName(argument);
    if (!absl::c_linear_search(kSecretOptions, name)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "there is no ", name,
        ": arguments can be read by every user of this machine and stay in the shell's history, "
        "so secrets are never taken from them; type it when asked, or use --secrets-from-stdin"));
  }
  return absl::OkStatus();
}

absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> extras = app.remaining(true);
  const std::string unfinished = UnfinishedCommand(app);
  // The first remaining argument cannot be the value of a misspelled option.
  if (!unfinished.empty() && !extras.empty() && !absl::StartsWith(extras.front(), "-")) {
    return absl::InvalidArgumentError(absl::StrCat("there is no command \"", extras.front(),
                                                   "\"; see '", unfinished, " --help'"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(extras.empty() ? std::string(error.what()) : UnknownArguments(extras),
                   "; see 'billbroker --help' and 'billbroker COMMAND --help'"));
}

}  // namespace billbroker

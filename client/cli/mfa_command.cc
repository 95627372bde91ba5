#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/command.h"
#include "client/cli/credential_input.h"
#include "client/cli/format.h"
#include "client/cli/render.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr int kTries = 3;  // BILL's limit for one code
constexpr std::size_t kMaxCodeBytes = 64;

struct RenewOptions {
  std::string name;
  std::string organization;
  std::string device;
  bool code_from_stdin = false;
};

struct StepUpOptions {
  std::string name;
};

// Removes blanks: a person may type "123 456" for six digits.
SecretString WithoutBlanks(const SecretString& typed) {
  SecretBuilder code;
  for (const char& c : typed.Reveal()) {
    if (c != ' ' && c != '-' && c != '\n' && c != '\r') code.Append({&c, 1});
  }
  return std::move(code).Build();
}

absl::StatusOr<SecretString> ReadCode(Terminal& terminal, bool from_stdin) {
  absl::StatusOr<SecretString> typed =
      from_stdin ? terminal.ReadAll(kMaxCodeBytes) : AskSecret(terminal, "code (not shown): ");
  if (!typed.ok()) return typed.status();
  return WithoutBlanks(*typed);
}

// Returns true if the code may be typed again; BILL counts the tries.
bool MayTryAgain(const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) return false;
  // The broker keeps the rememberMeId of the code: unlock the keyring, and it is stored.
  if (details->reason == Reason::kVaultLocked || details->reason == Reason::kVaultUnreachable) {
    return true;
  }
  if (details->reason == Reason::kMalformedRequest) return details->metadata.at("field") == "code";
  const auto code = details->metadata.find("bill_code");
  return details->reason == Reason::kMfaFailed && code != details->metadata.end() &&
         code->second != "BDC_1358";
}

absl::StatusOr<v1::CompleteChallengeResponse> Complete(CommandContext& context,
                                                       const std::string& challenge_id,
                                                       const RenewOptions& options) {
  for (int tries = 1;; ++tries) {
    const absl::StatusOr<SecretString> code =
        ReadCode(context.io.terminal, options.code_from_stdin);
    if (!code.ok()) return code.status();
    absl::StatusOr<v1::CompleteChallengeResponse> done =
        context.mfa.CompleteChallenge(challenge_id, *code, options.device);
    const bool again =
        !done.ok() && !options.code_from_stdin && tries < kTries && MayTryAgain(done.status());
    if (!again) return done;
    context.io.err << Printable(done.status().message()) << '\n';
  }
}

Json CountsJson(const v1::StepUpCounts& counts) {
  return {{"trusted_count", counts.trusted_count()},
          {"refused_count", counts.refused_count()},
          {"failed_count", counts.failed_count()}};
}

void PrintCounts(const std::string& name, const v1::StepUpCounts& counts, std::ostream& out) {
  out << "live sessions that are MFA-trusted now: " << counts.trusted_count() << '\n';
  if (counts.refused_count() > 0) {
    out << "BILL does not take the rememberMeId for " << counts.refused_count()
        << "; run 'billbroker mfa renew " << name << "'\n";
  }
  if (counts.failed_count() > 0) {
    out << "BILL did not answer for " << counts.failed_count() << "; run 'billbroker mfa step-up "
        << name << "'\n";
  }
}

absl::Status Renew(CommandContext& context, const RenewOptions& options) {
  if (!options.code_from_stdin && !context.io.terminal.interactive()) {
    return absl::InvalidArgumentError(
        "standard input is not a terminal, so the code cannot be typed; pass --code-from-stdin");
  }
  const absl::StatusOr<v1::StartChallengeResponse> started =
      context.mfa.StartChallenge(options.name, options.organization);
  if (!started.ok()) return started.status();
  context.io.err << "BILL sent a code of six digits to the phone of the user of " << options.name
                 << "; it is of use until " << TimeText(started->expire_time()) << '\n';
  const absl::StatusOr<v1::CompleteChallengeResponse> done =
      Complete(context, started->challenge_id(), options);
  if (!done.ok()) return done.status();
  const v1::Credential& credential = done->credential();
  Json json = {{"credential", CredentialJson(credential, false)},
               {"sessions", CountsJson(done->sessions())}};
  return context.Print(json, [&](std::ostream& out) {
    if (credential.has_remember_me_refuse_time()) {
      out << "BILL accepted the code, and does not take the new rememberMeId of "
          << credential.name() << ": its sign-ins are not MFA-trusted\n";
    } else {
      out << "MFA trust of " << credential.name() << " is renewed until "
          << TimeText(credential.remember_me_expire_time()) << '\n';
    }
    PrintCounts(credential.name(), done->sessions(), out);
  });
}

absl::Status StepUp(CommandContext& context, const StepUpOptions& options) {
  const absl::StatusOr<v1::StepUpCounts> counts = context.mfa.StepUp(options.name);
  if (!counts.ok()) return counts.status();
  return context.Print({{"sessions", CountsJson(*counts)}},
                       [&](std::ostream& out) { PrintCounts(options.name, *counts, out); });
}

}  // namespace

void AddMfaCommands(CLI::App& app, Command& command) {
  CLI::App& group =
      *app.add_subcommand("mfa", "MFA trust, which needs a code from a person's phone");
  group.require_subcommand(1);

  auto renew = command.Add<RenewOptions>(
      group, "renew", "Have BILL send a code, and store the trust of 30 days that it gives", Renew);
  renew.app->add_option("name", renew.options->name, "The credential")->required();
  renew.app
      ->add_option("--organization", renew.options->organization,
                   "Ask with a session of this one; else the broker chooses")
      ->type_name("ID");
  renew.app->add_option("--device", renew.options->device,
                        "The name of the broker's device at BILL; else as before");
  renew.app->add_flag("--code-from-stdin", renew.options->code_from_stdin,
                      "Read the code from standard input, after BILL has sent it");
  command.AddAllowPrompt(*renew.app);

  auto step_up = command.Add<StepUpOptions>(
      group, "step-up", "Make the live sessions MFA-trusted with the stored rememberMeId", StepUp);
  step_up.app->add_option("name", step_up.options->name, "The credential")->required();
}

}  // namespace billbroker

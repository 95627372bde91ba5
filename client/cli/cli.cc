#include "client/cli/cli.h"

#include <grpcpp/channel.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cli/error_output.h"
#include "client/cli/exit_code.h"
#include "client/cli/usage.h"

namespace billbroker {
namespace {

constexpr char kDefaultSocket[] = "/run/billbroker/broker.sock";

constexpr char kFooter[] = R"(
Exit codes:
  0 ok                     5 BILL refused, or the keyring needs a person
  1 failed                 6 try later; the time is printed where it is known
  2 usage                  7 the broker does not let you
  3 no broker answers      126, 127 exec: the command will not run, is not there
  4 not found              (otherwise exec gives the exit code of its command)

Secrets are typed without echo or read from standard input, never taken from arguments.)";

// Arguments that cannot be parsed may still say how errors are to be printed.
bool WantsJson(const std::vector<std::string>& args) {
  const auto end = std::find(args.begin(), args.end(), "--");
  for (auto it = args.begin(); it != end; ++it) {
    if (*it == "--output=json") return true;
    if (*it == "--output" && it + 1 != end && *(it + 1) == "json") return true;
  }
  return false;
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& options) {
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the command too
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("billbroker ") + BILLBROKER_VERSION);
  app.add_option(
         "--socket", options.socket,
         absl::StrCat("The broker's Unix socket; else BILLBROKER_SOCKET, else ", kDefaultSocket))
      ->type_name("PATH");
  app.add_option_function<std::string>(
         "--output", [&options](const std::string& format) { options.json = format == "json"; },
         "table for people (default) or json for programs")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}));
  AddDurationOption(app, "--timeout", options.timeout, "How long to wait for the broker; 30s");
}

std::string SocketOf(const GlobalOptions& options, const Host& host) {
  if (!options.socket.empty()) return options.socket;
  const std::string socket = host.Getenv("BILLBROKER_SOCKET").value_or("");
  return socket.empty() ? kDefaultSocket : socket;
}

absl::Status OutputLost() {
  return absl::DataLossError(
      "standard output cannot be written (is its disk full?), so the output is incomplete; the "
      "command itself was carried out");
}

// Parses `args` into `options` and runs the command that they name.
absl::Status Execute(const std::vector<std::string>& args, GlobalOptions& options, Io& io,
                     Host& host, KeyringProbe& keyring, const Clock& clock) {
  absl::Status refused = RefuseSecretArguments(args);
  if (!refused.ok()) return refused;
  CLI::App app("Sessions and credentials of a billbroker.", "billbroker");
  Command command;
  AddGlobalOptions(app, options);
  AddLoginCommand(app, command);
  AddCredentialCommands(app, command);
  AddMfaCommands(app, command);
  AddSessionCommands(app, command);
  AddStatusCommand(app, command);
  AddAuditCommands(app, command);
  AddExecCommand(app, command);
  AddDoctorCommand(app, command);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::Success& help_or_version) {
    app.exit(help_or_version, io.out, io.err);
    return absl::OkStatus();
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  }

  options.socket = SocketOf(options, host);
  const ClientOptions client_options{absl::StrCat("unix:", options.socket), options.timeout};
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = OpenChannel(client_options);
  if (!channel.ok()) return channel.status();
  SessionClient sessions(*channel, client_options);
  AdminClient admin(*channel, client_options);
  CredentialClient credentials(*channel, client_options);
  MfaClient mfa(*channel, client_options);
  AuditClient audit(*channel, client_options);
  CommandContext context{io,       host,  keyring,     clock, options,
                         sessions, admin, credentials, mfa,   audit};
  return command.Run(context);
}

}  // namespace

void AddDurationOption(CLI::App& app, const std::string& name, absl::Duration& value,
                       const std::string& description) {
  app.add_option_function<std::string>(
         name,
         [&value, name](const std::string& text) {
           const bool bare = text.find_first_not_of("0123456789") == std::string::npos;
           if (!absl::ParseDuration(bare ? text + "s" : text, &value) ||
               value < absl::ZeroDuration()) {
             throw CLI::ValidationError(name, "\"" + text + "\" is no length of time such as 90s");
           }
         },
         description)
      ->type_name("DURATION");
}

int RunCli(const std::vector<std::string>& args, Io& io, Host& host, KeyringProbe& keyring,
           const Clock& clock) {
  GlobalOptions options;
  absl::Status status = Execute(args, options, io, host, keyring, clock);
  // Here for all commands and for --help: a full disk must not look like a success.
  if (!io.out.flush()) status = OutputLost();
  if (status.ok()) return kExitOk;
  PrintError(status, options.socket, options.json || WantsJson(args), io.err);
  return ExitCodeOf(status);
}

}  // namespace billbroker

#include "client/cli/cli.h"

#include <grpcpp/channel.h>

#include <algorithm>

#include "client/cli/broker_address.h"
#include "client/cli/error_output.h"
#include "client/cli/exit_code.h"
#include "client/cli/usage.h"

namespace billbroker {
namespace {

// The default of --timeout with --allow-prompt. Each prompt takes up to 2 minutes; a rotation may
// need two, and a sign-in between them.
constexpr absl::Duration kPromptTimeout = absl::Minutes(5);

constexpr char kFooter[] = R"(
Exit codes:
  0 ok                     5 BILL refused, or the keyring needs a person
  1 failed                 6 try later; the time is printed where it is known
  2 usage                  7 the broker does not let you
  3 no broker answers      126, 127 exec: the command will not run, is not there
  4 not found              (otherwise exec gives the exit code of its command)

Secrets are typed without echo or read from standard input, never taken from arguments.)";

// Invalid arguments may still contain the format for errors.
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
  app.fallthrough();  // global options may come after the command too
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("billbroker ") + BILLBROKER_VERSION);
  CLI::Option* const socket =
      app.add_option("--socket", options.socket,
                     "The broker's Unix socket; else BILLBROKER_SOCKET, else "
                     "/run/billbroker/broker.sock")
          ->type_name("PATH");
  app.add_option("--address", options.address,
                 "The broker over TCP, with mutual TLS; else BILLBROKER_ADDRESS")
      ->type_name("HOST:PORT")
      ->excludes(socket);
  app.add_option("--ca-file", options.tls.ca_file,
                 "The CA of the broker's certificate; else BILLBROKER_CA_FILE")
      ->type_name("PEM");
  app.add_option("--certificate-file", options.tls.certificate_file,
                 "Your certificate with its chain; else BILLBROKER_CERTIFICATE_FILE")
      ->type_name("PEM");
  app.add_option("--key-file", options.tls.key_file,
                 "Its key, without a passphrase; else BILLBROKER_KEY_FILE")
      ->type_name("PEM");
  app.add_option_function<std::string>(
         "--output", [&options](const std::string& format) { options.json = format == "json"; },
         "table for people (default) or json for programs")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}));
  AddDurationOption(app, "--timeout", options.timeout,
                    "How long to wait for the broker; 30s, with --allow-prompt 5m");
}

absl::Status OutputLost() {
  return absl::DataLossError(
      "standard output cannot be written (is its disk full?), so the output is incomplete; the "
      "command itself was carried out");
}

// Parses `args` into `options`, determines the broker's address, and runs the command.
absl::Status Execute(const std::vector<std::string>& args, GlobalOptions& options,
                     ClientOptions& broker, Io& io, Host& host, KeyringProbe& keyring,
                     const Clock& clock) {
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
  AddKeyringCommands(app, command);
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

  if (command.allow_prompt() && app.count("--timeout") == 0) options.timeout = kPromptTimeout;
  absl::StatusOr<ClientOptions> found = ClientOptionsOf(options, host);
  if (!found.ok()) return found.status();
  broker = *std::move(found);
  broker.allow_prompt = command.allow_prompt();
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = OpenChannel(broker);
  if (!channel.ok()) return channel.status();
  SessionClient sessions(*channel, broker);
  AdminClient admin(*channel, broker);
  CredentialClient credentials(*channel, broker);
  MfaClient mfa(*channel, broker);
  AuditClient audit(*channel, broker);
  CommandContext context{io,       host,  keyring,     clock, options, broker,
                         sessions, admin, credentials, mfa,   audit};
  return command.Run(context);
}

}  // namespace

void Command::AddAllowPrompt(CLI::App& app) {
  app.add_flag(
      "--allow-prompt", allow_prompt_,
      "Let the Secret Service ask a person, and wait up to 2 minutes for the answer; needs "
      "the role admin and the broker's Unix socket");
}

void AddDurationOption(CLI::App& app, const std::string& name, absl::Duration& value,
                       const std::string& description) {
  app.add_option_function<std::string>(
         name,
         [&value, name](const std::string& text) {
           const bool bare = text.find_first_not_of("0123456789") == std::string::npos;
           if (!absl::ParseDuration(bare ? text + "s" : text, &value) ||
               value < absl::ZeroDuration()) {
             throw CLI::ValidationError(name,
                                        "\"" + text + "\" is not a length of time such as 90s");
           }
         },
         description)
      ->type_name("DURATION");
}

int RunCli(const std::vector<std::string>& args, Io& io, Host& host, KeyringProbe& keyring,
           const Clock& clock) {
  GlobalOptions options;
  ClientOptions broker;
  absl::Status status = Execute(args, options, broker, io, host, keyring, clock);
  // Here for all commands and for --help: a full disk must not look like a success.
  if (!io.out.flush()) status = OutputLost();
  if (status.ok()) return kExitOk;
  PrintError(status, broker, options.json || WantsJson(args), io.err);
  return ExitCodeOf(status);
}

}  // namespace billbroker

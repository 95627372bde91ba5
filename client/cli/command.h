// The context that a command of the command line runs in, and its registration.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/admin_client.h"
#include "client/audit_client.h"
#include "client/channel.h"
#include "client/cli/host.h"
#include "client/cli/json.h"
#include "client/cli/keyring_probe.h"
#include "client/cli/terminal.h"
#include "client/credential_client.h"
#include "client/mfa_client.h"
#include "client/session_client.h"
#include "vault/base/clock.h"

namespace billbroker {

// Results go to `out`; errors, prompts and the dialogue of guided commands to `err`.
struct Io {
  std::ostream& out;
  std::ostream& err;
  Terminal& terminal;
};

// The options of every command.
struct GlobalOptions {
  std::string socket;   // one of the two
  std::string address;  // over TCP, with the files of `tls`
  TlsClientOptions tls;
  bool json = false;
  absl::Duration timeout = absl::Seconds(30);
};

struct CommandContext {
  Io& io;
  Host& host;
  KeyringProbe& keyring;
  const Clock& clock;
  const GlobalOptions& options;
  const ClientOptions& broker;  // its address
  SessionClient& sessions;
  AdminClient& admin;
  CredentialClient& credentials;
  MfaClient& mfa;
  AuditClient& audit;

  // Prints `json` for programs, or calls `print_table(out)` for people.
  template <typename PrintTable>
  absl::Status Print(const Json& json, const PrintTable& print_table) const {
    if (options.json) {
      PrintJson(json, io.out);
    } else {
      print_table(io.out);
    }
    return absl::OkStatus();
  }
};

// The command that the arguments name. Owned by RunCli().
class Command final {
 public:
  template <typename Options>
  struct Added {
    CLI::App* app;     // owned by its parent
    Options* options;  // owned by the app's callback
  };

  // Adds a subcommand of `parent` that runs `run` with its parsed options.
  template <typename Options>
  Added<Options> Add(CLI::App& parent, const std::string& name, const std::string& description,
                     absl::Status (*run)(CommandContext&, const Options&)) {
    // Shared, because the app keeps its callback as a std::function, which is copied.
    const auto options = std::make_shared<Options>();
    CLI::App* app = parent.add_subcommand(name, description);
    app->callback([this, options, run] {
      chosen_ = [options, run](CommandContext& context) { return run(context, *options); };
    });
    return {app, options.get()};
  }

  // Adds --allow-prompt to a command that writes to the keyring.
  void AddAllowPrompt(CLI::App& app);
  // Returns true if the arguments have --allow-prompt.
  [[nodiscard]] bool allow_prompt() const { return allow_prompt_; }

  // Runs the command. Requires: the parsed arguments name one.
  [[nodiscard]] absl::Status Run(CommandContext& context) const { return chosen_(context); }

 private:
  std::function<absl::Status(CommandContext&)> chosen_;
  bool allow_prompt_ = false;
};

// Adds an option for a length of time, such as "90s", "5m", or a bare number of seconds.
void AddDurationOption(CLI::App& app, const std::string& name, absl::Duration& value,
                       const std::string& description);

// Adds one command group; each has its own file.
void AddLoginCommand(CLI::App& app, Command& command);
void AddCredentialCommands(CLI::App& app, Command& command);
void AddMfaCommands(CLI::App& app, Command& command);
void AddSessionCommands(CLI::App& app, Command& command);
void AddSessionWatchCommand(CLI::App& group, Command& command);  // of the group "session"
void AddStatusCommand(CLI::App& app, Command& command);
void AddAuditCommands(CLI::App& app, Command& command);
void AddKeyringCommands(CLI::App& app, Command& command);
void AddExecCommand(CLI::App& app, Command& command);
void AddDoctorCommand(CLI::App& app, Command& command);

}  // namespace billbroker

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/render.h"

namespace billbroker {
namespace {

struct GetOptions {
  std::string organization;
  GetSessionOptions request;
  bool show = false;
};

struct SessionLoginOptions {
  std::string organization;
  LoginOptions request;
  bool show = false;
};

struct SessionLogoutOptions {
  std::string organization;
  LogoutOptions request;
};

struct SessionListOptions {
  std::string credential;
};

absl::Status Get(CommandContext& context, const GetOptions& options) {
  const absl::StatusOr<ClientSession> session =
      context.sessions.GetSession(options.organization, options.request);
  if (!session.ok()) return session.status();
  return context.Print(SessionJson(*session, options.show),
                       [&](std::ostream& out) { PrintSession(*session, options.show, out); });
}

absl::Status Login(CommandContext& context, const SessionLoginOptions& options) {
  const absl::StatusOr<LoginResult> login =
      context.admin.Login(options.organization, options.request);
  if (!login.ok()) return login.status();
  Json json = SessionJson(login->session, options.show);
  json["reused"] = login->reused;
  return context.Print(json, [&](std::ostream& out) {
    out << (login->reused ? "a live session was there; no sign-in was spent\n" : "signed in\n");
    PrintSession(login->session, options.show, out);
  });
}

absl::Status Logout(CommandContext& context, const SessionLogoutOptions& options) {
  const absl::StatusOr<bool> ended = context.admin.Logout(options.organization, options.request);
  if (!ended.ok()) return ended.status();
  return context.Print({{"organization_id", options.organization}, {"ended", *ended}},
                       [&](std::ostream& out) {
                         out << (*ended ? "logged out\n" : "no live session to log out\n");
                       });
}

absl::Status List(CommandContext& context, const SessionListOptions& options) {
  const auto entries = context.admin.ListSessions(options.credential);
  if (!entries.ok()) return entries.status();
  Json json = {{"sessions", Json::array()}};
  for (const v1::SessionEntry& entry : *entries)
    json["sessions"].push_back(SessionEntryJson(entry));
  return context.Print(
      json, [&](std::ostream& out) { PrintSessionEntries(*entries, context.clock.Now(), out); });
}

void AddOrganization(CLI::App& app, std::string& organization, std::string& credential) {
  app.add_option("organization", organization, "The organization's id")->required();
  app.add_option("--credential", credential, "Which credential, where several serve it");
}

// CLI11 would turn "-1" and values that are too large into other generations.
void AddStaleGeneration(CLI::App& app, std::uint64_t& generation) {
  static constexpr char kName[] = "--stale-generation";
  app.add_option_function<std::string>(
         kName,
         [&generation](const std::string& text) {
           if (absl::SimpleAtoi(text, &generation)) return;
           throw CLI::ValidationError(
               kName,
               absl::StrCat("\"", text, "\" is not a generation; use the number of the session"));
         },
         "Report that BILL answered BDC_1109 to this generation")
      ->type_name("N");
}

void AddGet(CLI::App& group, Command& command) {
  auto [app, options] =
      command.Add<GetOptions>(group, "get", "A live session; signs in only if there is none", Get);
  GetSessionOptions& request = options->request;
  AddOrganization(*app, options->organization, request.credential);
  app->add_flag("--include-dev-key", request.include_dev_key, "Fetch the devKey too");
  app->add_flag("--include-headers", request.include_headers, "Fetch the headers too");
  app->add_flag("--require-trusted", request.require_trusted, "Only an MFA-trusted session");
  AddDurationOption(*app, "--min-remaining", request.min_remaining,
                    "Renew a session with less time left than this");
  AddStaleGeneration(*app, request.stale_generation);
  app->add_flag("--cached-only", request.cached_only, "Never sign in");
  app->add_flag("--show", options->show, "Print the session id, and devKey and headers if fetched");
}

}  // namespace

void AddSessionCommands(CLI::App& app, Command& command) {
  CLI::App& group = *app.add_subcommand("session", "Sessions of BILL organizations");
  group.require_subcommand(1);
  AddGet(group, command);

  auto login = command.Add<SessionLoginOptions>(
      group, "login", "Make sure that a session is live, and print whether it was", Login);
  AddOrganization(*login.app, login.options->organization, login.options->request.credential);
  login.app->add_flag("--force", login.options->request.force,
                      "Spend a sign-in, also after a refusal by BILL");
  login.app->add_flag("--show", login.options->show, "Print the session id");

  auto logout = command.Add<SessionLogoutOptions>(group, "logout",
                                                  "End a session at BILL, for everyone", Logout);
  AddOrganization(*logout.app, logout.options->organization, logout.options->request.credential);

  auto list =
      command.Add<SessionListOptions>(group, "list", "The broker's sessions and refusals", List);
  list.app->add_option("--credential", list.options->credential,
                       "Only the sessions of one credential");
  AddSessionWatchCommand(group, command);
}

}  // namespace billbroker

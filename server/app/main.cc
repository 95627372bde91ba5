// billbrokerd: wires the modules together and runs until a signal ends it.
//
// Exit codes: 0 the daemon ran and was stopped, or --check-config found no fault; 1 the daemon
// could not start or continue, or --check-config found a fault; 2 wrong usage or configuration.

#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "server/access/audit/audit_log.h"
#include "server/access/audit/posix_audit_file.h"
#include "server/access/caller.h"
#include "server/app/audit_head_keeper.h"
#include "server/app/audit_watch.h"
#include "server/app/closable_executor.h"
#include "server/app/config.h"
#include "server/app/drain.h"
#include "server/app/file_key_witness.h"
#include "server/app/file_keyring_adopter.h"
#include "server/app/file_lock.h"
#include "server/app/grpc_log.h"
#include "server/app/health.h"
#include "server/app/host_check.h"
#include "server/app/listeners.h"
#include "server/app/log.h"
#include "server/app/log_observer.h"
#include "server/app/past_sign_in_log.h"
#include "server/app/policy_file.h"
#include "server/app/policy_watch.h"
#include "server/app/process.h"
#include "server/app/restoration.h"
#include "server/app/secret_memory_watch.h"
#include "server/app/sign_in_audit.h"
#include "server/app/store_log.h"
#include "server/app/vault_watch.h"
#include "server/bill/curl_bill_api.h"
#include "server/credentials/change_queue.h"
#include "server/credentials/credential_manager.h"
#include "server/credentials/mfa_manager.h"
#include "server/credentials/organization_discovery.h"
#include "server/credentials/remember_me_expiry.h"
#include "server/rpc/audit_service.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/change_call.h"
#include "server/rpc/credential_service.h"
#include "server/rpc/mfa_service.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "server/rpc/session_service.h"
#include "server/session/session_manager.h"
#include "server/session/sqlite/sqlite_store.h"
#include "server/session/watch_hub.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/random.h"
#include "vault/base/secret_arena.h"
#include "vault/credential_index.h"
#include "vault/keyring/keyring_vault.h"
#include "vault/remember_me_refusals.h"
#include "vault/vault_health.h"
#include "vault/vault_sync.h"

namespace billbroker {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr char kVersion[] = BILLBROKER_VERSION;
// Enough for the reads of the keyring that sign-ins wait for; the keyring serves one at a time.
constexpr int kThreads = 4;
// Changes of credentials and MFA steps at the same time; each may wait for BILL or for a person.
constexpr int kChangesAtOnce = 8;
constexpr absl::Duration kHostInterval = absl::Seconds(1);
constexpr absl::Duration kExpiryInterval = absl::Hours(1);

std::map<std::string, std::string> BaseUrls(const Config& config) {
  std::map<std::string, std::string> base_urls;
  for (const auto& [name, environment] : config.environments) {
    base_urls.emplace(name, environment.base_url);
  }
  return base_urls;
}

std::vector<Environment> Environments(const Config& config) {
  std::vector<Environment> environments;
  for (const auto& [name, environment] : config.environments) environments.push_back(environment);
  return environments;
}

std::set<std::string> EnvironmentNames(const Config& config) {
  std::set<std::string> names;
  for (const auto& [name, environment] : config.environments) names.insert(name);
  return names;
}

// The locks and sockets that no other daemon may hold at the same time.
struct Claims {
  FileLock state_folder;
  ClaimedSockets sockets;
  FileLock instance;
};

// Two daemons must not write one keyring: it has no compare-and-set. The user's runtime folder
// stands for the user's keyring; without one, the state folder does.
absl::StatusOr<FileLock> ClaimInstance(const Config& config) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string folder = runtime == nullptr || *runtime == '\0' ? config.state_dir : runtime;
  return FileLock::Take(absl::StrCat(folder, "/billbroker-", config.instance, ".lock"),
                        "keyring instance");
}

absl::StatusOr<Claims> Claim(const Config& config) {
  for (const std::string& folder : {config.state_dir, FolderOf(config.audit.file)}) {
    if (absl::Status status = MakeFolder(folder); !status.ok()) return status;
  }
  absl::StatusOr<FileLock> state_folder =
      FileLock::Take(absl::StrCat(config.state_dir, "/lock"), "state folder");
  if (!state_folder.ok()) return state_folder.status();
  absl::StatusOr<ClaimedSockets> sockets = ClaimSockets(config.listeners);
  if (!sockets.ok()) return sockets.status();
  absl::StatusOr<FileLock> instance = ClaimInstance(config);
  if (!instance.ok()) return instance.status();
  return Claims{*std::move(state_folder), *std::move(sockets), *std::move(instance)};
}

void WarnOfRoot(JsonLog& log) {
  if (::geteuid() != 0) return;
  log.Write(
      LogLevel::kWarning, "running_as_root",
      {{"fix", "it needs no privilege; run it as an account of its own (User= in the unit)"}});
}

// Returns at SIGTERM or SIGINT.
void ServeUntilStopped(Signals& signals, PolicyWatch& policy, Listeners& listeners,
                       AuditLog& audit) {
  for (int signal = signals.Wait(); signal == SIGHUP; signal = signals.Wait()) {
    policy.Reload();
    listeners.ReloadCertificates();
    audit.Reopen();
  }
}

// Looks after a second, and then once a second.
void WatchHost(PolicyWatch& policy, Listeners& listeners, SecretMemoryWatch& memory,
               Executor& executor) {
  executor.RunAfter(kHostInterval, [&policy, &listeners, &memory, &executor] {
    policy.Look();
    listeners.LookAtCertificates();
    memory.Look(GetSecretArenaStats().unlocked_bytes);
    WatchHost(policy, listeners, memory, executor);
  });
}

// Looks at once, and then once an hour.
void WatchExpiry(RememberMeExpiry& expiry, Executor& executor) {
  expiry.Look();
  executor.RunAfter(kExpiryInterval, [&expiry, &executor] { WatchExpiry(expiry, executor); });
}

absl::Status Run(const Config& config, Signals& signals, const Clock& clock, JsonLog& log,
                 SecretMemoryWatch& memory) {
  absl::StatusOr<Claims> claims = Claim(config);
  if (!claims.ok()) return claims.status();
  const std::string policy_state = PolicyWatch::StateOf(config.policy_file);  // before it is read
  absl::StatusOr<Policy> policy = LoadPolicy(config.policy_file);
  if (!policy.ok()) return policy.status();

  StopWatchdog watchdog(log);
  // In the order of the modules' dependencies. An object may use all objects declared before it.
  SystemRandom random;
  LogObserver log_observer(log);
  VaultHealth vault_health;
  CredentialIndex credentials(vault_health);
  RememberMeRefusals remember_me_refusals;
  absl::StatusOr<std::unique_ptr<KeyringVault>> keyring =
      KeyringVault::Create({.instance = config.instance,
                            .call_timeout = config.keyring_timeout,
                            .allow_plain_transfer = config.allow_plain_transfer});
  if (!keyring.ok()) return keyring.status();
  Vault& vault = **keyring;
  auto threads = std::make_unique<ThreadExecutor>(kThreads);
  ClosableExecutor executor(*threads);
  ThreadExecutor news(1);  // apart from `threads`, all of which a silent keyring may hold
  WatchHub hub(news);
  auto bill = std::make_unique<CurlBillApi>(Environments(config), config.bill, clock);
  StoreLog store_log(log);
  SqliteStore store({.path = StorePath(config), .boot_id = BootId()}, clock, store_log);
  PosixAuditFile audit_file(config.audit.file);
  AuditHeadKeeper audit_head(store);
  AuditWatch audit_watch(log);
  AuditLog audit({.path = config.audit.file, .longest_wait = config.audit.longest_wait}, audit_file,
                 audit_head, clock, random, audit_watch);
  audit_watch.Watch(audit);
  SignInAudit sign_in_audit(audit, log_observer);
  SessionManager sessions(config.session,
                          {clock, executor, random, vault, vault_health, credentials,
                           remember_me_refusals, *bill, store, sign_in_audit, BaseUrls(config)});
  sessions.SetWatcher(&hub);
  Restoration restoration(
      {clock, executor, vault, store, audit_head, audit, sessions},
      [&config](const SecretString& master_key) {
        return std::make_unique<PastSignInLog>(config.audit.file, AuditKey(master_key));
      },
      [&hub] { hub.EverythingChanged(); });
  // The session manager must outlive all work on `threads` and all answers of BILL. Work may cause
  // answers, and answers may cause work. So after the last caller, this first refuses new work,
  // then waits for the work and for the answers. The session manager is destroyed after that.
  const absl::Cleanup quiesce = [&restoration, &executor, &threads, &bill] {
    restoration.Stop();
    executor.Close();
    threads.reset();
    bill.reset();
  };
  CredentialManager manager({clock, random, vault, vault_health, credentials, sessions,
                             EnvironmentNames(config), config.kept_versions});
  OrganizationDiscovery discovery({clock, random, credentials, sessions, *bill});
  MfaManager mfa(
      {clock, random, executor, vault, vault_health, credentials, sessions, *bill, manager});
  // Apart from `threads`: a change waits for work that runs there.
  ThreadExecutor change_threads(kChangesAtOnce);
  ChangeQueue change_queue(change_threads, kChangesAtOnce);
  ServingState state(kVersion, clock.Now(), BaseUrls(config));
  Callers callers(*std::move(policy));
  const Recorder recorder(audit, clock, random, config.audit.session_reads);
  const Authorizer authorizer(state, credentials, clock, recorder);
  const ChangeParts changes = {authorizer, state, change_queue};
  SessionServiceImpl session_service({clock, random, vault_health, credentials,
                                      remember_me_refusals, state, authorizer, sessions, hub, store,
                                      audit, config.audit.file, config.audit.session_reads});
  FileKeyringAdopter adopter({config.instance, StorePath(config), config.audit.file}, clock,
                             vault_health, sessions, log);
  CredentialServiceImpl credential_service({credentials, remember_me_refusals, authorizer, manager,
                                            changes, discovery, sessions, hub, adopter});
  MfaServiceImpl mfa_service({authorizer, mfa, remember_me_refusals, changes});
  AuditServiceImpl audit_service(authorizer, audit);

  Listeners listeners(std::move(claims->sockets),
                      {callers,
                       state,
                       recorder,
                       clock,
                       log,
                       {{"session", {&session_service, Health::kSessions}},
                        {"credential", {&credential_service, Health::kCredentials}},
                        {"mfa", {&mfa_service, Health::kMfa}},
                        {"audit", {&audit_service, Health::kAudit}}}});
  Health health(
      [&listeners](const std::string& name, bool serving) { listeners.SetServing(name, serving); });
  audit_watch.Tell([&health](bool writable) { health.SetAudit(writable); });
  const absl::Cleanup quiet = [&audit_watch] { audit_watch.Tell(nullptr); };
  VaultWatch watch(
      log, vault,
      [&health, &hub](bool ready) {
        health.SetVault(ready);
        hub.EverythingChanged();
      },
      [&] {
        restoration.Begin();
        hub.EverythingChanged();
      });
  RememberMeExpiry expiry({clock, credentials, log_observer});
  ThreadExecutor upkeep(1);  // apart from `threads`, all of which a silent keyring may hold
  const FileKeyWitness witness(StorePath(config), config.audit.file);
  VaultSync sync(VaultSyncOptions(),
                 {clock, upkeep, vault, witness, vault_health, credentials, watch});
  adopter.Use(&sync);
  const absl::Cleanup unused = [&adopter] { adopter.Use(nullptr); };
  // So that "ready" means that the credentials of an unlocked keyring were read.
  sync.AwaitFirstRound();
  upkeep.Run([&expiry, &upkeep] { WatchExpiry(expiry, upkeep); });
  ThreadExecutor cuts(1);
  PolicyWatch policy_watch(config.policy_file, policy_state, callers, log, audit, [&] {
    listeners.PolicyChanged();
    hub.EverythingChanged();
    cuts.Run([&listeners] { listeners.CutUnknown(); });
  });
  ThreadExecutor host_looks(1);
  WatchHost(policy_watch, listeners, memory, host_looks);
  health.Start();
  if (absl::Status status = listeners.Publish(); !status.ok()) return status;

  NotifySystemd("READY=1");
  log.Write(
      LogLevel::kInfo, "ready",
      {{"version", kVersion}, {"pid", std::int64_t{::getpid()}}, {"listeners", listeners.Names()}});
  ServeUntilStopped(signals, policy_watch, listeners, audit);

  watchdog.Start(config.drain_timeout);
  vault.StopPrompts();  // the change that waits for one is a call that a drain waits for
  Drain({clock, log, state, sessions, listeners}, config.drain_timeout);
  return absl::OkStatus();
}

absl::StatusOr<Config> LoadForThisHost(const std::string& file) {
  absl::StatusOr<Config> config = LoadConfig(file);
  if (!config.ok()) return config;
  if (absl::Status host = CheckHost(*config, SystemClock().Now()); !host.ok()) return host;
  return config;
}

// If --config is mistyped, it is also missing, and CLI11 would report only that. The message does
// not contain the value after a "=", which may be a secret.
int FailUsage(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining();
  if (unknown.empty()) {
    app.exit(error);
    return kUsage;
  }
  std::cerr << "unknown argument \"" << unknown.front().substr(0, unknown.front().find('='))
            << "\"; see 'billbrokerd --help'\n";
  return kUsage;
}

int CheckPolicyFile(const std::string& file) {
  const absl::StatusOr<Policy> policy = LoadPolicy(file);
  if (policy.ok()) {
    std::cout << "policy is good\n";
    return kOk;
  }
  std::cerr << policy.status().message() << "\n";
  return kFailed;
}

int Main(int argc, char** argv) {
  HardenProcess();
  Signals signals;
  std::string file;
  bool check_only = false;
  std::string policy_file;
  CLI::App app("billbrokerd: shares sessions of BILL's v3 API among microservices");
  auto* const config_option =
      app.add_option("--config", file, "The configuration file, TOML")->type_name("FILE");
  app.add_flag("--check-config", check_only, "Report faults of the configuration, and exit");
  auto* const policy_option =
      app.add_option("--check-policy", policy_file, "Report faults of a policy file, and exit")
          ->type_name("FILE");
  config_option->excludes(policy_option);
  app.set_version_flag("--version", absl::StrCat("billbrokerd ", kVersion));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    return FailUsage(app, error);
  }

  if (!policy_file.empty()) return CheckPolicyFile(policy_file);
  if (file.empty()) {
    std::cerr << "--config is required; see 'billbrokerd --help'\n";
    return kUsage;
  }
  const absl::StatusOr<Config> config = LoadForThisHost(file);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return check_only ? kFailed : kUsage;
  }
  if (check_only) {
    std::cout << "configuration is good\n";
    return kOk;
  }

  const SystemClock clock;
  JsonLog log(config->log_level, clock, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const GrpcLog grpc_log(log, clock);
  FreeSecret(AllocateSecret(1), 1);  // reserves the first region
  SecretMemoryWatch memory(log);
  memory.Look(GetSecretArenaStats().unlocked_bytes);
  WarnOfRoot(log);
  const absl::Status ended = Run(*config, signals, clock, log, memory);
  if (!ended.ok()) {
    log.Write(LogLevel::kError, "failed", {{"message", std::string(ended.message())}});
    return kFailed;
  }
  log.Write(LogLevel::kInfo, "stopped");
  return kOk;
}

}  // namespace
}  // namespace billbroker

int main(int argc, char** argv) { return billbroker::Main(argc, argv); }

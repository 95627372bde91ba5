#include "server/app/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/app/session_config.h"
#include "server/app/tcp_address.h"
#include "server/app/toml_reader.h"
#include "vault/credential.h"

namespace billbroker {
namespace {

constexpr absl::Duration kMillisecond = absl::Milliseconds(1);
constexpr std::size_t kMaxNameSize = 64;

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameSize && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

// A path has to mean the same wherever the daemon is started from.
std::string AbsolutePath(TomlTable& table, absl::string_view key, std::string path) {
  if (!path.empty() && path[0] != '/') {
    table.Error(key, absl::StrCat("must be an absolute path, not \"", path, "\""));
  }
  return path;
}

// "https://HOST[:PORT][/PATH]": no user, query or fragment, and nothing that a URL has to escape.
bool IsPlainUrl(absl::string_view url, absl::string_view scheme) {
  if (!absl::ConsumePrefix(&url, scheme)) return false;
  return !url.empty() && url[0] != '/' && url[0] != ':' &&
         std::all_of(url.begin(), url.end(), [](char c) {
           return absl::ascii_isalnum(c) || absl::StrContains("-._~:/[]%", c);
         });
}

LogLevel ReadLogLevel(TomlTable log) {
  const std::string name = log.String("level", LogLevelName(LogLevel::kInfo));
  const absl::optional<LogLevel> level = LogLevelNamed(name);
  if (!level.has_value()) {
    log.Error("level",
              absl::StrCat("must be trace, debug, info, warning or error, not \"", name, "\""));
  }
  log.RefuseUnknown();
  return level.value_or(LogLevel::kInfo);
}

int ReadKeptVersions(TomlTable table) {
  const int kept = table.Integer("kept_versions", 1, 0, static_cast<int>(kMaxHistory));
  table.RefuseUnknown();
  return kept;
}

AuditConfig ReadAudit(TomlTable table, const std::string& state_dir) {
  AuditConfig audit;
  audit.file =
      AbsolutePath(table, "file", table.String("file", absl::StrCat(state_dir, "/audit.jsonl")));
  const std::string reads = table.String("session_reads", "off");
  audit.session_reads = reads == "all";
  if (!audit.session_reads && reads != "off") {
    table.Error("session_reads", absl::StrCat("must be \"off\" or \"all\", not \"", reads, "\""));
  }
  audit.longest_wait =
      table.Duration("longest_wait", audit.longest_wait, 10 * kMillisecond, absl::Seconds(30));
  table.RefuseUnknown();
  return audit;
}

mode_t ReadMode(TomlTable& table) {
  constexpr mode_t kDefault = 0660;
  const std::string text = table.String("mode", "0660");
  int mode = 0;
  const bool octal =
      text.size() == 4 && text[0] == '0' &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c < '8'; });
  if (octal) mode = std::stoi(text, nullptr, 8);
  if (!octal || (mode & 0600) != 0600) {
    table.Error("mode", absl::StrCat("must be four octal digits such as \"0660\" that let the "
                                     "owner read and write, not \"",
                                     text, "\""));
    return kDefault;
  }
  if ((mode & 0007) != 0) {
    table.Error("mode", absl::StrCat("\"", text,
                                     "\" lets every user of this machine in; use \"0660\" and a "
                                     "group"));
    return kDefault;
  }
  return static_cast<mode_t>(mode);
}

void ReadServices(TomlTable& table, ListenerConfig& config) {
  std::vector<std::string> services = table.Strings("services");
  if (services.empty()) {
    const std::vector<std::string> keys = table.Names();
    if (std::find(keys.begin(), keys.end(), "services") != keys.end()) {
      table.Error("services",
                  "names none; leave it out for all of session, credential, mfa and audit");
    }
    services = config.services;
  }
  for (const std::string& service : services) {
    const std::vector<std::string>& known = config.services;
    if (std::find(known.begin(), known.end(), service) == known.end()) {
      table.Error("services", absl::StrCat("must be of session, credential, mfa and audit, not \"",
                                           service, "\""));
    }
  }
  config.services = std::move(services);
  const bool takes_secrets = std::any_of(
      config.services.begin(), config.services.end(),
      [](const std::string& service) { return service == "credential" || service == "mfa"; });
  config.max_connection_idle = table.Duration(
      "max_connection_idle", takes_secrets ? config.max_connection_idle : absl::Minutes(1),
      absl::Seconds(1), absl::Hours(1));
}

void ReadConnectionLimits(TomlTable& table, ListenerConfig& config) {
  constexpr int kMost = 100'000;
  config.max_connection_age = table.Duration("max_connection_age", config.max_connection_age,
                                             absl::Minutes(1), absl::Hours(24));
  config.max_connections = table.Integer("max_connections", config.max_connections, 1, kMost);
  config.max_user_connections =
      table.Integer("max_user_connections", std::max(1, config.max_connections / 4), 1, kMost);
}

void ReadTls(TomlTable& table, ListenerConfig& config) {
  if (!ParseTcpAddress(config.address).has_value()) {
    table.Error("address", absl::StrCat("must be numbers, such as \"127.0.0.1:8443\" or "
                                        "\"[::1]:8443\", not \"",
                                        config.address, "\""));
  }
  for (const auto& [key, file] : {std::pair("certificate_file", &config.tls.certificate),
                                  std::pair("key_file", &config.tls.key),
                                  std::pair("client_ca_file", &config.tls.client_ca)}) {
    *file = AbsolutePath(table, key, table.String(key, ""));
    if (file->empty()) {
      table.Error("address", absl::StrCat("needs ", key,
                                          ": over TCP the broker speaks mutual TLS "
                                          "only, on this machine too"));
    }
  }
}

ListenerConfig ReadListener(TomlTable& table) {
  ListenerConfig config;
  config.socket = AbsolutePath(table, "unix", table.String("unix", ""));
  config.address = table.String("address", "");
  if (config.socket.empty() == config.address.empty()) {
    table.Error("", "needs either unix, a socket's path, or address, such as \"127.0.0.1:8443\"");
  }
  if (config.address.empty()) {
    config.mode = ReadMode(table);
    config.group = table.String("group", "");
  } else {
    ReadTls(table, config);
  }
  ReadServices(table, config);
  ReadConnectionLimits(table, config);
  table.RefuseUnknown();
  return config;
}

std::vector<ListenerConfig> ReadListeners(TomlTable& root) {
  std::vector<ListenerConfig> listeners;
  std::set<std::string> places;
  for (TomlTable& table : root.Tables("listener")) {
    listeners.push_back(ReadListener(table));
    const ListenerConfig& added = listeners.back();
    if (!places.insert(absl::StrCat(added.socket, added.address)).second) {
      table.Error(added.address.empty() ? "unix" : "address",
                  "is that of another listener; remove one of the two");
    }
  }
  if (listeners.empty()) {
    root.Error("listener",
               "is missing; add one [[listener]] with unix = \"/run/billbroker/broker.sock\"");
  }
  return listeners;
}

Environment ReadEnvironment(const std::string& name, TomlTable table) {
  Environment environment;
  environment.name = name;
  environment.base_url = table.RequiredString("base_url");
  while (absl::EndsWith(environment.base_url, "/")) environment.base_url.pop_back();
  if (!environment.base_url.empty() && !IsPlainUrl(environment.base_url, "https://")) {
    table.Error("base_url",
                absl::StrCat("must be a URL such as "
                             "\"https://gateway.stage.bill.com/connect\", not \"",
                             environment.base_url, "\"; secrets travel over https only"));
  }
  environment.ca_file = AbsolutePath(table, "ca_file", table.String("ca_file", ""));
  environment.proxy = table.String("proxy", "");
  if (!environment.proxy.empty() && !IsPlainUrl(environment.proxy, "http://") &&
      !IsPlainUrl(environment.proxy, "https://")) {
    table.Error("proxy", "must be a URL such as \"http://proxy:3128\", without user and password");
  }
  table.RefuseUnknown();
  return environment;
}

std::map<std::string, Environment> ReadEnvironments(TomlTable& root) {
  std::map<std::string, Environment> environments;
  std::map<std::string, std::string> names;  // by base URL
  TomlTable table = root.Table("environments");
  for (const std::string& name : table.Names()) {
    Environment environment = ReadEnvironment(name, table.Table(name));
    if (!IsName(name)) {
      table.Error(name, "is not a valid environment name; use 1 to 64 characters of [a-z0-9-]");
    }
    const auto [twin, added] = names.emplace(environment.base_url, name);
    if (!added && !environment.base_url.empty()) {
      table.Error(name, absl::StrCat("has the base_url of environments.", twin->second,
                                     "; an environment is one BILL, keep one of the two"));
    }
    environments.emplace(name, std::move(environment));
  }
  if (environments.empty()) {
    root.Error("environments",
               "is empty; add a table such as [environments.sandbox] with base_url");
  }
  return environments;
}

CurlOptions ReadBill(TomlTable table) {
  CurlOptions bill;
  bill.connect_timeout =
      table.Duration("connect_timeout", bill.connect_timeout, 10 * kMillisecond, absl::Minutes(1));
  bill.total_timeout =
      table.Duration("timeout", bill.total_timeout, 10 * kMillisecond, absl::Minutes(5));
  if (bill.total_timeout < bill.connect_timeout) {
    table.Error("timeout", "must not be shorter than connect_timeout");
  }
  bill.max_parallel_calls = table.Integer("max_parallel", bill.max_parallel_calls, 1, 1000);
  table.RefuseUnknown();
  return bill;
}

Config ReadConfig(TomlTable& root) {
  Config config;
  config.instance = root.String("instance", config.instance);
  if (!IsName(config.instance)) {
    root.Error("instance", absl::StrCat("must be 1 to 64 characters of [a-z0-9-], not \"",
                                        config.instance, "\""));
  }
  config.state_dir = AbsolutePath(root, "state_dir", root.RequiredString("state_dir"));
  config.kept_versions = ReadKeptVersions(root.Table("credentials"));
  config.drain_timeout =
      root.Duration("drain_timeout", config.drain_timeout, absl::ZeroDuration(), absl::Minutes(10));
  config.log_level = ReadLogLevel(root.Table("log"));
  config.listeners = ReadListeners(root);
  config.policy_file = AbsolutePath(root, "policy_file", root.String("policy_file", ""));
  if (config.policy_file.empty()) {
    root.Error(
        "policy_file",
        "is missing; set it to the path of a policy; share/doc/billbroker/examples has a sample");
  }
  config.audit = ReadAudit(root.Table("audit"), config.state_dir);
  config.environments = ReadEnvironments(root);
  TomlTable keyring = root.Table("keyring");
  config.keyring_timeout =
      keyring.Duration("timeout", config.keyring_timeout, 100 * kMillisecond, absl::Minutes(1));
  config.allow_plain_transfer = keyring.Bool("allow_plain_transfer", config.allow_plain_transfer);
  keyring.RefuseUnknown();
  config.session = ReadEngineOptions(root);
  config.bill = ReadBill(root.Table("bill"));
  root.RefuseUnknown();
  return config;
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text, absl::string_view file) {
  return ParseToml(text, file, ReadConfig);
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  absl::StatusOr<std::string> text = ReadGuardedFile(path, S_IWOTH);
  if (!text.ok()) return text.status();
  return ParseConfig(*text, path);
}

}  // namespace billbroker

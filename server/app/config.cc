#include "server/app/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/app/session_config.h"
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

ListenerConfig ReadListener(TomlTable& root) {
  ListenerConfig config;
  std::vector<TomlTable> listeners = root.Tables("listener");
  if (listeners.empty()) {
    root.Error("listener",
               "is missing; add one [[listener]] with unix = \"/run/billbroker/broker.sock\"");
    return config;
  }
  if (listeners.size() > 1) {
    listeners[1].Error("", "comes twice; this version serves one listener, remove the others");
  }
  TomlTable& table = listeners[0];
  config.socket = AbsolutePath(table, "unix", table.RequiredString("unix"));
  config.mode = ReadMode(table);
  config.group = table.String("group", "");
  config.max_connection_age = table.Duration("max_connection_age", config.max_connection_age,
                                             absl::Minutes(1), absl::Hours(24));
  table.RefuseUnknown();
  return config;
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
      table.Error(name, "is no environment's name; use 1 to 64 characters of [a-z0-9-]");
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
  config.listener = ReadListener(root);
  config.environments = ReadEnvironments(root);
  TomlTable keyring = root.Table("keyring");
  config.keyring_timeout =
      keyring.Duration("timeout", config.keyring_timeout, 100 * kMillisecond, absl::Minutes(1));
  keyring.RefuseUnknown();
  config.session = ReadEngineOptions(root);
  config.bill = ReadBill(root.Table("bill"));
  root.RefuseUnknown();
  return config;
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text, absl::string_view file) {
  ConfigErrors errors{std::string(file)};
  try {
    const toml::table table = toml::parse(std::string_view(text.data(), text.size()));
    TomlTable root(table, "", errors);
    Config config = ReadConfig(root);
    if (errors.empty()) return config;
  } catch (const toml::parse_error& error) {
    errors.Add(error.source().begin.line,
               absl::StrCat("not valid TOML: ", std::string(error.description())));
  }
  return absl::InvalidArgumentError(errors.Text());
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  if (file) text << file.rdbuf();  // sets no error of `file`'s where it is empty
  if (!file || file.bad() || std::filesystem::is_directory(path)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": every user of this machine may write it; chmod o-w ", path));
  }
  return ParseConfig(text.str(), path);
}

}  // namespace billbroker

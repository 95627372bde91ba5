// Config: what the configuration file says. docs/configuration.md is the reference for people.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/app/log.h"
#include "server/bill/curl_options.h"
#include "server/bill/environment.h"
#include "server/session/engine.h"

namespace billbroker {

struct ListenerConfig {
  std::string socket;  // absolute path
  mode_t mode = 0660;
  std::string group;  // empty: the process's own
  absl::Duration max_connection_age = absl::Minutes(30);
};

struct Config {
  std::string instance = "default";  // 1 to 64 characters of [a-z0-9-]
  std::string state_dir;             // absolute path
  absl::Duration drain_timeout = absl::Seconds(30);
  LogLevel log_level = LogLevel::kInfo;
  ListenerConfig listener;
  std::map<std::string, Environment> environments;  // by name; at least one
  absl::Duration keyring_timeout = absl::Seconds(3);
  EngineOptions session;
  int kept_versions = 1;  // of each credential, for a roll-back
  CurlOptions bill;
};

// Reads TOML. Errors: kInvalidArgument with a message of one line for everything that is wrong,
// "FILE:LINE: what and how to mend it"; `file` is only that name.
[[nodiscard]] absl::StatusOr<Config> ParseConfig(absl::string_view text, absl::string_view file);

// Reads the file at `path` and parses it; refuses one that everybody may write. Errors as
// ParseConfig().
[[nodiscard]] absl::StatusOr<Config> LoadConfig(const std::string& path);

}  // namespace billbroker

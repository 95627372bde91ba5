// Config: the contents of the configuration file. Reference: docs/configuration.md.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/app/log.h"
#include "server/bill/curl_options.h"
#include "server/bill/environment.h"
#include "server/session/session_manager.h"

namespace billbroker {

// Absolute paths of PEM files.
struct TlsFiles {
  std::string certificate;  // with the chain
  std::string key;
  std::string client_ca;
};

struct ListenerConfig {
  std::string socket;   // absolute path; or
  std::string address;  // see tcp_address.h
  mode_t mode = 0660;   // of the socket
  std::string group;    // of the socket; empty: the group of the process
  TlsFiles tls;         // of the address
  std::vector<std::string> services = {"session", "credential", "mfa", "audit"};  // one or more
  // The default is a minute on listeners that take no secrets: neither "credential" nor "mfa".
  absl::Duration max_connection_idle = absl::Seconds(5);
  absl::Duration max_connection_age = absl::Minutes(30);
  int max_connections = 1000;
  // Of one user of a socket, or from one address; the default is a quarter of max_connections.
  int max_user_connections = 250;
};

struct AuditConfig {
  std::string file;                                // absolute path
  bool session_reads = false;                      // record each session that is returned
  absl::Duration longest_wait = absl::Seconds(2);  // for the disk, before something is refused
};

struct Config {
  std::string instance = "default";  // 1 to 64 characters of [a-z0-9-]
  std::string state_dir;             // absolute path
  absl::Duration drain_timeout = absl::Seconds(30);
  LogLevel log_level = LogLevel::kInfo;
  std::vector<ListenerConfig> listeners;  // at least one
  std::string policy_file;                // absolute path; see policy_file.h
  AuditConfig audit;
  std::map<std::string, Environment> environments;  // by name; at least one
  absl::Duration keyring_timeout = absl::Seconds(3);
  bool allow_plain_transfer = false;  // secrets may cross D-Bus without encryption
  SessionManagerOptions session;
  int kept_versions = 1;  // of each credential, for a roll-back
  CurlOptions bill;
};

// Reads TOML. Fails with kInvalidArgument and one line for each error: "FILE:LINE: error and fix".
// `file` is only used in these messages.
[[nodiscard]] absl::StatusOr<Config> ParseConfig(absl::string_view text, absl::string_view file);

// Reads the file at `path` and parses it. Refuses a file that everybody may write. Fails like
// ParseConfig().
[[nodiscard]] absl::StatusOr<Config> LoadConfig(const std::string& path);

}  // namespace billbroker

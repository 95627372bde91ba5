#include "server/app/host_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/app/accounts.h"
#include "server/app/policy_file.h"
#include "server/app/tls_files.h"
#include "server/session/sqlite/store_file.h"

namespace billbroker {
namespace {

// A missing folder is created at the start if its parent exists.
absl::Status CheckFolder(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    const std::string parent = FolderOf(path);
    if (errno == ENOENT && ::access(parent.c_str(), W_OK | X_OK) == 0) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(path, " cannot be made: ", std::strerror(errno), "; make it for this user"));
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a folder"));
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "every user of this machine may write to ", path, "; chmod o-w it or use another folder"));
  }
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is not writable: ", std::strerror(errno), "; give it to this user"));
  }
  return absl::OkStatus();
}

// A read-only file system may become writable again: the store is tried until it is.
bool IsReadOnly(const std::string& path) {
  return ::access(path.c_str(), W_OK | X_OK) != 0 && errno == EROFS;
}

// Rows are sealed, but a file that everybody may write may be an old copy, or emptied.
absl::Status CheckStore(const std::string& path) {
  if (absl::Status version = CheckStoreVersion(path); !version.ok()) return version;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & S_IWOTH) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("every user of this machine may write to ", path, "; chmod o-w it"));
}

absl::Status CheckCaFile(const Environment& environment) {
  if (environment.ca_file.empty() || ::access(environment.ca_file.c_str(), R_OK) == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("environments.", environment.name, ".ca_file ",
                                                    environment.ca_file,
                                                    " cannot be read: ", std::strerror(errno)));
}

}  // namespace

absl::Status CheckHost(const Config& config, absl::Time now) {
  std::vector<std::string> errors;
  const auto collect = [&errors](const absl::Status& status) {
    if (!status.ok()) errors.emplace_back(status.message());
  };
  if (!IsReadOnly(config.state_dir)) collect(CheckFolder(config.state_dir));
  collect(CheckStore(StorePath(config)));
  const std::string audit_folder = FolderOf(config.audit.file);
  if (audit_folder != config.state_dir) collect(CheckFolder(audit_folder));
  for (const ListenerConfig& listener : config.listeners) {
    if (listener.socket.empty()) {
      collect(LoadTlsIdentity(listener.tls, now).status());
      continue;
    }
    collect(CheckFolder(FolderOf(listener.socket)));
    if (!listener.group.empty()) collect(FindGroup(listener.group).status());
  }
  collect(LoadPolicy(config.policy_file).status());
  for (const auto& [name, environment] : config.environments) collect(CheckCaFile(environment));
  if (errors.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(errors, "\n"));
}

absl::Status MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot make the folder ", path, ": ", std::strerror(errno)));
}

std::string StorePath(const Config& config) {
  return absl::StrCat(config.state_dir, "/sessions.db");
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace billbroker

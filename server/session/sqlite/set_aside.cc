#include "server/session/sqlite/set_aside.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

// Of the database itself, and of the files that SQLite keeps beside it.
constexpr std::array<const char*, 4> kSuffixes = {"", "-wal", "-shm", "-journal"};

// Renames each file that is there, and counts them in `renamed`.
absl::Status RenameAll(const std::string& from, const std::string& to, int& renamed) {
  for (const char* suffix : kSuffixes) {
    if (std::rename((from + suffix).c_str(), (to + suffix).c_str()) == 0) {
      ++renamed;
    } else if (errno != ENOENT) {
      return absl::UnavailableError(absl::StrCat("cannot rename ", from, suffix, ": ",
                                                 std::strerror(errno), "; move it away"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string AsidePath(const std::string& path, absl::Time now) {
  const std::string stem =
      absl::StrCat(path, ".aside-", absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()));
  std::string aside = stem;
  struct stat ignored {};
  for (int next = 2; ::lstat(aside.c_str(), &ignored) == 0; ++next) {
    aside = absl::StrCat(stem, ".", next);
  }
  return aside;
}

absl::StatusOr<std::string> SetAside(const std::string& path, absl::Time now) {
  const std::string aside = AsidePath(path, now);
  int renamed = 0;
  if (absl::Status status = RenameAll(path, aside, renamed); !status.ok()) {
    if (renamed > 0) PutBack(aside, path).IgnoreError();
    return status;
  }
  return renamed > 0 ? aside : std::string();
}

absl::Status PutBack(const std::string& aside, const std::string& path) {
  int renamed = 0;
  return RenameAll(aside, path, renamed);
}

}  // namespace billbroker

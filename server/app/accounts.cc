#include "server/app/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;  // a group of a million members

// Calls `find(buffer)` with larger buffers while it returns ERANGE; returns its last result.
template <typename Find>
int WithRoom(Find find) {
  std::vector<char> buffer(16 << 10);
  int error = find(buffer);
  while (error == ERANGE && buffer.size() < kMostBytes) {
    buffer.resize(2 * buffer.size());
    error = find(buffer);
  }
  return error;
}

absl::Status CannotTell(absl::string_view what, const std::string& name, int error) {
  return absl::FailedPreconditionError(absl::StrCat("the system cannot look up the ", what, " \"",
                                                    name, "\": ", std::strerror(error)));
}

}  // namespace

absl::StatusOr<gid_t> FindGroup(const std::string& name) {
  absl::StatusOr<gid_t> id = absl::FailedPreconditionError(absl::StrCat(
      "there is no group \"", name, "\"; make it with 'groupadd --system ", name, "'"));
  const int error = WithRoom([&](std::vector<char>& buffer) {
    group entry{};
    group* found = nullptr;
    const int said = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) id = found->gr_gid;
    return said;
  });
  if (!id.ok() && error != 0 && error != ENOENT) return CannotTell("group", name, error);
  return id;
}

absl::StatusOr<uid_t> FindUser(const std::string& name) {
  absl::StatusOr<uid_t> id = absl::FailedPreconditionError(
      absl::StrCat("there is no user \"", name, "\"; take it out, or make it"));
  const int error = WithRoom([&](std::vector<char>& buffer) {
    passwd entry{};
    passwd* found = nullptr;
    const int said = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) id = found->pw_uid;
    return said;
  });
  if (!id.ok() && error != 0 && error != ENOENT) return CannotTell("user", name, error);
  return id;
}

}  // namespace billbroker

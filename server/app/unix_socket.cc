#include "server/app/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/app/accounts.h"
#include "server/app/host_check.h"

namespace billbroker {
namespace {

constexpr std::size_t kMaxPathBytes = sizeof(sockaddr_un::sun_path) - 1;
constexpr absl::string_view kPrivateSuffix = "/.XXXXXX";

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

absl::Status CheckLength(const std::string& socket) {
  const std::size_t private_size = FolderOf(socket).size() + kPrivateSuffix.size() + 2;
  const std::size_t size = std::max(socket.size(), private_size);
  if (size <= kMaxPathBytes) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the socket's path ", socket, " needs ", size,
                                                    " bytes and a Unix socket has ", kMaxPathBytes,
                                                    "; choose a shorter folder"));
}

// Only a socket that an earlier daemon left may be replaced.
absl::Status CheckReplaceable(const std::string& socket) {
  struct stat info {};
  if (::lstat(socket.c_str(), &info) != 0 || S_ISSOCK(info.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(socket, " is there and is not a socket; remove it or choose another path"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixSocket>> UnixSocket::Claim(const ListenerConfig& config) {
  if (absl::Status status = CheckLength(config.socket); !status.ok()) return status;
  absl::StatusOr<FileLock> lock = FileLock::Take(config.socket + ".lock", "socket");
  if (!lock.ok()) return lock.status();
  if (absl::Status status = CheckReplaceable(config.socket); !status.ok()) return status;
  std::string folder = absl::StrCat(FolderOf(config.socket), kPrivateSuffix);
  if (::mkdtemp(folder.data()) == nullptr) return Failed("make a folder like", folder);
  std::unique_ptr<UnixSocket> claimed(new UnixSocket(config, *std::move(lock), std::move(folder)));
  if (absl::Status listens = claimed->Listen(); !listens.ok()) return listens;
  return claimed;
}

UnixSocket::UnixSocket(ListenerConfig config, FileLock lock, std::string private_folder)
    : config_(std::move(config)),
      lock_(std::move(lock)),
      private_folder_(std::move(private_folder)) {}

void UnixSocket::Close() {
  if (std::exchange(closed_, true)) return;
  if (fd_ >= 0) ::close(fd_);
  if (private_folder_.empty()) {
    ::unlink(config_.socket.c_str());
  } else {
    RemovePrivateFolder();
  }
}

absl::Status UnixSocket::Listen() {
  const std::string path = private_path();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, kMaxPathBytes);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Failed("make a socket for", path);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Failed("bind", path);
  }
  if (::listen(fd_, SOMAXCONN) != 0) return Failed("listen at", path);
  return absl::OkStatus();
}

void UnixSocket::RemovePrivateFolder() {
  ::unlink(private_path().c_str());
  ::rmdir(private_folder_.c_str());
  private_folder_.clear();
}

absl::Status UnixSocket::Publish() {
  const std::string bound = private_path();
  if (!config_.group.empty()) {
    const absl::StatusOr<gid_t> group = FindGroup(config_.group);
    if (!group.ok()) return group.status();
    if (::chown(bound.c_str(), static_cast<uid_t>(-1), *group) != 0) {
      return Failed(absl::StrCat("give to group ", config_.group, " the socket"), bound);
    }
  }
  if (::chmod(bound.c_str(), config_.mode) != 0) return Failed("set the mode of", bound);
  if (::rename(bound.c_str(), config_.socket.c_str()) != 0) {
    return Failed("move the socket to", config_.socket);
  }
  RemovePrivateFolder();
  return absl::OkStatus();
}

}  // namespace billbroker

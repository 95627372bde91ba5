#include "server/access/audit/posix_audit_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr mode_t kOthersMayWrite = S_IWGRP | S_IWOTH;

// Returns the error for `error`, with the cause and the fix.
absl::Status Failed(absl::string_view what, int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return absl::UnavailableError("the disk is full; free some space");
    case EFBIG:
      return absl::UnavailableError(
          "the file may not grow any more; rotate it, or raise the limit");
    case EROFS:
      return absl::UnavailableError("the file system is read-only; mount it for writing");
    case ELOOP:
      return absl::UnavailableError("it is a symbolic link; put a regular file or nothing there");
    case EACCES:
    case EPERM:
      return absl::UnavailableError(
          absl::StrCat("billbrokerd may not ", what, " it; fix its owner and mode"));
    case ENOENT:
      return absl::UnavailableError("its folder is missing; make it");
    default:
      return absl::UnavailableError(absl::StrCat("cannot ", what, " it: ", std::strerror(error)));
  }
}

bool IsSameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

absl::Status PosixAuditFile::Open() {
  Close();
  // O_NONBLOCK: a pipe at the path must not block the open.
  constexpr int kFlags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  fd_ = ::open(path_.c_str(), kFlags);
  if (fd_ < 0 && errno == ENOENT) {
    fd_ = ::open(path_.c_str(), kFlags | O_CREAT | O_EXCL, 0600);
  }
  if (fd_ < 0) return Failed("open", errno);
  if (absl::Status status = CheckItIsSafe(); !status.ok()) {
    Close();
    return status;
  }
  return SyncFolder();
}

absl::Status PosixAuditFile::CheckItIsSafe() const {
  struct stat file {};
  if (::fstat(fd_, &file) != 0) return Failed("look at", errno);
  if (!S_ISREG(file.st_mode)) {
    return absl::UnavailableError("it is not a regular file; put a regular file or nothing there");
  }
  if ((file.st_mode & kOthersMayWrite) != 0) {
    return absl::UnavailableError("others may write it; make its mode 0600");
  }
  return absl::OkStatus();
}

// The name of a new file must survive a power cut as well. Syncs even if the file is not new: the
// process that created it may have died before its sync.
absl::Status PosixAuditFile::SyncFolder() const {
  const std::size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed("open the folder of", errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 ? absl::OkStatus() : Failed("write the folder of", error);
}

void PosixAuditFile::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::StatusOr<std::uint64_t> PosixAuditFile::Size() {
  struct stat file {};
  if (::fstat(fd_, &file) != 0) return Failed("look at", errno);
  return static_cast<std::uint64_t>(file.st_size);
}

absl::StatusOr<std::string> PosixAuditFile::Tail(std::size_t most) {
  const absl::StatusOr<std::uint64_t> size = Size();
  if (!size.ok()) return size.status();
  std::string tail(std::min<std::uint64_t>(*size, most), '\0');
  std::size_t done = 0;
  while (done < tail.size()) {
    const ssize_t got = ::pread(fd_, tail.data() + done, tail.size() - done,
                                static_cast<off_t>(*size - tail.size() + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", errno);
    if (got == 0) break;  // the file was cut off meanwhile
    done += static_cast<std::size_t>(got);
  }
  tail.resize(done);
  return tail;
}

absl::Status PosixAuditFile::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status PosixAuditFile::CutTo(std::uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return Failed("cut", errno);
  return absl::OkStatus();
}

absl::Status PosixAuditFile::Sync() {
  if (::fdatasync(fd_) != 0) return Failed("write", errno);
  return absl::OkStatus();
}

absl::StatusOr<AuditFilePlace> PosixAuditFile::Place() {
  struct stat file {};
  if (::fstat(fd_, &file) != 0) return Failed("look at", errno);
  if (file.st_nlink == 0) return AuditFilePlace::kDeleted;
  struct stat at_path {};
  if (::lstat(path_.c_str(), &at_path) != 0) {
    if (errno == ENOENT) return AuditFilePlace::kMoved;
    return Failed("look at", errno);
  }
  return IsSameFile(file, at_path) ? AuditFilePlace::kInPlace : AuditFilePlace::kMoved;
}

std::vector<std::string> PosixAuditFile::ListSetAside() {
  const std::filesystem::path path(path_);
  const std::string prefix = path.filename().string() + ".aside-";
  std::vector<std::string> names;
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(path.parent_path(), ignored), end;
       !ignored && entry != end; entry.increment(ignored)) {
    std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, prefix)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace billbroker

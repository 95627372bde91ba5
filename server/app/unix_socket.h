// UnixSocket: the path of a listening Unix socket, from the lock to the last unlink.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/app/config.h"
#include "server/app/file_lock.h"

namespace billbroker {

// A bound socket has the mode that the umask gives it. So it is bound in a folder that only this
// user may enter, gets its mode and group there, and is renamed into place. Nobody can reach it
// without permission at any moment, a stale socket is replaced at once, and a socket in use is
// never stolen, because the lock beside it comes first.
class UnixSocket final {
 public:
  // Takes the lock "SOCKET.lock" and listens in the private folder. Fails with kFailedPrecondition
  // and the fix.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<UnixSocket>> Claim(
      const ListenerConfig& config);
  ~UnixSocket() { Close(); }
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;

  [[nodiscard]] const ListenerConfig& config() const { return config_; }
  // Returns a listening, non-blocking descriptor.
  [[nodiscard]] int fd() const { return fd_; }
  // Returns the path before Publish(), such as "/run/billbroker/.k3jX9a/s".
  [[nodiscard]] std::string private_path() const { return private_folder_ + "/s"; }

  // Lets callers connect.
  [[nodiscard]] absl::Status Publish();
  // Removes the socket: callers can no longer connect.
  void Close();

 private:
  UnixSocket(ListenerConfig config, FileLock lock, std::string private_folder);
  [[nodiscard]] absl::Status Listen();
  void RemovePrivateFolder();

  const ListenerConfig config_;
  const FileLock lock_;
  std::string private_folder_;  // empty once published
  int fd_ = -1;
  bool closed_ = false;
};

}  // namespace billbroker

// MuteSocket: a Unix socket that accepts connections and never answers.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace billbroker {

class MuteSocket final {
 public:
  // `listens`: otherwise connections to the socket are refused.
  explicit MuteSocket(const std::string& path, bool listens = true)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    constexpr int kBacklog = 64;
    sockaddr_un address{};
    if (path.size() >= sizeof(address.sun_path)) std::abort();
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      std::abort();
    }
    if (listens && ::listen(fd_, kBacklog) != 0) std::abort();
  }
  ~MuteSocket() { ::close(fd_); }
  MuteSocket(const MuteSocket&) = delete;
  MuteSocket& operator=(const MuteSocket&) = delete;

 private:
  const int fd_;
};

}  // namespace billbroker

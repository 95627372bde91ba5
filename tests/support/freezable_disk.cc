#include "tests/support/freezable_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/support/child_process.h"

namespace billbroker {
namespace {

constexpr std::uintmax_t kBytes = 4 << 20;

bool Run(const TempFolder& folder, const std::vector<std::string>& command) {
  return ChildProcess({command, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "", folder.File("said")})
             .Wait() == 0;
}

// Only calls that are safe after a fork of a process with threads.
[[noreturn]] void ThawAtTheEndOf(int pipe, int disk) {
  char byte = 0;
  while (::read(pipe, &byte, 1) > 0) {
  }
  ::_exit(::ioctl(disk, FITHAW, 0) == 0 ? 0 : 1);
}

}  // namespace

FreezableDisk::FreezableDisk() {
  const std::string image = image_.File("image");
  std::ofstream(image).close();
  std::filesystem::resize_file(image, kBytes);
  mounted_ = Run(image_, {"mkfs.ext4", "-q", image}) &&
             Run(image_, {"mount", "-o", "loop", image, folder_.path()});
}

FreezableDisk::~FreezableDisk() {
  Thaw();
  if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
}

bool FreezableDisk::Freeze() {
  const int disk = ::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int ends[2] = {-1, -1};
  if (disk < 0 || ::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  guard_ = ::fork();
  if (guard_ == 0) {
    ::close(ends[1]);
    ThawAtTheEndOf(ends[0], disk);
  }
  ::close(ends[0]);
  guarded_ = ends[1];
  const bool frozen = guard_ > 0 && ::ioctl(disk, FIFREEZE, 0) == 0;
  ::close(disk);
  return frozen;
}

void FreezableDisk::Thaw() {
  if (guarded_ < 0) return;
  ::close(guarded_);
  guarded_ = -1;
  ::waitpid(guard_, nullptr, 0);
}

}  // namespace billbroker

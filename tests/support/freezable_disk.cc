#include "tests/support/freezable_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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
  return ChildProcess({command, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "", folder.File("output")})
             .Wait() == 0;
}

void KeepOpenAlone(std::vector<unsigned>& descriptors) {
  std::sort(descriptors.begin(), descriptors.end());
  unsigned next = 0;
  for (const unsigned descriptor : descriptors) {
    if (descriptor > next) ::close_range(next, descriptor - 1, 0);
    next = descriptor + 1;
  }
  ::close_range(next, ~0U, 0);
}

}  // namespace

FreezableDisk::FreezableDisk() {
  const std::string image = image_.File("image");
  std::ofstream(image).close();
  std::filesystem::resize_file(image, kBytes);
  mounted_ = Run(image_, {"/usr/sbin/mkfs.ext4", "-q", image}) &&
             Run(image_, {"/usr/bin/mount", "-o", "loop", image, folder_.path()});
  if (!mounted_) return;
  disk_ = ::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (disk_ < 0) std::abort();
  Guard();
}

FreezableDisk::~FreezableDisk() {
  if (!mounted_) return;
  Thaw();
  ::umount2(folder_.path().c_str(), MNT_DETACH);
  ::close(disk_);
  ::close(guarded_);
}

void FreezableDisk::Guard() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  std::vector<unsigned> kept = {static_cast<unsigned>(disk_), static_cast<unsigned>(ends[0])};
  const char* const path = folder_.path().c_str();
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    // A new session and an orphan, so that a signal to the test and its children does not end this
    // process. Uses only calls that are safe after the fork of a process with threads.
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    KeepOpenAlone(kept);
    char byte = 0;
    while (::read(ends[0], &byte, 1) > 0) {
    }
    ::ioctl(disk_, FITHAW, 0);
    ::umount2(path, MNT_DETACH);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  guarded_ = ends[1];
}

bool FreezableDisk::Freeze() { return ::ioctl(disk_, FIFREEZE, 0) == 0; }

void FreezableDisk::Thaw() { ::ioctl(disk_, FITHAW, 0); }

}  // namespace billbroker

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
  return ChildProcess({command, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "", folder.File("said")})
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
}

FreezableDisk::~FreezableDisk() {
  Thaw();
  if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
}

bool FreezableDisk::Freeze() {
  const int disk = ::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int orders[2] = {-1, -1};
  int end[2] = {-1, -1};
  if (disk < 0 || ::pipe2(orders, O_CLOEXEC) != 0 || ::pipe2(end, O_CLOEXEC) != 0) std::abort();
  std::vector<unsigned> kept = {static_cast<unsigned>(disk), static_cast<unsigned>(orders[0]),
                                static_cast<unsigned>(end[1])};
  const char* const path = folder_.path().c_str();
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    // A process of its own session, and of nobody: what ends the test and all that it started does
    // not end this. Only calls that are safe after a fork of a process with threads.
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    KeepOpenAlone(kept);
    char order = 0;
    const bool ordered = ::read(orders[0], &order, 1) == 1;
    ::ioctl(disk, FITHAW, 0);
    if (!ordered) ::umount2(path, MNT_DETACH);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ::close(orders[0]);
  ::close(end[1]);
  orders_ = orders[1];
  thawed_ = end[0];
  const bool frozen = ::ioctl(disk, FIFREEZE, 0) == 0;
  ::close(disk);
  return frozen;
}

void FreezableDisk::Thaw() {
  if (orders_ < 0) return;
  char byte = 0;
  if (::write(orders_, &byte, 1) != 1) std::abort();
  while (::read(thawed_, &byte, 1) > 0) {
  }
  ::close(orders_);
  ::close(thawed_);
  orders_ = -1;
}

}  // namespace billbroker

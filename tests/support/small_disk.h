// SmallDisk: a private disk of 256 KiB.
#pragma once

#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_folder.h"

namespace billbroker {

// Needs root and CAP_SYS_ADMIN. Check mounted().
class SmallDisk final {
 public:
  SmallDisk() {
    mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=256k,mode=700") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string File(const std::string& name) const { return folder_.File(name); }
  // Fills the disk with the file "filler".
  void Fill() const {
    std::ofstream filler(File("filler"), std::ios::binary);
    const std::string page(4096, 'x');
    while (filler.write(page.data(), 4096).flush()) {
    }
  }
  void MakeRoom() const { std::filesystem::remove(File("filler")); }
  // Returns false if a file on the disk is open for writing, because the kernel refuses then.
  [[nodiscard]] bool SetReadOnly(bool read_only) const {
    return ::mount("tmpfs", folder_.path().c_str(), "tmpfs",
                   MS_REMOUNT | (read_only ? MS_RDONLY : 0), "size=256k") == 0;
  }
  // Mounts an empty read-only disk over this one, even if files are open; and unmounts it.
  [[nodiscard]] bool Cover() const {
    return ::mount("tmpfs", folder_.path().c_str(), "tmpfs", MS_RDONLY, "size=4k,mode=700") == 0;
  }
  [[nodiscard]] bool Uncover() const { return ::umount2(folder_.path().c_str(), MNT_DETACH) == 0; }

 private:
  TempFolder folder_;
  bool mounted_ = false;
};

}  // namespace billbroker

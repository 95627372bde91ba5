// FreezableDisk: a private disk whose writes can be made to hang, like writes to a failing device.
#pragma once

#include <string>

#include "tests/support/temp_folder.h"

namespace billbroker {

// Needs root, CAP_SYS_ADMIN and loop devices. Check mounted().
class FreezableDisk final {
 public:
  FreezableDisk();
  ~FreezableDisk();  // thaws
  FreezableDisk(const FreezableDisk&) = delete;
  FreezableDisk& operator=(const FreezableDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string File(const std::string& name) const { return folder_.File(name); }
  // From now on a process that writes to the disk hangs, and SIGKILL does not end it. Returns false
  // if the disk cannot be frozen.
  [[nodiscard]] bool Freeze();
  // Lets the pending writes continue.
  void Thaw();

 private:
  // Starts a process that thaws and unmounts once `guarded_` is closed.
  void Guard();

  const TempFolder image_;
  const TempFolder folder_;
  bool mounted_ = false;
  int disk_ = -1;
  int guarded_ = -1;  // closed when the test process ends for any reason
};

}  // namespace billbroker

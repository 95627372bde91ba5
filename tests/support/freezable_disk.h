// FreezableDisk: a disk of a test's own whose writes can be made to hang, as those of a sick device
// do.
#pragma once

#include <string>

#include "tests/support/temp_folder.h"

namespace billbroker {

// Where that is allowed: root, with CAP_SYS_ADMIN and loop devices.
class FreezableDisk final {
 public:
  FreezableDisk();
  ~FreezableDisk();  // thaws
  FreezableDisk(const FreezableDisk&) = delete;
  FreezableDisk& operator=(const FreezableDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string File(const std::string& name) const { return folder_.File(name); }
  // From now on who writes on it hangs, so that not even SIGKILL ends it. False where it cannot.
  [[nodiscard]] bool Freeze();
  // What was to be written is written.
  void Thaw();

 private:
  // Starts a process that thaws and unmounts once `guarded_` is closed.
  void Guard();

  const TempFolder image_;
  const TempFolder folder_;
  bool mounted_ = false;
  int disk_ = -1;
  int guarded_ = -1;  // closed when the test ends, however it does
};

}  // namespace billbroker

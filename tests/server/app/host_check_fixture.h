// HostCheckFixture: a valid configuration whose folders are in a TempFolder, for CheckHost().
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "server/app/host_check.h"
#include "tests/support/manual_time.h"
#include "tests/support/temp_folder.h"

namespace billbroker {

class HostCheckFixture : public ::testing::Test {
 protected:
  HostCheckFixture() {
    config_.state_dir = folder_.File("state");
    config_.listeners.emplace_back();
    config_.listeners[0].socket = folder_.File("run") + "/b.sock";
    config_.audit.file = folder_.File("logs") + "/audit.jsonl";
    config_.policy_file = folder_.File("policy.toml");
    std::ofstream(config_.policy_file)
        << "[[grant]]\nprincipals = [\"cn:a\"]\nrole = \"reader\"\norganizations = [\"*\"]\n";
  }

  [[nodiscard]] absl::Status Check() const { return CheckHost(config_, clock_.Now()); }
  [[nodiscard]] std::string Message() const { return std::string(Check().message()); }

  TempFolder folder_;
  const ManualClock clock_;
  Config config_;
};

}  // namespace billbroker

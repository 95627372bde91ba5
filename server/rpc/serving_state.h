// ServingState: what the process says of itself to every handler.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "vault/base/error.h"

namespace billbroker {

// Thread-safe.
class ServingState final {
 public:
  // `base_urls`: environment name -> base URL.
  ServingState(std::string version, absl::Time start_time,
               std::map<std::string, std::string> base_urls)
      : version_(std::move(version)), start_time_(start_time), base_urls_(std::move(base_urls)) {}

  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] absl::Time start_time() const { return start_time_; }
  [[nodiscard]] const std::map<std::string, std::string>& base_urls() const { return base_urls_; }

  void StartDraining() { draining_ = true; }
  [[nodiscard]] bool draining() const { return draining_; }

  // DRAINING once the broker shuts down: calls accepted before get their answers, no new one does.
  [[nodiscard]] absl::Status Admit() const {
    if (!draining_) return absl::OkStatus();
    return MakeError(Reason::kDraining, "the broker is shutting down; ask again");
  }

 private:
  const std::string version_;
  const absl::Time start_time_;
  const std::map<std::string, std::string> base_urls_;
  std::atomic<bool> draining_ = false;
};

}  // namespace billbroker

// A KeyringAdopter in memory.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "server/rpc/keyring_adopter.h"

namespace billbroker {

// A replaced keyring at first. Used by one call at a time.
class FakeKeyringAdopter final : public KeyringAdopter {
 public:
  absl::Status error;  // of every call, unless it is OK
  KeyringLoss loss = {
      "adopt payroll-instance",
      2,
      5,
      17,
      {{"/var/lib/billbroker/sessions.db", "/var/lib/billbroker/sessions.db.aside-1"},
       {"/var/log/billbroker/audit.jsonl", "/var/log/billbroker/audit.jsonl.aside-1"}}};
  int adopted = 0;
  std::vector<bool> allowed;  // whether each call allowed prompts

  [[nodiscard]] absl::StatusOr<KeyringLoss> Preview(Prompts prompts) override {
    allowed.push_back(prompts == Prompts::kAllowed);
    if (!error.ok()) return error;
    return loss;
  }
  [[nodiscard]] absl::StatusOr<KeyringLoss> Adopt(Prompts prompts) override {
    allowed.push_back(prompts == Prompts::kAllowed);
    if (!error.ok()) return error;
    ++adopted;
    return loss;
  }
};

}  // namespace billbroker

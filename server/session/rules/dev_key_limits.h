// DevKeyLimits: how many sign-ins an hour the broker may make with a devKey, and which part of them
// is set aside.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "server/session/ids.h"

namespace billbroker {

struct DevKeyBudgetOptions {
  int sign_ins_per_hour = 200;  // BILL's limit for a devKey
  double reserve = 0.1;         // the part that is set aside, 0 to 1
  double share = 1;             // of BILL's limit, if others use the devKeys too; above 0, to 1
  // The same for single devKeys, by fingerprint.
  std::map<std::string, double, std::less<>> shares;
};

struct DevKeyLimit {
  int all = 0;      // sign-ins an hour, at least 1
  int callers = 0;  // of these, for callers; the others are for proofs alone. At least 1
  int shared = 0;   // of these, for warm watches, pre-warming and principals at their share
};

class DevKeyLimits final {
 public:
  explicit DevKeyLimits(DevKeyBudgetOptions options) : options_(std::move(options)) {}

  // Returns the limit of a devKey. The reserve is `options.reserve` of it and at least 2. A fifth
  // of the reserve, at least 1, is for proofs alone. A limit below 4 leaves callers at least one.
  [[nodiscard]] DevKeyLimit Of(const DevKeyBudgetId& dev_key) const;

 private:
  DevKeyBudgetOptions options_;
};

}  // namespace billbroker

#include "server/session/rules/dev_key_limits.h"

#include <algorithm>
#include <cmath>

namespace billbroker {
namespace {

constexpr int kSmallestReserve = 2;
constexpr int kProofsPartOfReserve = 5;

}  // namespace

DevKeyLimit DevKeyLimits::Of(const DevKeyBudgetId& dev_key) const {
  const auto own = options_.shares.find(dev_key.dev_key_id);
  const double share = own == options_.shares.end() ? options_.share : own->second;
  const int all = std::max(static_cast<int>(options_.sign_ins_per_hour * share), 1);
  const int part = static_cast<int>(std::ceil(all * options_.reserve));
  const int reserve = std::clamp(part, std::min(kSmallestReserve, all - 1), all);
  const int proofs = std::min(std::max(reserve / kProofsPartOfReserve, 1), all - 1);
  return {all, all - proofs, all - reserve};
}

}  // namespace billbroker

// StoreLog: logs the events of the session store.
#pragma once

#include <cstdint>
#include <string>

#include "server/app/log.h"
#include "server/session/sqlite/sqlite_store.h"

namespace billbroker {

// Events: "store_state" (info when ready, error otherwise, with the reason and fix),
// "store_upgraded" (info), and the warnings "store_set_aside" and "store_row_dropped".
class StoreLog final : public StoreObserver {
 public:
  explicit StoreLog(JsonLog& log) : log_(log) {}

  void StoreStateChanged(const StoreStatus& status) override;
  void StoreSetAside(const std::string& file, absl::string_view why) override;
  void StoreRowDropped(absl::string_view kind) override;
  void StoreUpgraded(std::int64_t rows, std::int64_t dropped_quarantines) override;

 private:
  JsonLog& log_;
};

}  // namespace billbroker

#include "server/app/store_log.h"

#include <string>

namespace billbroker {

void StoreLog::StoreStateChanged(StoreState state, absl::string_view why) {
  log_.Write(state == StoreState::kReady ? LogLevel::kInfo : LogLevel::kError, "store_state",
             {{"state", std::string(StoreStateName(state))}, {"message", std::string(why)}});
}

void StoreLog::StoreSetAside(const std::string& file, absl::string_view why) {
  log_.Write(LogLevel::kWarning, "store_set_aside",
             {{"file", file}, {"message", std::string(why)}});
}

void StoreLog::StoreRowDropped(absl::string_view kind) {
  log_.Write(LogLevel::kWarning, "store_row_dropped", {{"kind", std::string(kind)}});
}

void StoreLog::StoreUpgraded(std::int64_t rows, std::int64_t dropped_quarantines) {
  log_.Write(LogLevel::kInfo, "store_upgraded",
             {{"rows", rows}, {"dropped_quarantines", dropped_quarantines}});
}

}  // namespace billbroker

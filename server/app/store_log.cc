#include "server/app/store_log.h"

#include <string>

namespace billbroker {

void StoreLog::StoreStateChanged(const StoreStatus& status) {
  log_.Write(
      status.state == StoreState::kReady ? LogLevel::kInfo : LogLevel::kError, "store_state",
      {{"state", std::string(StoreStateName(status.state))},
       {"file", status.file},
       {"message", status.why},
       {"next_try", status.next_try.has_value()
                        ? absl::FormatTime(absl::RFC3339_sec, *status.next_try, absl::UTCTimeZone())
                        : ""}});
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

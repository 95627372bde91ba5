// JsonLog: the daemon's log, one JSON object in each line on standard error.
//
//   {"time":"2025-07-01T12:00:00.000Z","level":"info","event":"ready","version":"0.1.0","pid":4711}
//
// No line holds a secret: fields are ids, names, codes, counts, and messages of MakeError().
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "vault/base/clock.h"

namespace billbroker {

enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError };

// Returns "trace", "debug", "info", "warning" or "error"; LogLevelNamed() is the inverse.
[[nodiscard]] absl::string_view LogLevelName(LogLevel level);
[[nodiscard]] absl::optional<LogLevel> LogLevelNamed(absl::string_view name);

struct LogField {
  const char* key;
  std::variant<std::string, std::int64_t, std::uint64_t, bool, std::vector<std::string>> value;
};

// Thread-safe. Every line is flushed before the call returns.
class JsonLog final {
 public:
  using Fields = std::initializer_list<LogField>;

  // Drops lines below `level`. `sink` receives complete lines.
  JsonLog(LogLevel level, const Clock& clock, std::shared_ptr<spdlog::sinks::sink> sink);

  // Writes a line. `event` is a name in snake_case for programs to search for.
  void Write(LogLevel level, absl::string_view event, Fields fields = {});

 private:
  const Clock& clock_;
  spdlog::logger logger_;
};

}  // namespace billbroker

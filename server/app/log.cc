#include "server/app/log.h"

#include <spdlog/sinks/sink.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/time/time.h"

namespace billbroker {
namespace {

constexpr absl::string_view kLevelNames[] = {"trace", "debug", "info", "warning", "error"};
static_assert(static_cast<int>(LogLevel::kError) == static_cast<int>(spdlog::level::err));

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(level);
}

}  // namespace

absl::string_view LogLevelName(LogLevel level) { return kLevelNames[static_cast<int>(level)]; }

absl::optional<LogLevel> LogLevelNamed(absl::string_view name) {
  for (int i = 0; i <= static_cast<int>(LogLevel::kError); ++i) {
    if (kLevelNames[i] == name) return static_cast<LogLevel>(i);
  }
  return absl::nullopt;
}

JsonLog::JsonLog(LogLevel level, const Clock& clock, std::shared_ptr<spdlog::sinks::sink> sink)
    : clock_(clock), logger_("billbroker", std::move(sink)) {
  logger_.set_pattern("%v");
  logger_.set_level(ToSpdlog(level));
  logger_.flush_on(spdlog::level::trace);
}

void JsonLog::Write(LogLevel level, absl::string_view event, Fields fields) {
  if (!logger_.should_log(ToSpdlog(level))) return;
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", clock_.Now(), absl::UTCTimeZone());
  line["level"] = std::string(LogLevelName(level));
  line["event"] = std::string(event);
  for (const LogField& field : fields) {
    std::visit([&line, &field](const auto& value) { line[field.key] = value; }, field.value);
  }
  // Invalid UTF-8 is replaced; by default dump() would throw.
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  logger_.log(ToSpdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace billbroker

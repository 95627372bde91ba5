// JSON output: keys in the order in which they are documented in docs/cli.md.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

namespace billbroker {

using Json = nlohmann::ordered_json;

// Indented, with a final line break; bytes that are no UTF-8 become U+FFFD.
inline void PrintJson(const Json& json, std::ostream& out) {
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

// The same in one line, for output that goes on.
inline void PrintJsonLine(const Json& json, std::ostream& out) {
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace billbroker

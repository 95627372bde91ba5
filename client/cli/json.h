// JSON output: keys in the order of docs/cli.md.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

namespace billbroker {

using Json = nlohmann::ordered_json;

// Prints indented JSON with a final line break; invalid UTF-8 becomes U+FFFD.
inline void PrintJson(const Json& json, std::ostream& out) {
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

// Prints JSON in one line, for output that continues.
inline void PrintJsonLine(const Json& json, std::ostream& out) {
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace billbroker

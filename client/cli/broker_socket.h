// Why no broker answers on a socket, as far as this side can tell.
#pragma once

#include <string>

namespace billbroker {

// What to do so that a broker answers on the Unix socket at `path`.
[[nodiscard]] std::string UnreachableFix(const std::string& path);

}  // namespace billbroker

// Reads the tables [session], [sign_ins] and [prewarm] of the configuration file.
#pragma once

#include "server/app/toml_reader.h"
#include "server/session/session_manager.h"

namespace billbroker {

[[nodiscard]] SessionManagerOptions ReadEngineOptions(TomlTable& root);

}  // namespace billbroker

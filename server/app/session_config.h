// What the configuration file says of sessions and sign-ins: [session], [sign_ins], [prewarm].
#pragma once

#include "server/app/toml_reader.h"
#include "server/session/engine.h"

namespace billbroker {

[[nodiscard]] EngineOptions ReadEngineOptions(TomlTable& root);

}  // namespace billbroker

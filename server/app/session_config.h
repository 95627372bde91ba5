// What the configuration file says of sessions and sign-ins: [session], [sign_ins], [prewarm].
#pragma once

#include "server/app/toml_reader.h"
#include "server/session/session_manager.h"

namespace billbroker {

[[nodiscard]] SessionManagerOptions ReadEngineOptions(TomlTable& root);

}  // namespace billbroker

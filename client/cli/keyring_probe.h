// KeyringProbe: how the keyring of this user's session is, asked without the broker.
#pragma once

#include <string>

#include "billbroker/v1/session.pb.h"

namespace billbroker {

class KeyringProbe {
 public:
  virtual ~KeyringProbe() = default;

  // Within some seconds; never prompts, never unlocks. `state` and `fix` are set.
  [[nodiscard]] virtual v1::VaultStatus Probe() = 0;
};

}  // namespace billbroker

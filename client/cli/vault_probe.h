// VaultProbe: the keyring room's own look at the keyring (docs/adr/0010).
#pragma once

#include "client/cli/keyring_probe.h"

namespace billbroker {

class VaultProbe final : public KeyringProbe {
 public:
  [[nodiscard]] v1::VaultStatus Probe(bool allow_plain) override;
};

}  // namespace billbroker

// KeyringProbe: the state of the keyring in this user's session, without the broker.
#pragma once

#include <string>

#include "billbroker/v1/session.pb.h"

namespace billbroker {

class KeyringProbe {
 public:
  virtual ~KeyringProbe() = default;

  // Returns the state within some seconds; never prompts, never unlocks. `state` and `fix` are set.
  // `allow_plain`: a provider that transfers secrets only without encryption is in order.
  [[nodiscard]] virtual v1::VaultStatus Probe(bool allow_plain) = 0;
};

}  // namespace billbroker

// SecretProvider: KeePassXC or KWallet on a private bus, instead of gnome-keyring.
//
// docs/keyrings.md has the commands and the settings that these classes use.
#pragma once

#include <memory>
#include <string>

#include "tests/support/private_bus.h"

namespace billbroker {

// The data of a provider is in the folder of its bus and stays there when the provider ends. Every
// call aborts with the output of the processes if a step takes longer than 20 seconds.
class SecretProvider {
 public:
  virtual ~SecretProvider() = default;

  // Starts the provider. Returns once it owns org.freedesktop.secrets and has a default collection,
  // which is unlocked if `unlocked` is true.
  virtual void Start(bool unlocked) = 0;
  // Ends the provider with SIGKILL, so that it cannot save anything.
  virtual void Kill() = 0;
  virtual void Lock() = 0;
  virtual void Unlock() = 0;
};

// Both start nothing. `bus` has a running bus without a provider.
std::unique_ptr<SecretProvider> MakeKeePassXc(const PrivateBus& bus);
std::unique_ptr<SecretProvider> MakeKWallet(const PrivateBus& bus);

// Stores a new item with secret-tool, which answers the prompt of the provider.
void PlantWithSecretTool(const PrivateBus& bus, const PrivateBus::Attributes& attributes,
                         const std::string& label, const std::string& secret);

}  // namespace billbroker

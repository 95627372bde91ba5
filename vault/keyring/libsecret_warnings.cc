#include "vault/keyring/libsecret_warnings.h"

#include <dlfcn.h>

namespace billbroker {

// Libsecret exports the switch, but no header declares it. So it is looked up while running: a
// version without it would not link.
void SilenceLibsecretWarnings() {
  auto* warnings = static_cast<int*>(dlsym(RTLD_DEFAULT, "egg_secure_warnings"));
  if (warnings != nullptr) *warnings = 0;
}

}  // namespace billbroker

// A SecretService that is used for its session only.
#pragma once

#include <gio/gio.h>

namespace billbroker {

// Returns a subclass of SecretService for secret_service_open(), which ignores the provider's
// signals. libsecret 0.20.5's own handler iterates a cached property without a look at null, and
// crashes if a provider sends CollectionCreated before it has answered the first GetAll.
[[nodiscard]] GType QuietSecretServiceType();

}  // namespace billbroker

// A SecretService that never prompts.
#pragma once

#include <gio/gio.h>

namespace billbroker {

// Returns a subclass of SecretService for secret_service_open(). An operation that needs a person
// fails with PromptNeededQuark(), and the provider's prompt is dismissed. libsecret's own class
// shows the prompt, and some of its calls unlock implicitly.
[[nodiscard]] GType QuietSecretServiceType();

// Returns the error domain for operations that need a person.
[[nodiscard]] GQuark PromptNeededQuark();

}  // namespace billbroker

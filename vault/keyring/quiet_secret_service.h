// A SecretService that never prompts.
#pragma once

#include <gio/gio.h>

namespace billbroker {

// A subclass of SecretService for secret_service_open(). Whatever would need a person fails with
// PromptNeededQuark(), and the provider's prompt is dismissed. libsecret's own class shows the
// prompt, and calls that look harmless unlock by themselves.
[[nodiscard]] GType QuietSecretServiceType();

// The error domain that says that a person is needed.
[[nodiscard]] GQuark PromptNeededQuark();

}  // namespace billbroker

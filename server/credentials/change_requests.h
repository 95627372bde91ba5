// Arguments of CredentialManager's calls.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "server/session/cause.h"
#include "server/session/session_demand.h"
#include "vault/prompt_scope.h"

namespace billbroker {

// The credential version that an operator read and now changes. If two operators change the same
// version, only one succeeds.
struct CredentialVersion {
  std::string name;
  std::string uid;
  std::uint64_t version = 0;
};

// A credential, independent of its version.
struct CredentialId {
  std::string name;
  std::string uid;
};

// How a change of secrets is proved, and the effects of its success.
struct RotationOptions {
  std::string organization_id = {};     // its sign-in is the proof; empty: the first one
  bool verify = true;                   // false: stored without proof
  bool end_sessions = false;            // of the credential, at BILL and here, once in effect
  std::string principal = {};           // the caller
  CausePtr cause = {};                  // the call
  absl::Duration patience = kPatience;  // of the proof
  Prompts prompts = Prompts::kRefused;
};

}  // namespace billbroker

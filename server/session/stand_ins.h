// What signs in as a pair does, and is none: asked for by no caller, and handed out to none.
// Internal to server/session.
#pragma once

#include "absl/time/time.h"
#include "server/session/engine_types.h"
#include "server/session/pair.h"
#include "vault/credential.h"

namespace billbroker {

// A credential that is being proved.
struct Probing {
  Pair pair;
  CredentialPtr candidate;
  bool said_now = true;
  std::string principal;
  CausePtr cause;
  ProbeDone done;
  absl::Duration gives_up;  // Clock::SinceBoot()
};

// A partner's own sign-in, which goes before those as users.
struct Partner {
  Pair pair;                // of no organization
  CredentialPtr candidate;  // of a probe; null: what is stored
  PartnerSessionPtr session;
  int deaths = 0;  // in a row, of sessions that signed nobody in
};

}  // namespace billbroker

// What signs in as a slot does, and is none: asked for by no caller, and handed out to none.
// Internal to server/session.
#pragma once

#include "absl/time/time.h"
#include "server/session/session_slot.h"
#include "server/session/session_types.h"
#include "vault/credential.h"

namespace billbroker {

// A credential that is being proved.
struct Probing {
  SessionSlot slot;
  CredentialPtr candidate;
  bool said_now = true;
  std::string principal;
  CausePtr cause;
  ProbeDone done;
  absl::Duration gives_up;  // Clock::SinceBoot()
};

// A partner's own sign-in, which goes before those as users.
struct Partner {
  SessionSlot slot;         // of no organization
  CredentialPtr candidate;  // of a probe; null: what is stored
  PartnerSessionPtr session;
  int deaths = 0;  // in a row, of sessions that signed nobody in
};

}  // namespace billbroker

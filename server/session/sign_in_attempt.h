// SignInAttempt: a sign-in under way, with the inputs of the decision. The credential may change
// meanwhile.
#pragma once

#include <cstdint>
#include <memory>

#include "server/session/cause.h"
#include "server/session/partner_table.h"
#include "server/session/session_observer.h"
#include "server/session/session_store.h"
#include "server/session/sign_in_queue.h"
#include "vault/base/secret_string.h"

namespace billbroker {

struct SignInAttempt {
  SignInQueue::Entry entry;   // that left the queue
  PartnerSessionPtr partner;  // the session to sign in as a user with; null for other sign-ins
  std::string principal;      // of the first caller; empty if the broker signs in by itself
  CausePtr cause;             // the call of that caller
  std::shared_ptr<const SecretString> dev_key;  // as sent; it belongs to the session
  std::uint64_t generation = 0;                 // reserved for the session
  StoredAttempt record;                         // the line in the ledger

  [[nodiscard]] const SignInCandidate& candidate() const { return entry.candidate; }

  [[nodiscard]] SignInFacts ToFacts() const {
    const SignInCandidate& wanted = entry.candidate;
    return {record.id,
            principal,
            cause,
            wanted.credential->name,
            wanted.credential->version,
            wanted.slot.organization_id,
            wanted.dev_key.dev_key_id};
  }
};

}  // namespace billbroker

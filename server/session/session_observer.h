// SessionObserver, SessionWatcher: the events of the session manager.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/session/cause.h"
#include "server/session/session.h"

namespace billbroker {

// One sign-in at BILL.
//
// On the audit log its `id` is the request id, unless the call that caused it has a request id.
// Several sign-ins may be made for one call; an intent and its outcome belong together by
// credential and organization, since a slot has one sign-in under way.
struct SignInFacts {
  std::string id;         // of its line in the ledger
  std::string principal;  // of the first caller; empty if the broker signs in by itself
  CausePtr cause;         // the call
  std::string credential;
  std::uint64_t version = 0;    // of the credential
  std::string organization_id;  // empty: a partner's own sign-in
  std::string dev_key_id;       // of the devKey, or of a partner's appKey
};

// Receives events for logging, auditing and metrics. Called without a lock held, on any thread;
// must not block, except for SignInStarts().
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  // Runs before each sign-in, on a thread that may wait. If this fails, the sign-in is not sent,
  // and its callers receive the error.
  [[nodiscard]] virtual absl::Status SignInStarts(const SignInFacts& sign_in) = 0;
  // Runs after each sign-in that was sent. `generation` is that of the new session, or 0.
  virtual void SignInEnded(const SignInFacts& sign_in, const absl::Status& outcome,
                           std::uint64_t generation) = 0;
  // Runs before a session is ended at BILL for another reason than Logout().
  virtual void LogOutStarts(const Session& session) = 0;
  virtual void LogOutEnded(const Session& session, const absl::Status& outcome) = 0;
  // Runs when a session is no longer returned to callers.
  virtual void SessionEnded(absl::string_view credential, absl::string_view organization_id,
                            std::uint64_t generation, absl::string_view why) = 0;
  // Runs for each check of a session that failed. `why` is for the log.
  virtual void CheckFailed(const Session& session, absl::string_view why) = 0;
  // Runs once for each rememberMeId that BILL stops accepting: new sessions are not MFA-trusted.
  virtual void TrustRefused(absl::string_view credential, absl::string_view organization_id) = 0;
};

// Notified of every organization whose Peek() result may have changed. Called without a lock held,
// on any thread; must not block.
class SessionWatcher {
 public:
  virtual ~SessionWatcher() = default;
  virtual void SessionChanged(absl::string_view organization_id) = 0;
};

}  // namespace billbroker

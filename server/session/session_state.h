// SessionState: everything that SessionManager's lock guards. LockedSessions is the only way to it.
// Internal to server/session.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/session/acceptance_history.h"
#include "server/session/credential_probe.h"
#include "server/session/deferred_calls.h"
#include "server/session/end_reports.h"
#include "server/session/gateway_check.h"
#include "server/session/ids.h"
#include "server/session/partner_table.h"
#include "server/session/rate_limiter.h"
#include "server/session/session_journal.h"
#include "server/session/session_observer.h"
#include "server/session/session_options.h"
#include "server/session/sign_in_rules.h"
#include "server/session/slot_table.h"
#include "server/session/warm_watches.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/credential_index.h"
#include "vault/remember_me_refusals.h"
#include "vault/vault.h"
#include "vault/vault_health.h"

namespace billbroker {

struct SessionParts {  // borrowed
  const Clock& clock;
  Executor& executor;
  Random& random;
  Vault& vault;
  VaultHealth& vault_health;
  CredentialIndex& credentials;
  RememberMeRefusals& remember_me_refusals;
  BillApi& bill;
  SessionStore& store;
  SessionObserver& observer;
  // Environment name -> base URL.
  std::map<std::string, std::string> base_urls;
};

// The rows of credentials that had not been read when the store was. They are restored if the
// credential is read after all.
struct UnclaimedSlots {
  // Credential uid -> organization id -> row.
  std::map<std::string, absl::flat_hash_map<std::string, StoredSlot>> rows;
  bool same_boot = false;     // StoreContents::same_boot
  absl::Duration since;       // on Clock::SinceBoot()
  absl::Duration next_visit;  // the age at which VisitUnclaimed() does something
  // CredentialIndex::reads() at the first visit after a minute.
  absl::optional<std::uint64_t> reads_then;
  bool proven = false;  // their credentials were deleted
};

struct SessionState {
  SessionState(const SessionManagerOptions& options, const SessionParts& parts);

  SlotTable slots;
  std::map<ProbeId, std::unique_ptr<CredentialProbe>> probes;
  PartnerTable partners;
  WarmWatches warm;
  SignInRules rules;
  AcceptanceHistory history;
  GatewayCheck gateway_check;
  EndReports end_reports;
  SessionJournal journal;
  RateLimiter keep_alive_calls;  // by devKey
  RateLimiter stale_reports;     // by principal

  std::uint64_t probes_made = 0;
  bool store_read = false;          // Restore() was called
  bool counted_from_audit = false;  // the ledger of before the start: see ServeWithoutStore()
  // The ones of these sign-ins that count as failed, until the store opens.
  std::vector<StoredAttempt> failed_in_audit;
  // The last sign-in of each slot that BILL accepted before the store was open. They disprove
  // quarantines of the store.
  absl::flat_hash_map<SlotId, SignInCandidate> accepted_before_restore;
  // The slots whose organization was detached, or whose credential was deleted, before the store
  // was read, with their credential before that. Restore() ends their stored sessions.
  absl::flat_hash_map<SlotId, CredentialInfoPtr> removed_before_restore;
  UnclaimedSlots unclaimed;
  int held_sessions = 0;  // of slots, some of which may be past their deadline
  std::int64_t sign_ins = 0;
  std::int64_t failed_sign_ins = 0;
  absl::Duration wake_scheduled = absl::InfiniteDuration();

  // Slots that an operation left for the dispatcher: they need a sign-in, or are to be erased.
  std::vector<std::pair<SlotId, SignInPurpose>> wanting;
  std::vector<SlotId> removable;
  // Queued candidates whose expected start may have become later.
  std::vector<CandidateId> refuse_impatient;
  bool dispatch = false;  // a turn may have come

  // Set by SessionManager::Drain(): sign-ins start only for calls that wait.
  bool draining = false;
  std::vector<absl::AnyInvocable<void()>> drained;  // called once none is under way
  // Slots whose callers waited for a check during the drain: its end may start a sign-in.
  std::vector<SlotId> awaited_checks;

  // Asks the dispatcher for a sign-in of the slot.
  void WantSignIn(const SessionSlot& slot, SignInPurpose purpose) {
    wanting.emplace_back(slot.id, purpose);
  }
};

// Starts the slot's next back-off. Returns the error for its callers.
absl::Status BackOff(SessionState& state, const SlotId& slot, absl::string_view credential,
                     SlotBackoff kind, Reason reason, const BillError& error, absl::Duration now);

// Suspends the devKey's sign-ins after BDC_1144. Returns the end of the suspension on
// Clock::SinceBoot().
absl::Duration Suspend(const SessionParts& parts, SessionState& state,
                       const DevKeyBudgetId& dev_key, const BillError& error);
// Suspends the devKey's sign-ins and its callers' checks after BDC_1144 in answer to a check.
absl::Duration SuspendWithChecks(const SessionParts& parts, SessionState& state,
                                 const DevKeyBudgetId& dev_key, const BillError& error);

class LockedSessions;

// Owns the state, its lock, and the parts and options, which never change.
class SharedSessions final {
 public:
  SharedSessions(SessionManagerOptions session_options, SessionParts session_parts)
      : options(std::move(session_options)),
        parts(std::move(session_parts)),
        state_(options, parts) {}

  const SessionManagerOptions options;
  const SessionParts parts;
  SessionWatcher* watcher = nullptr;  // set before the first call
  // Called with the lock held, at the end of every LockedSessions: starts the sign-ins whose turn
  // has come.
  absl::AnyInvocable<void(LockedSessions&)> before_unlock;

  [[nodiscard]] absl::Duration now() const { return parts.clock.SinceBoot(); }
  // Returns how long BILL keeps sessions of `credential`.
  [[nodiscard]] SessionLimits LimitsFor(const CredentialInfo& credential) const;

 private:
  friend class LockedSessions;

  Mutex mutex_;
  SessionState state_ ABSL_GUARDED_BY(mutex_);
};

// Holds the lock. Calls that may not run under it are deferred until after the unlock.
class LockedSessions final {
 public:
  explicit LockedSessions(SharedSessions& shared) ABSL_NO_THREAD_SAFETY_ANALYSIS : shared_(shared) {
    shared_.mutex_.Lock();
  }
  ~LockedSessions() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    shared_.before_unlock(*this);
    shared_.mutex_.Unlock();
  }
  LockedSessions(const LockedSessions&) = delete;
  LockedSessions& operator=(const LockedSessions&) = delete;

  SessionState* operator->() ABSL_NO_THREAD_SAFETY_ANALYSIS { return &shared_.state_; }
  SessionState& operator*() ABSL_NO_THREAD_SAFETY_ANALYSIS { return shared_.state_; }

  void Defer(DeferredCalls::Call call) { deferred_.Add(std::move(call)); }

 private:
  DeferredCalls deferred_;  // runs after the destructor's body, which unlocks
  SharedSessions& shared_;
};

// How many slots an operation visits before it lets other calls have the lock.
inline constexpr int kSlotsPerHold = 256;

// Calls `visit` with each slot of the credential `uid`. Takes the lock again for every
// kSlotsPerHold slots, so that no call waits for the whole walk. Called without the lock.
void ForEachSlotOf(SharedSessions& shared, absl::string_view uid,
                   const std::function<void(LockedSessions&, SessionSlot&)>& visit);

}  // namespace billbroker

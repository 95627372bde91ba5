// SlotSession: the session that a slot holds, with its deadline and its generation.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/session/session.h"
#include "vault/base/clock.h"

namespace billbroker {

// How long BILL keeps a session. Each value that BILL does not document is a setting.
struct SessionLimits {
  absl::Duration idle_window;      // a session ends after this time without a call
  absl::Duration max_session_age;  // and this long after its sign-in
  absl::Duration safety_margin;    // subtracted from both: clocks and the way to BILL
  bool sliding = true;       // calls move the idle deadline; false: it counts from the sign-in
  bool check_slides = true;  // GET /v3/login/session is such a call

  // Returns the deadline of a session that was signed in and last confirmed at these times.
  [[nodiscard]] absl::Duration DeadlineFor(absl::Duration signed_in,
                                           absl::Duration confirmed) const;
};

// Holds at most one session. The generation never decreases, even if the store or the clock goes
// back. Not thread-safe: guarded by SessionManager.
class SlotSession final {
 public:
  // Returns the newest session, which may be past its deadline; null if none is held.
  [[nodiscard]] const SessionPtr& get() const { return session_; }
  [[nodiscard]] bool IsLive(absl::Duration now) const {
    return session_ != nullptr && now < session_->deadline;
  }
  // Returns true if the session is probably live but must be verified with BILL before it is
  // returned to a caller: it came from the store, or the wall clock passed its expiry.
  // Requires: get() is not null.
  [[nodiscard]] bool NeedsCheck(absl::Time wall) const {
    return origin_ == Origin::kStore || session_->expire_time <= wall;
  }
  // Returns true if BILL has not confirmed the session since it came from the store, although it
  // may be returned to callers.
  [[nodiscard]] bool IsUnverified() const { return origin_ == Origin::kStoreServed; }
  // Returns when BILL was last asked about the session, or signed it in. Requires: get() is not
  // null.
  [[nodiscard]] absl::Duration last_asked() const { return std::max(asked_, session_->signed_in); }
  // Returns true if a caller's report of `stale_generation` is about this session and BILL has not
  // confirmed it in the last second. Requires: get() is not null.
  [[nodiscard]] bool IsReportedDead(std::uint64_t stale_generation, absl::Duration now) const;
  // Returns true if `id` is this session's at BILL: a check may have renewed it meanwhile.
  [[nodiscard]] bool IsSameAtBill(const Session& other) const;

  // Returns the highest generation that was reserved or restored.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  void RestoreGeneration(std::uint64_t generation);
  // Returns max(generation + 1, `wall` in microseconds), which no session has had before.
  std::uint64_t ReserveGeneration(absl::Time wall);

  // Returns `session` with a new generation if the slot held one of a higher generation since its
  // own was reserved; else as it is.
  [[nodiscard]] SessionPtr Renumber(SessionPtr session, absl::Time wall);
  void Adopt(SessionPtr session);
  // Adopts a session from the store, which BILL has to confirm first. `serveable`: the process
  // before returned it to callers, and nothing speaks against it.
  void AdoptUnconfirmed(SessionPtr session, bool serveable);
  // Allows the session to be returned to callers although BILL does not answer its check, with a
  // new generation. Returns false, and does nothing, unless it came from the store and is
  // serveable.
  bool ServeUnverified(absl::Time wall);
  // Notes that BILL was asked about the session and did not answer.
  void NoteAsked(absl::Duration now) { asked_ = now; }
  // Renews the session, which BILL confirmed by a check that was sent at `sent`.
  void Renew(const SessionInfo& info, absl::Duration sent, const SessionLimits& limits,
             const Clock& clock);
  // Requires: get() is not null.
  void SetTrusted(bool trusted);
  // Recomputes expire_time from the deadline if the wall clock was set since. Returns true if it
  // changed. Requires: get() is not null.
  bool FollowWallClock(absl::Duration now, absl::Time wall);
  // Returns the session, which the slot no longer holds.
  SessionPtr Take();

  // Counts that BILL ended the session. Returns how many sessions in a row ended within a minute
  // of their sign-in, this one included. Requires: get() is not null.
  int CountEarlyEnd(absl::Duration now);

 private:
  // Whether BILL has confirmed the session to this process.
  enum class Origin { kConfirmed, kStore, kStoreServed };

  SessionPtr session_;
  Origin origin_ = Origin::kConfirmed;
  bool serveable_ = false;
  absl::Duration checked_ = -absl::InfiniteDuration();  // BILL confirmed a session
  absl::Duration asked_ = -absl::InfiniteDuration();    // or did not answer
  std::uint64_t generation_ = 0;
  std::uint64_t adopted_generation_ = 0;  // the highest of a session that the slot held
  int early_ends_ = 0;
};

}  // namespace billbroker

// HandOutChecks: a model of the sessions, which checks each session that a caller receives.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "server/session/ids.h"
#include "server/session/session.h"
#include "server/session/session_observer.h"
#include "tests/server/session/walk/violation.h"
#include "vault/base/clock.h"

namespace billbroker {

// Sessions are named by BILL's session id. Not thread-safe.
class HandOutChecks final {
 public:
  // `lifetime`: how long after its last confirmation a session may be returned.
  HandOutChecks(const Clock& clock, absl::Duration lifetime, Violation& violation)
      : clock_(clock), lifetime_(lifetime), violation_(violation) {}

  // BILL made the session; the sign-in arrived at `sent`.
  void Made(const std::string& id, const std::string& dev_key, absl::Duration sent);
  // BILL confirmed the session to the engine by a check that arrived at `sent`.
  void Confirmed(const std::string& id, absl::Duration sent);
  // The session must not be returned any longer: BILL reported it dead, or it was signed out.
  void Ended(const std::string& id) { ended_.insert(id); }
  // A caller receives the session.
  void HandedOut(const SlotId& slot, const Session& session);

  // A caller signed the slot out; another caller asks for it.
  void SignedOut(const SlotId& slot) { signed_out_.insert(slot); }
  void Wanted(const SlotId& slot) { signed_out_.erase(slot); }
  // The engine signs the slot in. `asked`: a caller or a probe waits.
  void SignsIn(const SlotId& slot, bool asked);

  // Returns the session that a caller of the slot received last; empty if none did.
  [[nodiscard]] std::string LastId(const SlotId& slot) const;
  [[nodiscard]] std::uint64_t LastGeneration(const SlotId& slot) const;

  // The process ended before the store had all of its changes: the next one may not have the ends.
  void ForgetEnds();
  [[nodiscard]] int handed_out() const { return handed_out_; }

 private:
  struct AtBill {
    std::string dev_key;
    absl::Duration confirmed;
  };
  struct Last {
    std::uint64_t generation = 0;
    std::string id;
  };

  void CheckGeneration(const SlotId& slot, const Session& session, const std::string& id);
  void CheckDeadline(const SlotId& slot, const Session& session, const AtBill& at_bill);

  const Clock& clock_;
  const absl::Duration lifetime_;
  Violation& violation_;
  int handed_out_ = 0;
  std::map<std::string, AtBill> made_;
  std::set<std::string> ended_;
  std::map<SlotId, Last> last_;
  std::set<SlotId> signed_out_;
};

}  // namespace billbroker

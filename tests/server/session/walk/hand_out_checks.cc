#include "tests/server/session/walk/hand_out_checks.h"

namespace billbroker {

void HandOutChecks::Made(const std::string& id, const std::string& dev_key, absl::Duration sent) {
  made_[id] = {dev_key, sent};
}

void HandOutChecks::Confirmed(const std::string& id, absl::Duration sent) {
  AtBill& at_bill = made_.at(id);
  at_bill.confirmed = std::max(at_bill.confirmed, sent);
}

void HandOutChecks::HandedOut(const SlotId& slot, const Session& session) {
  ++handed_out_;
  const std::string id(session.keys.session_id->Reveal());
  const auto at_bill = made_.find(id);
  if (at_bill == made_.end()) return violation_.Report(id, " is not BILL's");
  if (session.keys.dev_key->Reveal() != at_bill->second.dev_key) {
    violation_.Report(id, " is returned with another devKey");
  }
  if (session.organization_id != slot.organization_id) {
    violation_.Report(id, " is returned for ", slot.organization_id);
  }
  if (ended_.contains(id)) violation_.Report(id, " is returned after its end");
  signed_out_.erase(slot);  // a caller that waited before the sign-out has a new session
  CheckDeadline(slot, session, at_bill->second);
  CheckGeneration(slot, session, id);
}

void HandOutChecks::CheckDeadline(const SlotId& slot, const Session& session,
                                  const AtBill& at_bill) {
  const absl::Duration now = clock_.SinceBoot();
  if (session.deadline <= now || session.expire_time <= clock_.Now() ||
      at_bill.confirmed + lifetime_ <= now) {
    violation_.Report("a session of ", slot.organization_id, " is returned after its deadline");
  }
}

void HandOutChecks::CheckGeneration(const SlotId& slot, const Session& session,
                                    const std::string& id) {
  Last& last = last_[slot];
  if (session.generation < last.generation) {
    violation_.Report("the generation of ", slot.organization_id, " goes back from ",
                      last.generation, " to ", session.generation);
  } else if (session.generation == last.generation && id != last.id) {
    violation_.Report("two sessions of ", slot.organization_id, " have generation ",
                      session.generation);
  }
  last = {session.generation, id};
}

void HandOutChecks::SignsIn(const SlotId& slot, bool asked) {
  if (!asked && signed_out_.contains(slot)) {
    violation_.Report(slot.organization_id, " is signed in although a caller signed it out");
  }
}

std::string HandOutChecks::LastId(const SlotId& slot) const {
  const auto found = last_.find(slot);
  return found == last_.end() ? "" : found->second.id;
}

std::uint64_t HandOutChecks::LastGeneration(const SlotId& slot) const {
  const auto found = last_.find(slot);
  return found == last_.end() ? 0 : found->second.generation;
}

void HandOutChecks::ForgetEnds() {
  ended_.clear();
  signed_out_.clear();
}

}  // namespace billbroker

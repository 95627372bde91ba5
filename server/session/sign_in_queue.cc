#include "server/session/sign_in_queue.h"

#include <algorithm>

namespace billbroker {
namespace {

bool IsForCaller(SignInPurpose purpose) { return purpose <= SignInPurpose::kCaller; }

}  // namespace

void SignInQueue::Put(const CandidateId& id, SignInCandidate candidate, std::uint64_t place) {
  const auto found = entries_.find(id);
  absl::Duration promised_until = -absl::InfiniteDuration();
  if (found != entries_.end()) {
    promised_until = found->second.promised_until;
    const Order order = found->second.order;
    if (order.first <= candidate.purpose) {
      candidate.purpose = order.first;
      return Update(id, std::move(candidate));
    }
    Remove(id);
  }
  last_place_ = std::max(last_place_, place);
  if (place == 0) place = ++last_place_;
  const Order order = {candidate.purpose, place};
  Entry entry{id, std::move(candidate), order, promised_until};
  Link(entry);
  entries_.emplace(id, std::move(entry));
}

void SignInQueue::Update(const CandidateId& id, SignInCandidate candidate) {
  Entry& entry = entries_.find(id)->second;
  Unlink(entry);
  entry.candidate = std::move(candidate);
  entry.is_claim = false;
  Link(entry);
}

void SignInQueue::Promise(const CandidateId& id, absl::Duration until) {
  Entry& entry = entries_.find(id)->second;
  Unlink(entry);
  entry.promised_until = std::max(entry.promised_until, until);
  Link(entry);
}

void SignInQueue::MakeClaim(const CandidateId& id) {
  Entry& entry = entries_.find(id)->second;
  Unlink(entry);
  entry.is_claim = true;
  Link(entry);
}

void SignInQueue::Remove(const CandidateId& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Unlink(found->second);
  entries_.erase(found);
  if (entries_.empty()) entries_.clear();  // gives back the memory of a long queue
}

const SignInQueue::Entry* SignInQueue::Find(const CandidateId& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

void SignInQueue::ChangeLane(const Entry& entry,
                             absl::FunctionRef<void(std::map<Order, CandidateId>&)> change) {
  const DevKeyBudgetId& name = entry.candidate.dev_key;
  const Lane lane_name = {entry.candidate.user, entry.candidate.principal};
  DevKey& dev_key = dev_keys_[name];
  if (!dev_key.heads.empty()) heads_.erase({dev_key.heads.begin()->first, name});
  std::map<Order, CandidateId>& lane = dev_key.lanes[lane_name];
  if (!lane.empty()) dev_key.heads.erase({lane.begin()->first, lane_name});
  change(lane);
  if (lane.empty()) {
    dev_key.lanes.erase(lane_name);
  } else {
    dev_key.heads.insert({lane.begin()->first, lane_name});
  }
  if (!dev_key.heads.empty()) heads_.insert({dev_key.heads.begin()->first, name});
}

void SignInQueue::Link(const Entry& entry) {
  DevKey& dev_key = dev_keys_[entry.candidate.dev_key];
  dev_key.ranks.insert(entry.order);
  dev_key.all.insert(entry.id);
  if (IsForCaller(entry.order.first)) ++dev_key.callers;
  if (absl::holds_alternative<SlotId>(entry.id)) {
    ++dev_key.slots;
    ++slots_;
  }
  by_user_[entry.candidate.user].insert(entry.id);
  if (entry.candidate.partner.has_value()) by_partner_[*entry.candidate.partner].insert(entry.id);
  if (entry.is_claim) {
    claims_.insert({entry.promised_until, entry.id});
  } else {
    ChangeLane(entry, [&entry](auto& lane) { lane.emplace(entry.order, entry.id); });
  }
}

void SignInQueue::Unlink(const Entry& entry) {
  if (entry.is_claim) {
    claims_.erase({entry.promised_until, entry.id});
  } else {
    ChangeLane(entry, [&entry](auto& lane) { lane.erase(entry.order); });
  }
  const auto dev_key = dev_keys_.find(entry.candidate.dev_key);
  dev_key->second.ranks.erase(entry.order);
  dev_key->second.all.erase(entry.id);
  if (IsForCaller(entry.order.first)) --dev_key->second.callers;
  if (absl::holds_alternative<SlotId>(entry.id)) {
    --dev_key->second.slots;
    --slots_;
  }
  if (dev_key->second.all.empty()) dev_keys_.erase(dev_key);
  const auto user = by_user_.find(entry.candidate.user);
  user->second.erase(entry.id);
  if (user->second.empty()) by_user_.erase(user);
  if (!entry.candidate.partner.has_value()) return;
  const auto partner = by_partner_.find(*entry.candidate.partner);
  partner->second.erase(entry.id);
  if (partner->second.empty()) by_partner_.erase(partner);
}

void SignInQueue::Walk(absl::FunctionRef<Next(const Entry&)> visit) const {
  for (const auto& [first, name] : heads_) {
    const DevKey& dev_key = dev_keys_.find(name)->second;
    Next next = Next::kNextInLane;
    for (auto head = dev_key.heads.begin();
         head != dev_key.heads.end() && next != Next::kNextDevKey; ++head) {
      for (const auto& [order, id] : dev_key.lanes.find(head->second)->second) {
        next = visit(entries_.find(id)->second);
        if (next == Next::kStop) return;
        if (next != Next::kNextInLane) break;
      }
    }
  }
}

std::vector<CandidateId> SignInQueue::TakeExpiredClaims(absl::Duration now) {
  std::vector<CandidateId> expired;
  while (!claims_.empty() && claims_.begin()->first <= now) {
    expired.push_back(claims_.begin()->second);
    Remove(expired.back());
  }
  return expired;
}

std::int64_t SignInQueue::RankOf(const Entry& entry) const {
  return static_cast<std::int64_t>(
      dev_keys_.find(entry.candidate.dev_key)->second.ranks.order_of_key(entry.order));
}

int SignInQueue::CountOn(const DevKeyBudgetId& dev_key) const {
  const auto found = dev_keys_.find(dev_key);
  return found == dev_keys_.end() ? 0 : static_cast<int>(found->second.all.size());
}

int SignInQueue::CountCallersOn(const DevKeyBudgetId& dev_key) const {
  const auto found = dev_keys_.find(dev_key);
  return found == dev_keys_.end() ? 0 : found->second.callers;
}

int SignInQueue::CountSlotsOn(const DevKeyBudgetId& dev_key) const {
  const auto found = dev_keys_.find(dev_key);
  return found == dev_keys_.end() ? 0 : found->second.slots;
}

std::vector<CandidateId> SignInQueue::FindOfUser(const UserId& user) const {
  const auto found = by_user_.find(user);
  if (found == by_user_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<CandidateId> SignInQueue::FindOnDevKey(const DevKeyBudgetId& dev_key) const {
  const auto found = dev_keys_.find(dev_key);
  if (found == dev_keys_.end()) return {};
  return {found->second.all.begin(), found->second.all.end()};
}

bool SignInQueue::AnyWaitsBehind(const PartnerId& partner) const {
  const auto found = by_partner_.find(partner);
  return found != by_partner_.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [this](const CandidateId& id) { return !entries_.find(id)->second.is_claim; });
}

std::vector<CandidateId> SignInQueue::FindBehind(const PartnerId& partner) const {
  const auto found = by_partner_.find(partner);
  if (found == by_partner_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

}  // namespace billbroker

#include "server/credentials/unknown_outcomes.h"

namespace billbroker {
namespace {

bool HasValuesOf(const CredentialInfo& a, const CredentialInfo& b) {
  return a.environment == b.environment && a.kind == b.kind && a.username == b.username &&
         a.sync_token == b.sync_token && a.device == b.device && a.fingerprints == b.fingerprints &&
         a.organizations == b.organizations && a.user_ids == b.user_ids;
}

}  // namespace

void UnknownOutcomes::Add(const std::string& name) { Put(name, {clock_.SinceBoot(), nullptr, ""}); }

void UnknownOutcomes::AddCreate(CredentialInfoPtr draft, std::string principal) {
  const std::string name = draft->name;
  Put(name, {clock_.SinceBoot(), std::move(draft), std::move(principal)});
}

void UnknownOutcomes::Put(const std::string& name, Change change) {
  MutexLock lock(mutex_);
  std::erase_if(by_name_, [this](const auto& entry) { return !IsKept(entry.second); });
  by_name_.insert_or_assign(name, std::move(change));
}

void UnknownOutcomes::Remove(absl::string_view name) {
  MutexLock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) by_name_.erase(found);
}

bool UnknownOutcomes::Contains(absl::string_view name) const {
  MutexLock lock(mutex_);
  const auto found = by_name_.find(name);
  return found != by_name_.end() && IsKept(found->second);
}

CredentialInfoPtr UnknownOutcomes::FindCreate(const CredentialInfo& draft,
                                              absl::string_view principal) const {
  MutexLock lock(mutex_);
  const auto found = by_name_.find(draft.name);
  if (found == by_name_.end() || !IsKept(found->second)) return nullptr;
  const Change& change = found->second;
  const bool same =
      change.draft != nullptr && change.principal == principal && HasValuesOf(*change.draft, draft);
  return same ? change.draft : nullptr;
}

bool UnknownOutcomes::IsKept(const Change& change) const {
  return clock_.SinceBoot() - change.time < kKept;
}

}  // namespace billbroker

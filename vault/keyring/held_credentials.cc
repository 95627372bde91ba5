#include "vault/keyring/held_credentials.h"

#include <utility>

namespace billbroker {

CredentialPtr HeldCredentials::Find(absl::string_view name, absl::Duration now) {
  MutexLock lock(mutex_);
  const auto found = held_.find(name);
  if (found == held_.end() || now - found->second.last_use >= hold_time_) return nullptr;
  found->second.last_use = now;
  return found->second.credential;
}

void HeldCredentials::Put(CredentialPtr credential, absl::Duration now) {
  MutexLock lock(mutex_);
  Held& held = held_[credential->name];
  held = {std::move(credential), now};
}

void HeldCredentials::Drop(absl::string_view name) {
  MutexLock lock(mutex_);
  const auto found = held_.find(name);
  if (found != held_.end()) held_.erase(found);
}

void HeldCredentials::DropAll() {
  MutexLock lock(mutex_);
  held_.clear();
}

bool HeldCredentials::Sweep(absl::Duration now) {
  MutexLock lock(mutex_);
  for (auto held = held_.begin(); held != held_.end();) {
    held = now - held->second.last_use >= hold_time_ ? held_.erase(held) : std::next(held);
  }
  return !held_.empty();
}

}  // namespace billbroker

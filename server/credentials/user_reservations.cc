#include "server/credentials/user_reservations.h"

#include "server/credentials/change_errors.h"
#include "vault/user_name.h"

namespace billbroker {

absl::StatusOr<UserReservations::Hold> UserReservations::Reserve(const Credential& credential) {
  User user(credential.environment, FoldUserName(credential.username));
  MutexLock lock(mutex_);
  const CredentialInfoPtr owner = credentials_.FindUser(user.first, credential.username);
  if (owner != nullptr && owner->uid != credential.uid) return UserTaken(credential, owner->name);
  const auto [reserved, is_first] = reserved_.try_emplace(user, credential.name);
  if (!is_first) return UserTaken(credential, reserved->second);
  return Hold(*this, std::move(user));
}

void UserReservations::Release(const User& user) {
  MutexLock lock(mutex_);
  reserved_.erase(user);
}

}  // namespace billbroker

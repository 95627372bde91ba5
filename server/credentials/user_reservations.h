// UserReservations: the BILL users of changes that are under way.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "vault/base/mutex.h"
#include "vault/credential.h"
#include "vault/credential_index.h"

namespace billbroker {

// A BILL user belongs to at most one credential. Two changes run at the same time, and the
// credential index has a new user only at the end of its change; so a change reserves it first.
// Thread-safe.
class UserReservations final {
 public:
  class Hold;

  // Borrows the index.
  explicit UserReservations(const CredentialIndex& credentials) : credentials_(credentials) {}

  // Reserves the user of `credential` until the Hold ends. Fails with CREDENTIAL_EXISTS if the user
  // belongs to another credential, or if another change has reserved it.
  [[nodiscard]] absl::StatusOr<Hold> Reserve(const Credential& credential);

 private:
  using User = std::pair<std::string, std::string>;  // environment, folded user name

  void Release(const User& user);

  const CredentialIndex& credentials_;
  Mutex mutex_;
  std::map<User, std::string> reserved_ ABSL_GUARDED_BY(mutex_);  // -> name of the credential
};

class UserReservations::Hold final {
 public:
  // Borrows `reservations`.
  Hold(UserReservations& reservations, User user)
      : reservations_(&reservations), user_(std::move(user)) {}
  ~Hold() {
    if (reservations_ != nullptr) reservations_->Release(user_);
  }
  Hold(Hold&& other) noexcept
      : reservations_(std::exchange(other.reservations_, nullptr)), user_(std::move(other.user_)) {}
  Hold& operator=(Hold&&) = delete;

 private:
  UserReservations* reservations_;
  User user_;
};

}  // namespace billbroker

// World: the developer keys, appKeys of partners, organizations and users of a simulated BILL.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace billbroker::billsim {

struct DevKey {
  bool active = true;          // else BDC_1103
  bool terms_accepted = true;  // else BDC_1104
};

struct Organization {
  std::string name;
  std::vector<std::string> dev_keys;  // that may be used on it; empty: all
  bool mfa_enabled = true;            // else its sessions have mfaStatus DISABLED
  bool api_enabled = true;            // else BDC_1105
  bool locked = false;                // BDC_1107
  absl::optional<absl::Time> locked_until;
};

enum class UserKind {
  kUser,       // signs in with `password`
  kConsole,    // an Accountant Console user: signs in with `consoleApiToken`
  kSyncToken,  // a token's name and value, sent as `password`; no MFA, no payments
  kPartner,    // signs in with appKey and `password`, and then as users of `organizations`
};

[[nodiscard]] absl::string_view UserKindName(UserKind kind);

// A device that passed MFA with `rememberMe`.
struct TrustedDevice {
  std::string remember_me_id;
  std::string device;                  // empty: the id is enough
  absl::optional<absl::Time> expires;  // none: never
};

struct Mfa {
  bool enrolled = false;
  std::string phone;
  std::string token = "123456";  // that BILL "sends", the same each time
  bool bypass = false;           // sessions of this user are trusted
  std::vector<TrustedDevice> trusted_devices;
};

struct User {
  UserKind kind = UserKind::kUser;
  std::string secret;  // the password, the token's value or the consoleApiToken
  std::string user_id;
  std::vector<std::string> organizations;
  std::vector<std::string> app_keys;  // of a partner, that may be used; empty: all
  bool active = true;                 // else BDC_1111
  bool locked = false;                // BDC_1110
  absl::optional<absl::Time> locked_until;
  int failed_sign_ins = 0;  // in a row
  Mfa mfa;
};

struct World {
  std::map<std::string, DevKey> dev_keys;             // by key
  std::map<std::string, DevKey> app_keys;             // likewise, of partners
  std::map<std::string, Organization> organizations;  // by id
  std::map<std::string, User> users;                  // by user name
};

// Returns whether a user or an organization is locked at `now`; ends a lock-out that has lapsed.
template <typename Lockable>
bool IsLocked(Lockable& it, absl::Time now) {
  if (it.locked && it.locked_until.has_value() && *it.locked_until <= now) {
    it.locked = false;
    it.locked_until.reset();
  }
  return it.locked;
}

inline bool Contains(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace billbroker::billsim

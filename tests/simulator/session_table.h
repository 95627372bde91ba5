// The sessions of a simulated BILL, and their deadlines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/simulator/settings.h"

namespace billbroker::billsim {

struct BillSession {
  std::string id;
  // The key that created the session (of a partner: the appKey). Empty: the first devKey that uses
  // the session becomes its own.
  std::string dev_key;
  std::string organization_id;
  std::string username;
  absl::Time created;
  absl::Time last_use;
  bool trusted = false;
  std::string mfa_id;       // of a validation without `rememberMe`: for this session only
  bool sync_token = false;  // idles out after 48 h; no MFA, no payments
  bool partner = false;     // for login-as-user only
};

// Returns the idle deadline of the session, or the end of its greatest age if that is sooner.
[[nodiscard]] absl::Time DeadlineOf(const BillSession& session, const Settings& settings);

// Not thread-safe; Bill guards it. A pointer is valid until the next call that is not const.
class SessionTable final {
 public:
  BillSession& Add(BillSession session, const Settings& settings);

  // Returns the live session called `id`; null if there is none.
  [[nodiscard]] BillSession* Find(const std::string& id, const Settings& settings, absl::Time now);

  bool End(const std::string& id);
  // End the sessions of the organization, or of the user in it; return the number of them.
  int EndOf(absl::string_view organization_id);
  int EndOf(absl::string_view username, absl::string_view organization_id);

  [[nodiscard]] std::vector<BillSession> Living(const Settings& settings, absl::Time now) const;

 private:
  void DropDead(const Settings& settings, absl::Time now);

  std::map<std::string, BillSession> sessions_;  // by id; some are past their deadline
  std::size_t next_sweep_ = 1024;
};

}  // namespace billbroker::billsim

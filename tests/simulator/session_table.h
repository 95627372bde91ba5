// The sessions that a BILL holds, and when they die.
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
  std::string dev_key;  // the one that made it, of a partner the appKey; empty: the first to come
  std::string organization_id;
  std::string username;
  absl::Time created;
  absl::Time last_use;
  bool trusted = false;
  bool sync_token = false;  // idles out after 48 h; no MFA, no payments
  bool partner = false;     // for login-as-user only
};

// When the session dies if nobody uses it: the idle deadline, or its greatest age if that is
// sooner.
[[nodiscard]] absl::Time DeadlineOf(const BillSession& session, const Settings& settings);

// Not thread-safe: Bill guards it. Pointers last until the next call that is not const.
class SessionTable final {
 public:
  BillSession& Add(BillSession session, const Settings& settings);

  // The living session called `id`; null where there is none (any more).
  [[nodiscard]] BillSession* Find(const std::string& id, const Settings& settings, absl::Time now);

  bool End(const std::string& id);
  // Ends those of the organization, or of the user in the organization; returns how many.
  int EndOf(absl::string_view organization_id);
  int EndOf(absl::string_view username, absl::string_view organization_id);

  [[nodiscard]] std::vector<BillSession> Living(const Settings& settings, absl::Time now) const;

 private:
  void DropDead(const Settings& settings, absl::Time now);

  std::map<std::string, BillSession> sessions_;  // by id; the dead go when they are come upon
  std::size_t next_sweep_ = 1024;
};

}  // namespace billbroker::billsim

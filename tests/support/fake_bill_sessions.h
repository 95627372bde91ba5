// FakeBillSessions: the sessions and the remembered devices of FakeBill.
#pragma once

#include <map>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "server/bill/bill_api.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// A session lives, for the devKey that made it, until it is ended. Not thread-safe.
class FakeBillSessions final {
 public:
  struct Session {
    std::string dev_key;
    std::string organization_id;
    bool trusted = false;
  };

  // The ids of the n-th session, partner session and remembered device, from 1 on. They are longer
  // than a string's internal buffer, so that AddressSanitizer sees a view that outlives its owner.
  [[nodiscard]] static std::string SessionId(int n);
  [[nodiscard]] static std::string PartnerSessionId(int n);
  [[nodiscard]] static std::string RememberMeId(int n);

  // Return the id of the new session.
  std::string Start(Session session);
  std::string StartPartner();

  // Returns null if the session is not live or another devKey made it.
  [[nodiscard]] Session* Find(const SessionKeys& keys);
  [[nodiscard]] bool IsLive(absl::string_view session_id) const;
  [[nodiscard]] bool IsLivePartner(absl::string_view session_id) const;

  // Ends the session if Find() finds it.
  void End(const SessionKeys& keys);
  // Ends the session or partner session of this id.
  void Kill(absl::string_view session_id);
  void KillAll();
  void SetTrust(absl::string_view session_id, bool trusted);

  // Remembers the device and returns its rememberMeId.
  std::string Remember(absl::string_view device);
  [[nodiscard]] bool IsRemembered(absl::string_view remember_me_id, absl::string_view device) const;
  void ForgetDevices();
  // If `remembers` is false, the ids of later Remember() calls are not remembered.
  void SetRemembers(bool remembers) { remembers_ = remembers; }

 private:
  using Device = std::pair<std::string, std::string>;  // rememberMeId and device name

  int last_session_ = 0;
  std::map<std::string, Session, std::less<>> live_;
  int last_partner_ = 0;
  std::set<std::string, std::less<>> live_partners_;
  int last_remember_me_ = 0;
  std::set<Device> devices_;
  bool remembers_ = true;
};

}  // namespace billbroker

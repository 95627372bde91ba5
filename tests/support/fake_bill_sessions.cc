#include "tests/support/fake_bill_sessions.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {

std::string FakeBillSessions::SessionId(int n) { return absl::StrCat("fake-bill-session-", n); }

std::string FakeBillSessions::PartnerSessionId(int n) {
  return absl::StrCat("fake-bill-partner-session-", n);
}

std::string FakeBillSessions::RememberMeId(int n) {
  return absl::StrCat("fake-bill-remember-me-", n);
}

std::string FakeBillSessions::Start(Session session) {
  std::string id = SessionId(++last_session_);
  live_[id] = std::move(session);
  return id;
}

std::string FakeBillSessions::StartPartner() {
  std::string id = PartnerSessionId(++last_partner_);
  live_partners_.insert(id);
  return id;
}

FakeBillSessions::Session* FakeBillSessions::Find(const SessionKeys& keys) {
  const auto session = live_.find(keys.session_id->Reveal());
  const bool live = session != live_.end() && session->second.dev_key == keys.dev_key->Reveal();
  return live ? &session->second : nullptr;
}

bool FakeBillSessions::IsLive(absl::string_view session_id) const {
  return live_.find(session_id) != live_.end();
}

bool FakeBillSessions::IsLivePartner(absl::string_view session_id) const {
  return live_partners_.find(session_id) != live_partners_.end();
}

void FakeBillSessions::End(const SessionKeys& keys) {
  if (Find(keys) != nullptr) live_.erase(std::string(keys.session_id->Reveal()));
}

void FakeBillSessions::Kill(absl::string_view session_id) {
  live_.erase(std::string(session_id));
  live_partners_.erase(std::string(session_id));
}

void FakeBillSessions::KillAll() {
  live_.clear();
  live_partners_.clear();
}

void FakeBillSessions::SetTrust(absl::string_view session_id, bool trusted) {
  const auto session = live_.find(session_id);
  if (session != live_.end()) session->second.trusted = trusted;
}

std::string FakeBillSessions::Remember(absl::string_view device) {
  std::string id = RememberMeId(++last_remember_me_);
  if (remembers_) devices_.emplace(id, device);
  return id;
}

bool FakeBillSessions::IsRemembered(absl::string_view remember_me_id,
                                    absl::string_view device) const {
  return devices_.find(Device(remember_me_id, device)) != devices_.end();
}

void FakeBillSessions::ForgetDevices() { devices_.clear(); }

}  // namespace billbroker

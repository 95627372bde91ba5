// PartnerTable: the sessions with which API partners sign in as users, one for all organizations of
// a credential. Design: docs/adr/0017-partner-sign-in.md.
#pragma once

#include <map>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "server/session/ids.h"
#include "vault/base/secret_string.h"
#include "vault/credential.h"
#include "vault/credential_index.h"

namespace billbroker {

// In memory only.
struct PartnerSession {
  std::shared_ptr<const SecretString> session_id;
  absl::Duration signed_in;
  absl::Duration deadline;
  bool worked = false;  // a user was signed in with it
};

// Shared by the partner and by the sign-ins under way with the session.
using PartnerSessionPtr = std::shared_ptr<PartnerSession>;

struct Partner {
  PartnerId id;
  CredentialInfoPtr credential;  // never null
  CredentialPtr candidate;       // of a probe; null: the stored credential
  PartnerSessionPtr session;
  bool signing_in = false;
  int consecutive_early_ends = 0;  // of sessions that signed no user in

  [[nodiscard]] bool IsLive(absl::Duration now) const {
    return session != nullptr && session->deadline > now;
  }
  // Returns the slot of the partner's own sign-in: it names no organization.
  [[nodiscard]] SlotId slot() const { return {id.credential_uid, ""}; }
};

// Guarded by SessionManager.
class PartnerTable final {
 public:
  // Returns null if there is no such partner.
  [[nodiscard]] Partner* Find(const PartnerId& id);
  [[nodiscard]] Partner& FindOrCreate(const PartnerId& id, const CredentialInfoPtr& credential);
  // Returns null if the partner has no live session.
  [[nodiscard]] PartnerSessionPtr FindLiveSession(const PartnerId& id, absl::Duration now);
  void Erase(const PartnerId& id) { partners_.erase(id); }
  // Drops the sessions of the credential `uid`, which were revoked.
  void DropSessionsOf(absl::string_view uid);
  // Forgets the partners without a session, unless `queued` returns true for them.
  void EraseIdle(absl::Duration now, absl::FunctionRef<bool(const PartnerId&)> queued);

 private:
  std::map<PartnerId, std::unique_ptr<Partner>> partners_;
};

}  // namespace billbroker

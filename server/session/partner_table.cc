#include "server/session/partner_table.h"

namespace billbroker {

Partner* PartnerTable::Find(const PartnerId& id) {
  const auto found = partners_.find(id);
  return found == partners_.end() ? nullptr : found->second.get();
}

Partner& PartnerTable::FindOrCreate(const PartnerId& id, const CredentialInfoPtr& credential) {
  std::unique_ptr<Partner>& partner = partners_[id];
  if (partner == nullptr) {
    partner = std::make_unique<Partner>();
    partner->id = id;
    partner->credential = credential;
  }
  return *partner;
}

PartnerSessionPtr PartnerTable::FindLiveSession(const PartnerId& id, absl::Duration now) {
  const Partner* partner = Find(id);
  return partner != nullptr && partner->IsLive(now) ? partner->session : nullptr;
}

void PartnerTable::DropSessionsOf(absl::string_view uid) {
  for (auto& [id, partner] : partners_) {
    if (id.credential_uid == uid) partner->session = nullptr;
  }
}

void PartnerTable::EraseIdle(absl::Duration now, absl::FunctionRef<bool(const PartnerId&)> queued) {
  std::erase_if(partners_, [now, queued](const auto& entry) {
    const Partner& partner = *entry.second;
    return !partner.IsLive(now) && !partner.signing_in && partner.consecutive_early_ends == 0 &&
           !queued(partner.id);
  });
}

}  // namespace billbroker

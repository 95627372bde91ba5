#include "server/credentials/credential_manager.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/credentials/change_errors.h"
#include "server/credentials/history.h"
#include "server/session/failed_read.h"
#include "vault/base/error.h"
#include "vault/fingerprint.h"
#include "vault/typed_text.h"

namespace billbroker {
absl::Status CredentialManager::CheckNew(const Credential& credential) const {
  if (absl::Status shape = ValidateCredential(credential); !shape.ok()) return shape;
  if (absl::Status typed = ValidateTypedTexts(credential); !typed.ok()) return typed;
  if (!parts_.environments.contains(credential.environment)) {
    return Malformed("environment",
                     absl::StrCat("\"", credential.environment, "\" is not configured; there are: ",
                                  absl::StrJoin(parts_.environments, ", ")));
  }
  // Until every document has been read, it is not known whether another credential has this user.
  const absl::StatusOr<CredentialInfoPtr> namesake = parts_.credentials.Get(credential.name);
  if (namesake.ok()) return CredentialExists(credential.name);
  if (!HasReason(namesake.status(), Reason::kUnknownCredential)) return namesake.status();
  return absl::OkStatus();
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::FindCreated(Credential& draft,
                                                                 const std::string& principal) {
  if (!unknown_.Contains(draft.name)) return nullptr;
  const absl::StatusOr<Fingerprinter> prints = Prints();
  if (!prints.ok()) return prints.status();
  const CredentialInfoPtr earlier = unknown_.FindCreate(*InfoOf(draft, *prints), principal);
  if (earlier == nullptr) return nullptr;
  const absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(draft.name);
  if (stored.ok()) {
    CredentialInfoPtr info = InfoOf(**stored, *prints);
    parts_.credentials.Put(info);
    if (info->uid != earlier->uid || info->version != earlier->version) return nullptr;
    unknown_.Remove(draft.name);
    return info;
  }
  if (!HasReason(stored.status(), Reason::kUnknownCredential)) return stored.status();
  draft.uid = earlier->uid;
  draft.create_time = earlier->create_time;
  draft.update_time = earlier->update_time;
  draft.remember_me_time = earlier->remember_me_time;
  return nullptr;
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::Create(Credential draft,
                                                            const std::string& principal,
                                                            Prompts prompts) {
  const NamedLocks::Hold turn(turns_, draft.name);
  const PromptScope scope(parts_.vault, prompts);
  draft.uid = parts_.random.Uid();
  draft.version = 1;
  draft.create_time = draft.update_time = parts_.clock.Now();
  if (!draft.remember_me_id.empty()) draft.remember_me_time = draft.create_time;
  std::sort(draft.organizations.begin(), draft.organizations.end(),
            [](const Organization& a, const Organization& b) { return a.id < b.id; });
  absl::StatusOr<CredentialInfoPtr> created = FindCreated(draft, principal);
  if (!created.ok() || *created != nullptr) return created;
  if (absl::Status status = CheckNew(draft); !status.ok()) return status;
  const absl::StatusOr<UserReservations::Hold> user = reservations_.Reserve(draft);
  if (!user.ok()) return user.status();
  // Read before the write: if the keyring is unreachable now, the outcome of the write is not
  // unknown.
  const absl::StatusOr<Fingerprinter> prints = Prints();
  if (!prints.ok()) return prints.status();
  CredentialInfoPtr info = InfoOf(draft, *prints);
  absl::Status status = Written(draft.name, parts_.vault.Create(draft));
  if (!status.ok()) {
    if (IsOutcomeUnknown(status)) unknown_.AddCreate(std::move(info), principal);
    const absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(draft.name);
    if (stored.ok()) TellDirectory(**stored).IgnoreError();  // the first error is returned
    return status;
  }
  parts_.credentials.Put(info);
  return info;
}

absl::Status CredentialManager::Delete(const CredentialVersion& target, bool force,
                                       Prompts prompts) {
  const NamedLocks::Hold turn(turns_, target.name);
  const PromptScope scope(parts_.vault, prompts);
  const absl::StatusOr<CredentialInfoPtr> info = parts_.credentials.Get(target.name);
  if (!info.ok()) return info.status();
  if ((*info)->uid != target.uid || (*info)->version != target.version) {
    return VersionConflict(target.name);
  }
  const int live = parts_.sessions.RolloutOf(target.uid).live;
  if (live > 0 && !force) {
    return MakeError(
        ErrorDetails{Reason::kSessionsLive, absl::nullopt, {{"credential", target.name}}},
        absl::StrCat("credential \"", target.name, "\" has ", live,
                     " live sessions; log them out, or delete with force"));
  }
  const absl::Status answer = parts_.vault.Delete(target.name, target.uid, target.version);
  if (HasReason(answer, Reason::kUnknownCredential)) {
    // Perhaps an earlier deletion was done whose answer was lost. VaultSync decides this.
    return FailedRead(answer, target.name, parts_.credentials, parts_.vault_health);
  }
  if (absl::Status deleted = Written(target.name, answer); !deleted.ok()) return deleted;
  // The log-outs begin before the index changes, as in Detach().
  std::promise<void> ended;
  const std::future<void> all_ended = ended.get_future();
  parts_.sessions.LogoutAll(target.uid,
                            [ended = std::move(ended)]() mutable { ended.set_value(); });
  parts_.credentials.Remove(target.name, target.uid);
  all_ended.wait();
  return absl::OkStatus();
}

void CredentialManager::EndSessions(const std::string& uid) {
  std::promise<void> ended;
  std::future<void> all_ended = ended.get_future();
  parts_.sessions.LogoutAll(uid, [ended = std::move(ended)]() mutable { ended.set_value(); });
  all_ended.wait();
}

absl::Status CredentialManager::Written(const std::string& name, const absl::Status& answer) {
  if (answer.ok()) unknown_.Remove(name);
  if (HasReason(answer, Reason::kUnknownCredential)) {
    return FailedRead(answer, name, parts_.credentials, parts_.vault_health);
  }
  absl::Status status = AfterWrite(answer);
  if (IsOutcomeUnknown(status)) {
    unknown_.Add(name);
    parts_.vault_health.RequestReload();
  }
  return status;
}

// The credential index may be stale after a write with an unknown outcome, or after a write by
// another process.
absl::Status CredentialManager::TellDirectory(const Credential& stored) const {
  const absl::StatusOr<Fingerprinter> prints = Prints();
  if (!prints.ok()) return prints.status();
  parts_.credentials.Put(InfoOf(stored, *prints));
  return absl::OkStatus();
}

absl::StatusOr<Fingerprinter> CredentialManager::Prints() const {
  const absl::StatusOr<SecretString> master_key = parts_.vault.MasterKey();
  if (!master_key.ok()) return master_key.status();
  return Fingerprinter(*master_key);
}

absl::StatusOr<CredentialPtr> CredentialManager::Load(const std::string& name) const {
  absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(name);
  if (stored.ok()) return stored;
  return FailedRead(stored.status(), name, parts_.credentials, parts_.vault_health);
}

absl::StatusOr<Credential> CredentialManager::LoadForChange(const CredentialVersion& target) const {
  const absl::StatusOr<CredentialPtr> stored = Load(target.name);
  if (!stored.ok()) return stored.status();
  if ((*stored)->uid != target.uid || (*stored)->version != target.version) {
    if (absl::Status told = TellDirectory(**stored); !told.ok()) return told;
    return VersionConflict(target.name);
  }
  return (*stored)->Clone();
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::StoreNext(Credential next) {
  ++next.version;
  next.update_time = parts_.clock.Now();
  if (absl::Status shape = ValidateCredential(next); !shape.ok()) return shape;
  const absl::StatusOr<Fingerprinter> prints = Prints();
  if (!prints.ok()) return prints.status();
  if (absl::Status stored = Written(next.name, parts_.vault.Replace(next)); !stored.ok()) {
    return stored;
  }
  return InfoOf(next, *prints);
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::Attach(const CredentialVersion& target,
                                                            std::vector<Organization> organizations,
                                                            const std::string& principal,
                                                            Prompts prompts) {
  const NamedLocks::Hold turn(turns_, target.name);
  const PromptScope scope(parts_.vault, prompts);
  absl::StatusOr<Credential> next = LoadForChange(target);
  if (!next.ok()) return next.status();
  std::map<std::string, Organization> merged;
  for (Organization& old : next->organizations) merged[old.id] = std::move(old);
  for (Organization& added : organizations) {
    Organization& organization = merged[added.id];
    organization.id = added.id;
    // An organization without a devKey or user id keeps its present one.
    if (!added.dev_key.empty()) organization.dev_key = std::move(added.dev_key);
    if (!added.user_id.empty()) organization.user_id = std::move(added.user_id);
  }
  next->organizations.clear();
  for (auto& [id, organization] : merged) next->organizations.push_back(std::move(organization));
  RememberOrganizations(PastChangeKind::kAttached, principal, *next);
  absl::StatusOr<CredentialInfoPtr> info = StoreNext(*std::move(next));
  if (info.ok()) parts_.credentials.Put(*info);
  return info;
}

void CredentialManager::RememberOrganizations(PastChangeKind kind, const std::string& principal,
                                              Credential& next) const {
  PastChange line;
  line.version = next.version + 1;
  line.kind = kind;
  line.principal = principal;
  line.time = parts_.clock.Now();
  line.fields = {"organizations"};
  Remember(std::move(line), parts_.kept_versions, next);
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::Detach(
    const CredentialVersion& target, const std::vector<std::string>& organization_ids,
    const std::string& principal, Prompts prompts) {
  const NamedLocks::Hold turn(turns_, target.name);
  const PromptScope scope(parts_.vault, prompts);
  absl::StatusOr<Credential> next = LoadForChange(target);
  if (!next.ok()) return next.status();
  for (std::size_t i = 0; i < organization_ids.size(); ++i) {
    const std::string& id = organization_ids[i];
    if (next->FindOrganization(id) == nullptr) {
      return Malformed(absl::StrCat("organization_ids[", i, "]"),
                       absl::StrCat("\"", id, "\" is not attached to credential \"", target.name,
                                    "\"; leave it out"));
    }
  }
  const std::set<std::string> leaving(organization_ids.begin(), organization_ids.end());
  std::erase_if(next->organizations,
                [&leaving](const Organization& each) { return leaving.contains(each.id); });
  RememberOrganizations(PastChangeKind::kDetached, principal, *next);
  absl::StatusOr<CredentialInfoPtr> info = StoreNext(*std::move(next));
  if (!info.ok()) return info;
  // The session manager finds a session through the credential index. So the log-outs begin before
  // the index changes, and are awaited afterwards: no caller gets a session in between.
  std::promise<void> ended;
  const std::future<void> all_ended = ended.get_future();
  parts_.sessions.LogoutOf(target.uid, leaving,
                           [ended = std::move(ended)]() mutable { ended.set_value(); });
  parts_.credentials.Put(*info);
  all_ended.wait();
  return info;
}

}  // namespace billbroker

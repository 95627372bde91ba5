#include "vault/credential_index.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "vault/base/error.h"
#include "vault/user_name.h"
#include "vault/vault.h"

namespace billbroker {
namespace {

absl::Status UnknownOrganization(absl::string_view organization_id) {
  return MakeError(
      ErrorDetails{Reason::kUnknownOrganization,
                   absl::nullopt,
                   {{"organization_id", std::string(organization_id)}}},
      absl::StrCat("organization \"", organization_id,
                   "\" has no credential; add it with 'billbroker credential attach'"));
}

absl::Status NotAttached(absl::string_view organization_id, absl::string_view credential) {
  return MakeError(ErrorDetails{Reason::kUnknownOrganization,
                                absl::nullopt,
                                {{"organization_id", std::string(organization_id)},
                                 {"credential", std::string(credential)}}},
                   absl::StrCat("credential \"", credential, "\" does not serve organization \"",
                                organization_id, "\"; add it with 'billbroker credential attach'"));
}

absl::Status NotFoundYet() {
  constexpr absl::Duration kReadAgain = absl::Seconds(2);
  return MakeError(ErrorDetails{Reason::kVaultUnreachable, kReadAgain, {}},
                   "the keyring does not return all credentials that it had before the broker was "
                   "restarted; the broker is reading it again");
}

// The document may be of the credential that serves the organization: its organizations are only in
// the document.
absl::Status PerhapsOfBroken(absl::string_view organization_id,
                             const std::vector<InvalidDocument>& documents) {
  constexpr std::size_t kMaxNames = 5;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(kMaxNames, documents.size()); ++i) {
    names.push_back(documents[i].name);
  }
  if (documents.size() > kMaxNames) names.emplace_back("...");
  const auto unread = std::find_if(documents.begin(), documents.end(), [](const auto& document) {
    return VaultStateOf(document.why) != VaultState::kReady;
  });
  if (unread != documents.end()) {
    return MakeError(
        *DetailsOf(unread->why),
        absl::StrCat("no readable credential serves organization \"", organization_id,
                     "\", and the keyring does not return all of them: ", unread->why.message()));
  }
  return MakeError(
      ErrorDetails{Reason::kVaultDocumentInvalid,
                   absl::nullopt,
                   {{"organization_id", std::string(organization_id)},
                    {"credentials", absl::StrJoin(names, ",")}}},
      absl::StrCat("no readable credential serves organization \"", organization_id,
                   "\", and these documents of the keyring cannot be read: ",
                   absl::StrJoin(names, ", "), " (", documents.front().why.message(),
                   "); repair them, or add the organization with 'billbroker credential attach'"));
}

// Returns true if observers need not be notified. The same version may differ if a person edited
// the document.
bool Same(const CredentialInfo& a, const CredentialInfo& b) {
  return a.uid == b.uid && a.version == b.version && a.user_secret_id == b.user_secret_id &&
         a.fingerprints == b.fingerprints && a.organizations == b.organizations &&
         a.user_ids == b.user_ids;
}

}  // namespace

absl::Status AmbiguousCredential(absl::string_view organization_id,
                                 const std::vector<CredentialInfoPtr>& serving) {
  // Only the first few names: the answer must fit into the trailers of a call.
  constexpr std::size_t kMaxNames = 5;
  std::vector<std::string> first;
  for (std::size_t i = 0; i < std::min(kMaxNames, serving.size()); ++i)
    first.push_back(serving[i]->name);
  if (serving.size() > kMaxNames) first.emplace_back("...");
  const std::string names = absl::StrJoin(first, ",");
  return MakeError(
      ErrorDetails{Reason::kAmbiguousCredential,
                   absl::nullopt,
                   {{"organization_id", std::string(organization_id)}, {"credentials", names}}},
      absl::StrCat("several credentials serve organization \"", organization_id, "\" (", names,
                   "); name one of them"));
}

absl::StatusOr<CredentialInfoPtr> CredentialIndex::Find(absl::string_view organization_id,
                                                        absl::string_view credential) const {
  MutexLock lock(mutex_);
  if (!credential.empty()) {
    absl::StatusOr<CredentialInfoPtr> info = GetLocked(credential);
    if (!info.ok()) return info;
    if ((*info)->organizations.find(organization_id) == (*info)->organizations.end()) {
      return NotAttached(organization_id, credential);
    }
    return info;
  }
  const auto serving = by_organization_.find(organization_id);
  if (serving == by_organization_.end()) return AbsentOrganization(organization_id);
  if (serving->second.size() > 1) return AmbiguousCredential(organization_id, serving->second);
  const CredentialInfoPtr& only = serving->second.front();
  if (missing_.empty()) return only;
  // The organization may be ambiguous.
  const auto missing = missing_.find(organization_id);
  if (missing != missing_.end() && missing->second != only->uid) return NotFoundYet();
  return only;
}

CredentialCounts CredentialIndex::Counts() const {
  MutexLock lock(mutex_);
  return {static_cast<int>(by_name_.size()), static_cast<int>(by_organization_.size())};
}

std::vector<CredentialInfoPtr> CredentialIndex::Serving(absl::string_view organization_id) const {
  MutexLock lock(mutex_);
  const auto serving = by_organization_.find(organization_id);
  return serving == by_organization_.end() ? std::vector<CredentialInfoPtr>() : serving->second;
}

absl::StatusOr<CredentialInfoPtr> CredentialIndex::Get(absl::string_view name) const {
  MutexLock lock(mutex_);
  return GetLocked(name);
}

absl::StatusOr<CredentialInfoPtr> CredentialIndex::GetLocked(absl::string_view name) const {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second;
  const auto broken =
      std::find_if(invalid_documents_.begin(), invalid_documents_.end(),
                   [&name](const InvalidDocument& document) { return document.name == name; });
  return Absent(broken == invalid_documents_.end() ? UnknownCredential(name) : broken->why);
}

std::vector<CredentialInfoPtr> CredentialIndex::List() const {
  MutexLock lock(mutex_);
  std::vector<CredentialInfoPtr> all;
  all.reserve(by_name_.size());
  for (const auto& [name, info] : by_name_) all.push_back(info);
  return all;
}

CredentialInfoPtr CredentialIndex::FindUser(absl::string_view environment,
                                            absl::string_view username) const {
  const std::string folded = FoldUserName(username);
  MutexLock lock(mutex_);
  for (const auto& [name, info] : by_name_) {
    if (info->environment == environment && info->folded_username == folded) return info;
  }
  return nullptr;
}

void CredentialIndex::Put(CredentialInfoPtr info) {
  Changes changes;
  {
    MutexLock lock(mutex_);
    CredentialInfoPtr& slot = by_name_[info->name];
    if (slot != nullptr && slot->uid == info->uid && slot->version > info->version) return;
    if (slot != nullptr) Unindex(*slot);
    Index(info);
    if (slot == nullptr || !Same(*slot, *info)) changes.emplace_back(slot, info);
    slot = std::move(info);
    ++changes_;
  }
  Notify(changes);
}

void CredentialIndex::Remove(absl::string_view name, absl::string_view uid) {
  Changes changes;
  {
    MutexLock lock(mutex_);
    const auto found = by_name_.find(name);
    if (found == by_name_.end() || found->second->uid != uid) return;
    Unindex(*found->second);
    changes.emplace_back(found->second, nullptr);
    by_name_.erase(found);
    ++changes_;
  }
  Notify(changes);
}

void CredentialIndex::Reset(const std::vector<CredentialInfoPtr>& all,
                            std::vector<InvalidDocument> invalid_documents) {
  Changes changes;
  {
    MutexLock lock(mutex_);
    changes = ResetLocked(all, std::move(invalid_documents));
  }
  Notify(changes);
}

bool CredentialIndex::ResetIf(std::uint64_t if_changes, const std::vector<CredentialInfoPtr>& all,
                              std::vector<InvalidDocument> invalid_documents) {
  Changes changes;
  {
    MutexLock lock(mutex_);
    if (changes_ != if_changes) return false;
    changes = ResetLocked(all, std::move(invalid_documents));
  }
  Notify(changes);
  return true;
}

CredentialIndex::Changes CredentialIndex::ResetLocked(
    const std::vector<CredentialInfoPtr>& all, std::vector<InvalidDocument> invalid_documents) {
  Changes changes;
  std::map<std::string, CredentialInfoPtr, std::less<>> before;
  before.swap(by_name_);
  by_organization_.clear();
  for (const CredentialInfoPtr& info : all) {
    by_name_[info->name] = info;
    Index(info);
    const auto old = before.find(info->name);
    if (old == before.end()) {
      changes.emplace_back(nullptr, info);
    } else {
      if (!Same(*old->second, *info)) changes.emplace_back(old->second, info);
      before.erase(old);
    }
  }
  for (const auto& [name, info] : before) changes.emplace_back(info, nullptr);
  changes_ += changes.size();
  invalid_documents_ = std::move(invalid_documents);
  complete_ = true;
  ++reads_;
  return changes;
}

void CredentialIndex::Notify(const Changes& changes) const {
  if (observer_ == nullptr) return;
  for (const auto& [before, after] : changes) observer_->CredentialChanged(before, after);
}

std::uint64_t CredentialIndex::changes() const {
  MutexLock lock(mutex_);
  return changes_;
}

bool CredentialIndex::complete() const {
  MutexLock lock(mutex_);
  return complete_;
}

absl::Status CredentialIndex::CheckComplete() const {
  return complete() ? absl::OkStatus() : health_.NotRead();
}

std::vector<InvalidDocument> CredentialIndex::invalid_documents() const {
  MutexLock lock(mutex_);
  return invalid_documents_;
}

absl::Status CredentialIndex::AbsentOrganization(absl::string_view organization_id) const {
  std::vector<InvalidDocument> unread;  // the others are in the index, as they were last read
  for (const InvalidDocument& document : invalid_documents_) {
    if (!by_name_.contains(document.name)) unread.push_back(document);
  }
  return Absent(unread.empty() ? UnknownOrganization(organization_id)
                               : PerhapsOfBroken(organization_id, unread));
}

absl::Status CredentialIndex::Absent(const absl::Status& status) const {
  if (!complete_) return health_.NotRead();
  const bool unknown = HasReason(status, Reason::kUnknownCredential) ||
                       HasReason(status, Reason::kUnknownOrganization);
  return unknown && !missing_.empty() ? NotFoundYet() : status;
}

void CredentialIndex::SetMissing(absl::flat_hash_map<std::string, std::string> missing) {
  MutexLock lock(mutex_);
  missing_ = std::move(missing);
}

std::uint64_t CredentialIndex::reads() const {
  MutexLock lock(mutex_);
  return reads_;
}

void CredentialIndex::Index(const CredentialInfoPtr& info) {
  for (const auto& [id, dev_key_id] : info->organizations) {
    std::vector<CredentialInfoPtr>& serving = by_organization_[id];
    const auto place = std::lower_bound(
        serving.begin(), serving.end(), info,
        [](const CredentialInfoPtr& a, const CredentialInfoPtr& b) { return a->name < b->name; });
    serving.insert(place, info);
  }
}

void CredentialIndex::Unindex(const CredentialInfo& info) {
  for (const auto& [id, dev_key_id] : info.organizations) {
    const auto serving = by_organization_.find(id);
    if (serving == by_organization_.end()) std::abort();
    std::vector<CredentialInfoPtr>& entries = serving->second;
    entries.erase(std::remove_if(
                      entries.begin(), entries.end(),
                      [&info](const CredentialInfoPtr& entry) { return entry->name == info.name; }),
                  entries.end());
    if (entries.empty()) by_organization_.erase(serving);
  }
}

}  // namespace billbroker

#include "vault/keyring/document_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vault/document.h"
#include "vault/keyring/item_attributes.h"

namespace billbroker {
namespace {

// An item that is listed and not returned is read again once. More would be a busy loop.
constexpr int kMaxReads = 2;
// The part of a call's time that is left to see whether only this item is not returned.
constexpr double kProbeShare = 1.0 / 3;
// An item that was not returned in time is not read again during the pause. A later read of it
// waits no longer than the second figure.
constexpr absl::Duration kPause = absl::Seconds(5);
constexpr absl::Duration kLaterRead = absl::Seconds(1);

absl::Status NotReturned(absl::string_view name) {
  return VaultError(VaultState::kFailing,
                    {absl::StrCat("the keyring lists the item of credential \"", name,
                                  "\", and does not return it")});
}

absl::Status NotReturnedInTime(absl::string_view name) {
  return VaultError(VaultState::kTimedOut,
                    {absl::StrCat("the keyring does not return the item of credential \"", name,
                                  "\" in time, and answers otherwise")});
}

absl::Status StoredMoreThanOnce(absl::string_view name) {
  return BrokenDocument(name, "is stored more than once with different contents");
}

bool SameDocument(const absl::StatusOr<CredentialPtr>& a, const absl::StatusOr<CredentialPtr>& b) {
  return a.ok() && b.ok() && WriteDocument(**a) == WriteDocument(**b);
}

}  // namespace

absl::StatusOr<absl::optional<StoredDocument>> DocumentReader::Read(absl::string_view name,
                                                                    Deadline deadline) {
  for (int reads = 1;; ++reads) {
    absl::StatusOr<std::vector<std::string>> paths =
        items_.Find(AttributesOfCredential(instance_, name), deadline);
    if (!paths.ok()) return paths.status();
    if (paths->empty()) return absl::optional<StoredDocument>();
    StoredDocument stored;
    absl::Status status;
    for (const std::string& path : *paths) {
      if (IsPaused(path)) return NotReturnedInTime(name);
      SecretString document;
      absl::StatusOr<CredentialPtr> credential = ReadParsed(name, path, document, deadline);
      status = credential.status();
      if (!status.ok()) break;
      if (!stored.paths.empty() && !(stored.document == document)) return StoredMoreThanOnce(name);
      stored = {std::move(stored.paths), std::move(document), *std::move(credential)};
      stored.paths.push_back(path);
    }
    if (status.ok()) return absl::optional<StoredDocument>(std::move(stored));
    if (!absl::IsNotFound(status)) return status;
    if (reads == kMaxReads) return NotReturned(name);  // otherwise it was removed since: look again
  }
}

absl::StatusOr<std::vector<std::string>> DocumentReader::FindAll(Deadline deadline) {
  absl::StatusOr<std::vector<std::string>> paths =
      items_.Find(AttributesOfCredentials(instance_), deadline);
  if (!paths.ok()) return paths;
  std::erase_if(silent_, [&paths](const auto& silent) {
    return std::find(paths->begin(), paths->end(), silent.first) == paths->end();
  });
  return paths;
}

absl::StatusOr<CredentialPtr> DocumentReader::ReadAt(const std::string& path, std::string& name,
                                                     Deadline deadline) {
  name = CredentialNameIn({}, path);
  const absl::StatusOr<ItemAttributes> attributes = items_.ReadAttributes(path, deadline);
  // A provider that restarted may have given the path to an item of another program.
  absl::StatusOr<CredentialPtr> credential = absl::NotFoundError("not a credential");
  if (!attributes.ok()) {
    credential = attributes.status();
  } else if (IsCredential(*attributes)) {
    name = CredentialNameIn(*attributes, path);
    SecretString document;
    credential = ReadParsed(name, path, document, deadline);
  }
  if (!absl::IsNotFound(credential.status())) return credential;
  // Only an item that is not listed any more was removed.
  const absl::StatusOr<std::vector<std::string>> listed = FindAll(deadline);
  if (!listed.ok()) return listed.status();
  const bool removed = std::find(listed->begin(), listed->end(), path) == listed->end();
  return removed ? credential : NotReturned(name);
}

// A session path that belongs to another client gives secrets that are not documents, so a document
// that cannot be parsed is read again in a new session.
absl::StatusOr<CredentialPtr> DocumentReader::ReadParsed(absl::string_view name,
                                                         const std::string& path,
                                                         SecretString& document,
                                                         Deadline deadline) {
  for (int reads = 1;; ++reads) {
    absl::StatusOr<SecretString> read = ReadSecret(name, path, deadline);
    if (VaultStateOf(read.status()) == VaultState::kLocked) {
      return VaultError(
          VaultState::kLocked,
          {.what = absl::StrCat("the keyring's item of credential \"", name, "\" is locked"),
           .program = items_.provider().program});
    }
    if (!read.ok()) return read.status();
    absl::StatusOr<CredentialPtr> credential = ReadDocument(name, *read);
    document = *std::move(read);
    if (credential.ok() || reads == kMaxReads) return credential;
    items_.RenewSession();
  }
}

bool DocumentReader::IsCredential(const ItemAttributes& attributes) const {
  const ItemAttributes wanted = AttributesOfCredentials(instance_);
  return std::all_of(wanted.begin(), wanted.end(), [&attributes](const auto& each) {
    const auto found = attributes.find(each.first);
    return found != attributes.end() && found->second == each.second;
  });
}

bool DocumentReader::IsPaused(const std::string& path) const {
  const auto silent = silent_.find(path);
  return silent != silent_.end() && silent->second.Remaining() > absl::ZeroDuration();
}

absl::StatusOr<SecretString> DocumentReader::ReadSecret(absl::string_view name,
                                                        const std::string& path,
                                                        Deadline deadline) {
  Deadline until = deadline.Leaving(kProbeShare);
  if (silent_.contains(path) && until.Remaining() > kLaterRead) {
    until = Deadline::After(kLaterRead);
  }
  absl::StatusOr<SecretString> read = items_.ReadSecret(path, until);
  if (VaultStateOf(read.status()) != VaultState::kTimedOut) {
    silent_.erase(path);
    return read;
  }
  if (absl::Status probed = items_.Probe(deadline); !probed.ok()) return probed;
  silent_.insert_or_assign(path, Deadline::After(kPause));
  return NotReturnedInTime(name);
}

void AddDocument(const std::string& name, absl::StatusOr<CredentialPtr> read,
                 DocumentsByName& by_name) {
  const auto same_name = by_name.find(name);
  if (same_name == by_name.end()) {
    by_name.emplace(name, std::move(read));
  } else if (!SameDocument(same_name->second, read)) {
    same_name->second = StoredMoreThanOnce(name);
  }
}

VaultContents ToContents(const DocumentsByName& by_name) {
  VaultContents contents;
  for (const auto& [name, credential] : by_name) {
    if (credential.ok()) {
      contents.credentials.push_back(*credential);
    } else {
      contents.invalid_documents.push_back({name, credential.status()});
    }
  }
  return contents;
}

}  // namespace billbroker

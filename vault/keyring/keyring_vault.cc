#include "vault/keyring/keyring_vault.h"

#include <sodium.h>

#include <array>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"
#include "vault/base/fault_point.h"
#include "vault/base/secret_arena.h"
#include "vault/document.h"
#include "vault/keyring/secret_service_items.h"

namespace billbroker {
namespace {

constexpr char kCredentialKind[] = "credential";
constexpr char kKeyKind[] = "key";
constexpr char kNameAttribute[] = "credential";
// The part of a write's time that is reserved for reading again if its answer is lost.
constexpr double kRereadShare = 0.25;
constexpr int kMaxWrites = 2;
constexpr std::size_t kMasterKeyBytes = 32;

absl::Duration Now() { return absl::Microseconds(g_get_monotonic_time()); }

bool AnswerLost(const absl::Status& status) {
  return HasReason(status, Reason::kVaultUnreachable) || absl::IsNotFound(status);
}

absl::Status InvalidMasterKey(absl::string_view what) {
  return MakeError(Reason::kVaultDocumentInvalid,
                   absl::StrCat("the keyring's billbroker master key was left alone: it ", what,
                                "; restore it from a backup of the keyring"));
}

// Hexadecimal, so that keyring tools can show and restore it.
SecretString NewMasterKey() {
  std::array<unsigned char, kMasterKeyBytes> key{};
  std::array<char, 2 * kMasterKeyBytes + 1> text{};
  randombytes_buf(key.data(), key.size());
  sodium_bin2hex(text.data(), text.size(), key.data(), key.size());
  SecretString secret = SecretString::CopyOf({text.data(), text.size() - 1});
  WipeBytes(key.data(), key.size());
  WipeBytes(text.data(), text.size());
  return secret;
}

absl::StatusOr<SecretString> ParseMasterKey(const SecretString& text) {
  std::array<unsigned char, kMasterKeyBytes> key{};
  std::size_t size = 0;
  const absl::string_view hex = text.Reveal();
  const bool valid = hex.size() == 2 * kMasterKeyBytes &&
                     sodium_hex2bin(key.data(), key.size(), hex.data(), hex.size(), nullptr, &size,
                                    nullptr) == 0 &&
                     size == key.size();
  SecretString secret =
      SecretString::CopyOf({reinterpret_cast<const char*>(key.data()), key.size()});
  WipeBytes(key.data(), key.size());
  if (!valid) return InvalidMasterKey("is not 64 hexadecimal digits");
  return secret;
}

// Returns the name in an item's attributes, or a description if there is none.
std::string NameOf(const ItemAttributes& attributes, absl::string_view path) {
  const auto name = attributes.find(kNameAttribute);
  if (name != attributes.end() && ValidateCredentialName(name->second).ok()) return name->second;
  return absl::StrCat("unnamed item ", path.substr(path.rfind('/') + 1));
}

absl::Status MoreThanOnce(absl::string_view name) {
  return BrokenDocument(name, "is there more than once");
}

absl::Status CheckUid(const Credential& credential) {
  return credential.uid.empty() ? Malformed("uid", "is empty") : absl::OkStatus();
}

}  // namespace

struct KeyringVault::Stored {
  std::string path;
  SecretString document;
  CredentialPtr credential;
};

// A change of the item of one name. Each function receives the item that is stored now.
struct KeyringVault::Change {
  std::function<absl::Status(const absl::optional<Stored>&)> allowed;
  std::function<bool(const absl::optional<Stored>&)> done;
  std::function<absl::Status(const absl::optional<Stored>&, Deadline)> write;
};

absl::StatusOr<std::unique_ptr<KeyringVault>> KeyringVault::Create(KeyringOptions options) {
  const absl::Status status = ValidateCredentialName(options.instance, "instance");
  if (!status.ok()) return status;
  return std::make_unique<KeyringVault>(std::move(options), std::make_unique<SecretServiceItems>());
}

KeyringVault::KeyringVault(KeyringOptions options, std::unique_ptr<ItemStore> items)
    : options_(std::move(options)), held_(options_.hold_time), items_(std::move(items)) {}

KeyringVault::~KeyringVault() {
  // The destructor of items_ must run on its thread; nothing else is queued any more.
  (void)thread_.Run(Deadline::After(absl::Hours(1)), [this](Deadline) { items_.reset(); });
}

absl::Status KeyringVault::OnThread(absl::FunctionRef<absl::Status(Deadline)> work) {
  absl::Status status;
  const bool ran = thread_.Run(Deadline::After(options_.call_timeout),
                               [&](Deadline deadline) { status = work(deadline); });
  return ran ? status : VaultError(VaultState::kTimedOut);
}

absl::StatusOr<CredentialPtr> KeyringVault::Load(absl::string_view name) {
  CredentialPtr credential = held_.Find(name, Now());
  if (credential != nullptr) return credential;
  const absl::Status status = OnThread([&](Deadline deadline) {
    credential = held_.Find(name, Now());  // read meanwhile, for another caller
    if (credential != nullptr) return absl::OkStatus();
    StoredOr stored = Read(name, deadline);
    if (!stored.ok()) return stored.status();
    if (!stored->has_value()) return UnknownCredential(name);
    credential = (*stored)->credential;
    Hold(credential);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return credential;
}

absl::StatusOr<VaultContents> KeyringVault::LoadAll() {
  std::vector<std::string> paths;
  absl::Status status = OnThread([&](Deadline deadline) {
    absl::StatusOr<std::vector<std::string>> found =
        items_->Find(AttributesOf(kCredentialKind), deadline);
    if (!found.ok()) return found.status();
    paths = *std::move(found);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  std::map<std::string, absl::StatusOr<CredentialPtr>> by_name;
  for (const std::string& path : paths) {
    // One job for each document, so that a sign-in waits for one document and not for all.
    status = OnThread([&](Deadline deadline) {
      const absl::StatusOr<ItemAttributes> attributes = items_->ReadAttributes(path, deadline);
      if (!attributes.ok()) return attributes.status();
      const absl::StatusOr<SecretString> document = items_->ReadSecret(path, deadline);
      if (!document.ok()) return document.status();
      const std::string name = NameOf(*attributes, path);
      const bool first = by_name.emplace(name, ReadDocument(name, *document)).second;
      if (!first) by_name.at(name) = MoreThanOnce(name);
      return absl::OkStatus();
    });
    if (!status.ok() && !absl::IsNotFound(status)) return status;  // not found: deleted meanwhile
  }
  VaultContents contents;
  for (auto& [name, credential] : by_name) {
    if (credential.ok()) {
      contents.credentials.push_back(*std::move(credential));
    } else {
      contents.invalid_documents.push_back({name, credential.status()});
    }
  }
  return contents;
}

absl::Status KeyringVault::Create(const Credential& credential) {
  absl::Status status = ValidateCredential(credential);
  if (status.ok()) status = CheckUid(credential);
  if (!status.ok()) return status;
  const SecretString document = WriteDocument(credential);
  return OnThread([&](Deadline deadline) {
    const Change change{[&](const absl::optional<Stored>& stored) {
                          return stored.has_value() ? CredentialExists(credential.name)
                                                    : absl::OkStatus();
                        },
                        [&](const absl::optional<Stored>& stored) {
                          return stored.has_value() && stored->document == document;
                        },
                        [&](const absl::optional<Stored>& /*stored*/, Deadline until) {
                          return CreateItem(AttributesOfCredential(credential.name),
                                            absl::StrCat("billbroker credential ", credential.name),
                                            document, until);
                        }};
    return Write(credential.name, change, deadline);
  });
}

absl::Status KeyringVault::Replace(const Credential& next) {
  return Overwrite(next, next.version - 1);
}

absl::Status KeyringVault::Restage(const Credential& next) { return Overwrite(next, next.version); }

absl::Status KeyringVault::Overwrite(const Credential& next, std::uint64_t version) {
  absl::Status status = ValidateCredential(next);
  if (status.ok()) status = CheckUid(next);
  if (!status.ok()) return status;
  const SecretString document = WriteDocument(next);
  return OnThread([&](Deadline deadline) {
    const Change change{[&](const absl::optional<Stored>& stored) {
                          if (!stored.has_value()) return UnknownCredential(next.name);
                          const Credential& current = *stored->credential;
                          const bool follows =
                              current.uid == next.uid && current.version == version;
                          return follows ? absl::OkStatus() : VersionConflict(next.name);
                        },
                        [&](const absl::optional<Stored>& stored) {
                          return stored.has_value() && stored->document == document;
                        },
                        [&](const absl::optional<Stored>& stored, Deadline until) {
                          return items_->Overwrite(stored->path, document, until);
                        }};
    return Write(next.name, change, deadline);
  });
}

absl::Status KeyringVault::Delete(absl::string_view name, absl::string_view uid,
                                  std::uint64_t version) {
  return OnThread([&](Deadline deadline) {
    const Change change{[&](const absl::optional<Stored>& stored) {
                          if (!stored.has_value()) return UnknownCredential(name);
                          const Credential& current = *stored->credential;
                          const bool same = current.uid == uid && current.version == version;
                          return same ? absl::OkStatus() : VersionConflict(name);
                        },
                        [&](const absl::optional<Stored>& stored) { return !stored.has_value(); },
                        [&](const absl::optional<Stored>& stored, Deadline until) {
                          return items_->Remove(stored->path, until);
                        }};
    return Write(name, change, deadline);
  });
}

absl::StatusOr<SecretString> KeyringVault::MasterKey() {
  absl::StatusOr<SecretString> key = SecretString();
  const absl::Status status = OnThread([&](Deadline deadline) {
    const ItemAttributes attributes = AttributesOf(kKeyKind);
    absl::Status lost;
    for (int writes = 0;; ++writes) {
      const auto paths = items_->Find(attributes, deadline);
      if (!paths.ok()) return paths.status();
      if (paths->size() > 1) return InvalidMasterKey("is there more than once");
      if (!paths->empty()) {
        const absl::StatusOr<SecretString> text = items_->ReadSecret(paths->front(), deadline);
        if (absl::IsNotFound(text.status())) continue;
        if (text.ok()) key = ParseMasterKey(*text);
        return text.ok() ? key.status() : text.status();
      }
      if (writes == kMaxWrites) return lost.ok() ? VaultError(VaultState::kNoProvider) : lost;
      // Read back in the next round even if the answer came: only the stored key counts.
      lost = CreateItem(attributes, absl::StrCat("billbroker master key ", options_.instance),
                        NewMasterKey(), deadline.Leaving(kRereadShare));
      if (!lost.ok() && !AnswerLost(lost)) return lost;
    }
  });
  if (!status.ok()) return status;
  return key;
}

VaultState KeyringVault::Probe() {
  VaultState state = VaultState::kTimedOut;
  const bool ran = thread_.Run(Deadline::After(options_.probe_timeout), [&](Deadline deadline) {
    state = items_->Probe(deadline);
    if (state == VaultState::kReady) NoteChanges(deadline);
  });
  if (ran && state == VaultState::kLocked) held_.DropAll();
  return state;
}

// Most changes in a keyring belong to other programs.
void KeyringVault::NoteChanges(Deadline deadline) {
  for (const std::string& path : items_->TakeChanged()) {
    const absl::StatusOr<ItemAttributes> attributes = items_->ReadAttributes(path, deadline);
    if (attributes.ok()) {
      const auto instance = attributes->find("instance");
      if (instance == attributes->end() || instance->second != options_.instance) continue;
    }
    held_.DropAll();  // a removed item may have been a credential
    changed_elsewhere_ = true;
    return;
  }
}

KeyringVault::StoredOr KeyringVault::Read(absl::string_view name, Deadline deadline) {
  while (true) {
    const auto paths = items_->Find(AttributesOfCredential(name), deadline);
    if (!paths.ok()) return paths.status();
    if (paths->empty()) return absl::optional<Stored>();
    if (paths->size() > 1) return MoreThanOnce(name);
    absl::StatusOr<SecretString> document = items_->ReadSecret(paths->front(), deadline);
    if (absl::IsNotFound(document.status())) continue;  // removed since it was found: look again
    if (!document.ok()) return document.status();
    absl::StatusOr<CredentialPtr> credential = ReadDocument(name, *document);
    if (!credential.ok()) return credential.status();
    return absl::optional<Stored>(
        Stored{paths->front(), *std::move(document), *std::move(credential)});
  }
}

absl::Status KeyringVault::Write(absl::string_view name, const Change& change, Deadline deadline) {
  held_.Drop(name);
  absl::Status lost;
  for (int writes = 0;; ++writes) {
    const StoredOr stored = Read(name, deadline);
    // After a lost answer, only this error shows that the write may have been done.
    if (!stored.ok()) return lost.ok() ? stored.status() : lost;
    if (!lost.ok() && change.done(*stored)) return absl::OkStatus();
    absl::Status allowed = change.allowed(*stored);
    if (!allowed.ok()) return allowed;
    if (writes == kMaxWrites) return lost;
    FaultPoint("vault.before_write");
    absl::Status written = change.write(*stored, deadline.Leaving(kRereadShare));
    FaultPoint("vault.written");
    if (written.ok() || !AnswerLost(written)) return written;
    lost =
        VaultStateOf(written) != VaultState::kReady ? written : VaultError(VaultState::kNoProvider);
  }
}

void KeyringVault::Hold(CredentialPtr credential) {
  held_.Put(std::move(credential), Now());
  if (!std::exchange(sweep_scheduled_, true)) SweepLater();
}

void KeyringVault::SweepLater() {
  thread_.RunAfter(options_.hold_time, [this] {
    sweep_scheduled_ = held_.Sweep(Now());
    if (sweep_scheduled_) SweepLater();
  });
}

// Returns the attributes for a search. They do not contain the schema: a search by schema finds
// nothing in a locked keyring, without an error.
ItemAttributes KeyringVault::AttributesOf(absl::string_view kind) const {
  return {
      {"application", "billbroker"}, {"instance", options_.instance}, {"kind", std::string(kind)}};
}

ItemAttributes KeyringVault::AttributesOfCredential(absl::string_view name) const {
  ItemAttributes attributes = AttributesOf(kCredentialKind);
  attributes.emplace(kNameAttribute, name);
  return attributes;
}

absl::Status KeyringVault::CreateItem(ItemAttributes attributes, absl::string_view label,
                                      const SecretString& secret, Deadline deadline) {
  attributes.emplace("xdg:schema", "com.billbroker.Credential");
  return items_->Create(attributes, std::string(label), secret, deadline);
}

}  // namespace billbroker

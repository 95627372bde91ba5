#include "vault/keyring/keyring_vault.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
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
// The part of a write's time that is reserved for reading it back.
constexpr double kRereadShare = 0.25;
constexpr int kMaxWrites = 2;
// An item that is listed and not returned is read again once. More would be a busy loop.
constexpr int kMaxReads = 2;
// So many documents in a row without an answer mean that the whole keyring does not answer.
constexpr int kMaxSilentDocuments = 3;
constexpr std::size_t kMasterKeyBytes = 32;

absl::Duration Now() { return absl::Microseconds(g_get_monotonic_time()); }

bool AnswerLost(const absl::Status& status) {
  return HasReason(status, Reason::kVaultUnreachable) || absl::IsNotFound(status);
}

absl::Status InvalidMasterKey(absl::string_view what) {
  return VaultError(VaultState::kKeyInvalid,
                    {absl::StrCat("the broker's master key in the keyring ", what)});
}

absl::Status NotReturned(absl::string_view name) {
  return VaultError(VaultState::kFailing,
                    {absl::StrCat("the keyring lists the item of credential \"", name,
                                  "\", and does not return it")});
}

// `verb`: "stored" or "deleted".
absl::Status NothingDone(absl::string_view verb) {
  return VaultError(VaultState::kFailing,
                    {absl::StrCat("the keyring answered OK and ", verb, " nothing"),
                     "see whether its disk is full or read-only, and repeat the change"});
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
  return BrokenDocument(name, "is stored more than once with different contents");
}

// Returns true if only one document is affected, and not the whole keyring.
bool IsOfOneDocument(const absl::Status& status) {
  switch (VaultStateOf(status)) {
    case VaultState::kReady:  // VAULT_DOCUMENT_INVALID
    case VaultState::kLocked:
    case VaultState::kFailing:
    case VaultState::kTimedOut:
      return true;
    default:
      return false;
  }
}

bool SameDocument(const absl::StatusOr<CredentialPtr>& a, const absl::StatusOr<CredentialPtr>& b) {
  return a.ok() && b.ok() && WriteDocument(**a) == WriteDocument(**b);
}

absl::Status CheckUid(const Credential& credential) {
  return credential.uid.empty() ? Malformed("uid", "is empty") : absl::OkStatus();
}

}  // namespace

struct KeyringVault::Stored {
  std::vector<std::string> paths;  // of equal items; at least one
  SecretString document;
  CredentialPtr credential;
};

// A change of the item of one name. Each function receives the item that is stored now.
struct KeyringVault::Change {
  std::function<absl::Status(const absl::optional<Stored>&)> allowed;
  std::function<bool(const absl::optional<Stored>&)> done;
  // Returns the path of the prompt that the write waits for; empty without one.
  std::function<absl::StatusOr<std::string>(const absl::optional<Stored>&, Deadline)> write;
  absl::string_view verb = "stored";
};

absl::StatusOr<std::unique_ptr<KeyringVault>> KeyringVault::Create(KeyringOptions options) {
  const absl::Status status = ValidateCredentialName(options.instance, "instance");
  if (!status.ok()) return status;
  auto items = std::make_unique<SecretServiceItems>(options.allow_plain_transfer);
  return std::make_unique<KeyringVault>(std::move(options), std::move(items));
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
    if (!stored->has_value()) {
      absl::Status key = CheckKey(false, deadline);
      return key.ok() ? UnknownCredential(name) : key;
    }
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
    if (absl::Status key = CheckKey(false, deadline); !key.ok()) return key;
    absl::StatusOr<std::vector<std::string>> found =
        items_->Find(AttributesOf(kCredentialKind), deadline);
    if (!found.ok()) return found.status();
    paths = *std::move(found);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  std::map<std::string, absl::StatusOr<CredentialPtr>> by_name;
  int silent = 0;
  for (const std::string& path : paths) {
    std::string name = NameOf({}, path);
    absl::StatusOr<CredentialPtr> read;
    // One job for each document, so that a sign-in waits for one document and not for all.
    status = OnThread([&](Deadline deadline) {
      const absl::StatusOr<ItemAttributes> attributes = items_->ReadAttributes(path, deadline);
      if (!attributes.ok()) return attributes.status();
      name = NameOf(*attributes, path);
      SecretString document;
      read = ReadParsed(name, path, document, deadline);
      return read.status();
    });
    if (absl::IsNotFound(status)) continue;  // deleted meanwhile
    silent = VaultStateOf(status) == VaultState::kTimedOut ? silent + 1 : 0;
    if (!status.ok() && (!IsOfOneDocument(status) || silent == kMaxSilentDocuments)) return status;
    if (!status.ok()) read = status;
    const auto [same_name, first] = by_name.emplace(name, read);
    if (!first && !SameDocument(same_name->second, read)) same_name->second = MoreThanOnce(name);
  }
  VaultContents contents;
  for (auto& [name, credential] : by_name) {
    if (credential.ok()) {
      contents.credentials.push_back(*std::move(credential));
    } else {
      contents.invalid_documents.push_back({name, credential.status()});
    }
  }
  if (contents.invalid_documents.empty()) return contents;
  // The keyring itself may have been locked or lost meanwhile.
  status = OnThread([this](Deadline deadline) {
    absl::Status probed = items_->Probe(deadline);
    return probed.ok() ? CheckKey(false, deadline) : probed;
  });
  if (!status.ok()) return status;
  return contents;
}

absl::Status KeyringVault::Create(const Credential& credential) {
  absl::Status status = ValidateCredential(credential);
  if (status.ok()) status = CheckUid(credential);
  if (!status.ok()) return status;
  const SecretString document = WriteDocument(credential);
  return Write(credential.name,
               {[&](const absl::optional<Stored>& stored) {
                  return stored.has_value() ? CredentialExists(credential.name) : absl::OkStatus();
                },
                [&](const absl::optional<Stored>& stored) {
                  return stored.has_value() && stored->document == document;
                },
                [&](const absl::optional<Stored>& /*stored*/, Deadline until) {
                  return CreateItem(AttributesOfCredential(credential.name),
                                    absl::StrCat("billbroker credential ", credential.name),
                                    document, until);
                }});
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
  return Write(next.name, {[&](const absl::optional<Stored>& stored) {
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
                             // Equal duplicates go first: with another document they would not be
                             // equal any more.
                             if (stored->paths.size() > 1) {
                               return items_->Remove(stored->paths.back(), until);
                             }
                             return items_->Overwrite(stored->paths.front(), document, until);
                           }});
}

absl::Status KeyringVault::Delete(absl::string_view name, absl::string_view uid,
                                  std::uint64_t version) {
  return Write(name, {[&](const absl::optional<Stored>& stored) {
                        if (!stored.has_value()) return UnknownCredential(name);
                        const Credential& current = *stored->credential;
                        const bool same = current.uid == uid && current.version == version;
                        return same ? absl::OkStatus() : VersionConflict(name);
                      },
                      [&](const absl::optional<Stored>& stored) { return !stored.has_value(); },
                      [&](const absl::optional<Stored>& stored, Deadline until) {
                        return items_->Remove(stored->paths.back(), until);
                      },
                      "deleted"});
}

absl::StatusOr<SecretString> KeyringVault::ReadKey(Deadline deadline) {
  const bool trusted = trusted_key_.has_value();
  const auto paths = items_->Find(AttributesOf(kKeyKind), deadline);
  if (!paths.ok()) return paths.status();
  absl::StatusOr<SecretString> key = absl::NotFoundError("no master key");
  for (const std::string& path : *paths) {
    const absl::StatusOr<SecretString> text = items_->ReadSecret(path, deadline);
    if (absl::IsNotFound(text.status())) return InvalidMasterKey("is listed and not returned");
    if (!text.ok()) return text.status();
    absl::StatusOr<SecretString> parsed = ParseMasterKey(*text);
    if (!parsed.ok()) return parsed.status();
    if (key.ok() && !(*key == *parsed)) {
      return InvalidMasterKey("is stored more than once with different values");
    }
    key = std::move(parsed);
  }
  if (!trusted || (key.ok() && *key == *trusted_key_)) return key;
  return VaultError(
      VaultState::kReplaced,
      {key.ok() ? "the keyring has another master key than the one that the broker uses"
                : "the keyring does not have the broker's master key any more"});
}

absl::Status KeyringVault::CheckKey(bool needed, Deadline deadline) {
  if (!trusted_key_.has_value()) {
    return needed ? VaultError(VaultState::kUnknown) : absl::OkStatus();
  }
  return ReadKey(deadline).status();
}

absl::StatusOr<SecretString> KeyringVault::MasterKey() {
  absl::StatusOr<SecretString> key = SecretString();
  const absl::Status status = OnThread([&](Deadline deadline) {
    key = ReadKey(deadline);
    return key.status();
  });
  if (!status.ok()) return status;
  return key;
}

absl::StatusOr<SecretString> KeyringVault::CreateMasterKey() {
  absl::Status lost = NothingDone("stored");
  for (int writes = 0;; ++writes) {
    absl::StatusOr<SecretString> key = MasterKey();
    if (!absl::IsNotFound(key.status())) return key;
    if (writes == kMaxWrites) return lost;
    std::string prompt;
    const absl::Status written = OnThread([&](Deadline deadline) {
      absl::StatusOr<std::string> created = CreateItem(
          AttributesOf(kKeyKind), absl::StrCat("billbroker master key ", options_.instance),
          NewMasterKey(), deadline.Leaving(kRereadShare));
      if (created.ok()) prompt = *std::move(created);
      return created.status();
    });
    if (!written.ok() && !AnswerLost(written)) return written;
    if (VaultStateOf(written) != VaultState::kReady) lost = written;
    if (prompt.empty()) continue;
    if (absl::Status confirmed = Confirm(prompt); !confirmed.ok()) return confirmed;
  }
}

void KeyringVault::TrustMasterKey(const SecretString& key) {
  (void)thread_.Run(Deadline::After(absl::Hours(1)), [&](Deadline) { trusted_key_ = key.Clone(); });
}

absl::Status KeyringVault::Probe() {
  absl::Status status = VaultError(VaultState::kTimedOut);
  const bool ran = thread_.Run(Deadline::After(options_.probe_timeout), [&](Deadline deadline) {
    status = items_->Probe(deadline);
    if (status.ok()) status = CheckKey(false, deadline);
    NoteChanges(deadline);
    MutexLock lock(mutex_);
    provider_ = items_->provider();
  });
  if (ran && VaultStateOf(status) == VaultState::kLocked) held_.DropAll();
  return status;
}

VaultProvider KeyringVault::provider() const {
  MutexLock lock(mutex_);
  return provider_;
}

// Most changes in a keyring belong to other programs.
void KeyringVault::NoteChanges(Deadline deadline) {
  const KeyringChanges changes = items_->TakeChanges();
  bool own = changes.provider;
  for (auto path = changes.items.begin(); path != changes.items.end() && !own; ++path) {
    const absl::StatusOr<ItemAttributes> attributes = items_->ReadAttributes(*path, deadline);
    // A removed item may have been a credential.
    own = !attributes.ok();
    if (own) break;
    const auto instance = attributes->find("instance");
    own = instance != attributes->end() && instance->second == options_.instance;
  }
  if (!own) return;
  held_.DropAll();
  changed_elsewhere_ = true;
}

// A session path that belongs to another client gives secrets that are not documents, so a document
// that cannot be parsed is read again in a new session.
absl::StatusOr<CredentialPtr> KeyringVault::ReadParsed(absl::string_view name,
                                                       const std::string& path,
                                                       SecretString& document, Deadline deadline) {
  for (int reads = 1;; ++reads) {
    absl::StatusOr<SecretString> read = items_->ReadSecret(path, deadline);
    if (VaultStateOf(read.status()) == VaultState::kLocked) {
      return VaultError(
          VaultState::kLocked,
          {.what = absl::StrCat("the keyring's item of credential \"", name, "\" is locked"),
           .program = items_->provider().program});
    }
    if (!read.ok()) return read.status();
    absl::StatusOr<CredentialPtr> credential = ReadDocument(name, *read);
    document = *std::move(read);
    if (credential.ok() || reads == kMaxReads) return credential;
    items_->RenewSession();
  }
}

KeyringVault::StoredOr KeyringVault::Read(absl::string_view name, Deadline deadline) {
  for (int reads = 1;; ++reads) {
    absl::StatusOr<std::vector<std::string>> paths =
        items_->Find(AttributesOfCredential(name), deadline);
    if (!paths.ok()) return paths.status();
    if (paths->empty()) return absl::optional<Stored>();
    Stored stored;
    absl::Status status;
    for (const std::string& path : *paths) {
      SecretString document;
      absl::StatusOr<CredentialPtr> credential = ReadParsed(name, path, document, deadline);
      status = credential.status();
      if (!status.ok()) break;
      if (!stored.paths.empty() && !(stored.document == document)) return MoreThanOnce(name);
      stored = {std::move(stored.paths), std::move(document), *std::move(credential)};
      stored.paths.push_back(path);
    }
    if (status.ok()) return absl::optional<Stored>(std::move(stored));
    if (!absl::IsNotFound(status)) return status;
    if (reads == kMaxReads) return NotReturned(name);  // otherwise it was removed since: look again
  }
}

absl::Status KeyringVault::Write(absl::string_view name, const Change& change) {
  const std::unique_lock<std::timed_mutex> turn(writers_,
                                                absl::ToChronoMilliseconds(options_.call_timeout));
  if (!turn.owns_lock()) {
    return VaultError(VaultState::kNeedsConfirmation,
                      {"another change waits for a person to confirm it", "try again later"});
  }
  std::string prompt;
  absl::Status status = OnThread([&](Deadline deadline) {
    absl::StatusOr<std::string> written = TryWrite(name, change, deadline);
    if (!written.ok()) return written.status();
    prompt = *std::move(written);
    return absl::OkStatus();
  });
  if (!status.ok() || prompt.empty()) return status;
  const absl::Status confirmed = Confirm(prompt);
  StoredOr stored = absl::optional<Stored>();
  status = OnThread([&](Deadline deadline) {
    held_.Drop(name);
    stored = Read(name, deadline);
    return stored.status();
  });
  if (status.ok() && change.done(*stored)) return absl::OkStatus();
  if (status.ok()) status = change.allowed(*stored);
  if (!status.ok() && VaultStateOf(status) == VaultState::kReady) return status;
  return WithUnknownOutcome(confirmed.ok() ? NothingDone(change.verb) : confirmed);
}

absl::Status KeyringVault::Confirm(const std::string& prompt) {
  if (!prompts_allowed_) {
    (void)OnThread([&](Deadline) {
      items_->DismissPrompt(prompt);
      return absl::OkStatus();
    });
    return VaultError(VaultState::kNeedsConfirmation, {.program = provider().program});
  }
  const auto answered = std::make_shared<std::promise<bool>>();
  std::future<bool> answer = answered->get_future();
  const absl::Status shown = OnThread([&](Deadline deadline) {
    return items_->ShowPrompt(
        prompt, [answered](bool dismissed) { answered->set_value(dismissed); }, deadline);
  });
  if (!shown.ok())
    return absl::IsNotFound(shown) ? VaultError(VaultState::kNeedsConfirmation) : shown;
  // Not on the keyring's thread: other calls go on.
  if (answer.wait_for(absl::ToChronoMilliseconds(options_.prompt_timeout)) !=
      std::future_status::ready) {
    (void)OnThread([&](Deadline) {
      items_->DismissPrompt(prompt);
      return absl::OkStatus();
    });
    return VaultError(VaultState::kNeedsConfirmation,
                      {absl::StrCat("nobody confirmed the change in the Secret Service within ",
                                    absl::FormatDuration(options_.prompt_timeout))});
  }
  if (!answer.get()) return absl::OkStatus();
  return VaultError(VaultState::kNeedsConfirmation,
                    {"a person refused the change in the Secret Service"});
}

absl::StatusOr<std::string> KeyringVault::TryWrite(absl::string_view name, const Change& change,
                                                   Deadline deadline) {
  if (absl::Status key = CheckKey(true, deadline); !key.ok()) return key;
  held_.Drop(name);
  absl::Status lost;  // the error of a write that may have been done
  int max_writes = kMaxWrites;
  for (int writes = 0;; ++writes) {
    const StoredOr stored = Read(name, deadline);
    if (!stored.ok() && writes == 0) return stored.status();
    if (!stored.ok()) return WithUnknownOutcome(lost.ok() ? stored.status() : lost);
    if (writes > 0 && change.done(*stored)) return std::string();
    if (absl::Status allowed = change.allowed(*stored); !allowed.ok()) return allowed;
    if (writes == 0 && stored->has_value()) {
      max_writes += static_cast<int>((*stored)->paths.size()) - 1;  // removes the duplicates
    }
    if (writes == max_writes) {
      return lost.ok() ? NothingDone(change.verb) : WithUnknownOutcome(lost);
    }
    FaultPoint("vault.before_write");
    absl::StatusOr<std::string> written = change.write(*stored, deadline.Leaving(kRereadShare));
    FaultPoint("vault.written");
    if (written.ok() && !written->empty()) return written;
    if (!written.ok() && !AnswerLost(written.status())) return written.status();
    if (!written.ok()) {
      lost = VaultStateOf(written.status()) != VaultState::kReady
                 ? written.status()
                 : VaultError(VaultState::kNoProvider);
    }
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

absl::StatusOr<std::string> KeyringVault::CreateItem(ItemAttributes attributes,
                                                     absl::string_view label,
                                                     const SecretString& secret,
                                                     Deadline deadline) {
  attributes.emplace("xdg:schema", "com.billbroker.Credential");
  return items_->Create(attributes, std::string(label), secret, deadline);
}

}  // namespace billbroker

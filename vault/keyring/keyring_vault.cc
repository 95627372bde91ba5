#include "vault/keyring/keyring_vault.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "vault/base/error.h"
#include "vault/base/fault_point.h"
#include "vault/document.h"
#include "vault/keyring/item_attributes.h"
#include "vault/keyring/secret_service_items.h"

namespace billbroker {
namespace {

// The part of a write's time that is reserved for reading it back.
constexpr double kRereadShare = 0.25;
constexpr int kMaxWrites = 2;
// If this many documents of one read are not returned in time, the whole keyring counts as not
// answering. The first figure applies until one document was returned.
constexpr int kMaxFirstSilent = 3;
constexpr int kMaxSilent = 10;

absl::Duration Now() { return absl::Microseconds(g_get_monotonic_time()); }

bool AnswerLost(const absl::Status& status) {
  return HasReason(status, Reason::kVaultUnreachable) || absl::IsNotFound(status);
}

// `verb`: "stored" or "deleted".
absl::Status NothingDone(absl::string_view verb) {
  return VaultError(VaultState::kFailing,
                    {absl::StrCat("the keyring answered OK and ", verb, " nothing"),
                     "see whether its disk is full or read-only, and repeat the change"});
}

absl::Status NotFoundAgain() {
  return VaultError(VaultState::kFailing,
                    {"the keyring answered OK, and does not list the changed item",
                     "wait until the keyring lists it before you repeat the change"});
}

absl::StatusOr<NewItem> OfPrompt(absl::StatusOr<std::string> prompt) {
  if (!prompt.ok()) return prompt.status();
  return NewItem{{}, *std::move(prompt)};
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

absl::Status CheckUid(const Credential& credential) {
  return credential.uid.empty() ? Malformed("uid", "is empty") : absl::OkStatus();
}

}  // namespace

// A change of the item of one name. Each function receives the item that is stored now.
struct KeyringVault::Change {
  std::function<absl::Status(const absl::optional<StoredDocument>&)> allowed;
  std::function<bool(const absl::optional<StoredDocument>&)> done;
  // Returns the prompt that the write waits for, and the item if it is new.
  std::function<absl::StatusOr<NewItem>(const absl::optional<StoredDocument>&, Deadline)> write;
  absl::string_view verb = "stored";
};

// The writes of one change: one for each item of the name, and a repetition of a lost one.
struct KeyringVault::Progress {
  int writes = 0;
  int max_writes = kMaxWrites;
  bool prompted = false;
  absl::Status lost;         // the error of a write that may have been done
  bool object_gone = false;  // the last write found no such item
  std::string created;       // the new item
};

absl::StatusOr<std::unique_ptr<KeyringVault>> KeyringVault::Create(KeyringOptions options) {
  const absl::Status status = ValidateCredentialName(options.instance, "instance");
  if (!status.ok()) return status;
  auto items = std::make_unique<SecretServiceItems>(options.allow_plain_transfer);
  return std::make_unique<KeyringVault>(std::move(options), std::move(items));
}

KeyringVault::KeyringVault(KeyringOptions options, std::unique_ptr<ItemStore> items)
    : options_(std::move(options)),
      held_(options_.hold_time),
      items_(std::move(items)),
      key_(options_.instance, *items_),
      documents_(options_.instance, *items_),
      prompt_(options_.call_timeout, options_.prompt_timeout, thread_, *items_) {}

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
    StoredOr stored = documents_.Read(name, deadline);
    if (!stored.ok()) return stored.status();
    if (!stored->has_value()) {
      absl::Status key = key_.Check(false, deadline);
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
    if (absl::Status key = key_.Check(false, deadline); !key.ok()) return key;
    absl::StatusOr<std::vector<std::string>> found = documents_.FindAll(deadline);
    if (!found.ok()) return found.status();
    paths = *std::move(found);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  DocumentsByName by_name;
  status = ReadEach(paths, by_name);
  if (!status.ok()) return status;
  // The keyring may have been locked, lost or replaced meanwhile, so that documents were missed.
  status = OnThread([this](Deadline deadline) {
    absl::Status probed = items_->Probe(deadline);
    return probed.ok() ? key_.Check(false, deadline) : probed;
  });
  if (!status.ok()) return status;
  return ToContents(by_name);
}

absl::Status KeyringVault::ReadEach(const std::vector<std::string>& paths,
                                    DocumentsByName& by_name) {
  int silent = 0;
  bool any_read = false;
  for (const std::string& path : paths) {
    std::string name = CredentialNameIn({}, path);
    absl::StatusOr<CredentialPtr> read;
    // One job for each document, so that a sign-in waits for one document and not for all.
    const absl::Status status = OnThread([&](Deadline deadline) {
      read = documents_.ReadAt(path, name, deadline);
      return read.status();
    });
    if (absl::IsNotFound(status)) continue;  // deleted meanwhile
    any_read = any_read || status.ok();
    if (VaultStateOf(status) == VaultState::kTimedOut) ++silent;
    const bool all_silent = silent == (any_read ? kMaxSilent : kMaxFirstSilent);
    if (!status.ok() && (!IsOfOneDocument(status) || all_silent)) return status;
    if (!status.ok()) read = status;
    AddDocument(name, std::move(read), by_name);
  }
  return absl::OkStatus();
}

absl::Status KeyringVault::Create(const Credential& credential) {
  absl::Status status = ValidateCredential(credential);
  if (status.ok()) status = CheckUid(credential);
  if (!status.ok()) return status;
  const SecretString document = WriteDocument(credential);
  return Write(credential.name,
               {[&](const absl::optional<StoredDocument>& stored) {
                  return stored.has_value() ? CredentialExists(credential.name) : absl::OkStatus();
                },
                [&](const absl::optional<StoredDocument>& stored) {
                  return stored.has_value() && stored->document == document;
                },
                [&](const absl::optional<StoredDocument>& /*stored*/, Deadline until) {
                  return items_->Create(
                      WithSchema(AttributesOfCredential(options_.instance, credential.name)),
                      absl::StrCat("billbroker credential ", credential.name), document, until);
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
  return Write(next.name,
               {[&](const absl::optional<StoredDocument>& stored) {
                  if (!stored.has_value()) return UnknownCredential(next.name);
                  const Credential& current = *stored->credential;
                  const bool follows = current.uid == next.uid && current.version == version;
                  return follows ? absl::OkStatus() : VersionConflict(next.name);
                },
                [&](const absl::optional<StoredDocument>& stored) {
                  return stored.has_value() && stored->document == document;
                },
                [&](const absl::optional<StoredDocument>& stored, Deadline until) {
                  // Equal duplicates go first: with another document they would not be
                  // equal any more.
                  if (stored->paths.size() > 1) {
                    return OfPrompt(items_->Remove(stored->paths.back(), until));
                  }
                  return OfPrompt(items_->Overwrite(stored->paths.front(), document, until));
                }});
}

absl::Status KeyringVault::Delete(absl::string_view name, absl::string_view uid,
                                  std::uint64_t version) {
  return Write(name,
               {[&](const absl::optional<StoredDocument>& stored) {
                  if (!stored.has_value()) return UnknownCredential(name);
                  const Credential& current = *stored->credential;
                  const bool same = current.uid == uid && current.version == version;
                  return same ? absl::OkStatus() : VersionConflict(name);
                },
                [&](const absl::optional<StoredDocument>& stored) { return !stored.has_value(); },
                [&](const absl::optional<StoredDocument>& stored, Deadline until) {
                  return OfPrompt(items_->Remove(stored->paths.back(), until));
                },
                "deleted"});
}

absl::StatusOr<SecretString> KeyringVault::MasterKey() {
  absl::StatusOr<SecretString> key = SecretString();
  const absl::Status status = OnThread([&](Deadline deadline) {
    key = key_.Read(deadline);
    return key.status();
  });
  if (!status.ok()) return status;
  return key;
}

absl::StatusOr<SecretString> KeyringVault::CreateMasterKey() {
  absl::Status lost = NothingDone("stored");
  // A repeated write stores the same key: if both arrive, the copies are equal.
  const SecretString text = KeyringKey::MakeText();
  NewItem item;
  for (int writes = 0;; ++writes) {
    absl::StatusOr<SecretString> key = MasterKey();
    if (!absl::IsNotFound(key.status())) return key;
    if (writes == kMaxWrites) return lost;
    bool unlisted = false;
    const absl::Status written = OnThread([&](Deadline deadline) {
      unlisted = IsStored(item.path, deadline);
      if (unlisted) return absl::OkStatus();
      absl::StatusOr<NewItem> created = key_.Create(text, deadline.Leaving(kRereadShare));
      if (!created.ok()) return created.status();
      item = *std::move(created);
      return absl::OkStatus();
    });
    if (unlisted) return WithUnknownOutcome(NotFoundAgain());
    if (!written.ok() && !AnswerLost(written)) return written;
    if (VaultStateOf(written) != VaultState::kReady) lost = WithUnknownOutcome(written);
    if (item.prompt.empty()) continue;
    if (absl::Status confirmed = prompt_.Confirm(item.prompt); !confirmed.ok()) {
      lost = WithUnknownOutcome(confirmed);
    }
    writes = kMaxWrites - 1;  // read back, without another prompt
  }
}

void KeyringVault::TrustMasterKey(const SecretString& key) {
  (void)thread_.Run(Deadline::After(absl::Hours(1)), [&](Deadline) { key_.Trust(key); });
}

absl::Status KeyringVault::Probe() {
  absl::Status status = VaultError(VaultState::kTimedOut);
  // The job under way may read an item that is not returned: this is not a fault of the keyring.
  const bool ran = thread_.RunNext(Deadline::After(options_.call_timeout), [&](Deadline) {
    const Deadline deadline = Deadline::After(options_.probe_timeout);
    status = items_->Probe(deadline);
    if (status.ok()) status = key_.Check(false, deadline);
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

absl::Status KeyringVault::Write(absl::string_view name, const Change& change) {
  if (!turns_.Begin(name, options_.call_timeout)) {
    return VaultError(VaultState::kNeedsConfirmation,
                      {"another change of the credential is not finished; it may wait for a person "
                       "to confirm it",
                       "try again later"});
  }
  const absl::Cleanup end_turn = [this, name] { turns_.End(name); };
  Progress progress;
  while (true) {
    std::string prompt;
    const absl::Status status = OnThread([&](Deadline deadline) {
      absl::StatusOr<std::string> written = TryWrite(name, change, progress, deadline);
      if (!written.ok()) return written.status();
      prompt = *std::move(written);
      return absl::OkStatus();
    });
    if (!status.ok() || prompt.empty()) return status;
    // A confirmed write is not repeated: the person would be asked again for the same item.
    if (!std::exchange(progress.prompted, true)) progress.max_writes -= kMaxWrites - 1;
    if (absl::Status confirmed = prompt_.Confirm(prompt); !confirmed.ok()) {
      progress.lost = std::move(confirmed);
      progress.max_writes = progress.writes;
    }
  }
}

absl::StatusOr<std::string> KeyringVault::TryWrite(absl::string_view name, const Change& change,
                                                   Progress& progress, Deadline deadline) {
  held_.Drop(name);
  while (true) {
    const StoredOr stored = ReadForWrite(name, progress, deadline);
    if (!stored.ok()) return stored.status();
    if (progress.writes > 0 && change.done(*stored)) return std::string();
    if (absl::Status allowed = change.allowed(*stored); !allowed.ok()) {
      const bool vanished = progress.writes > 0 && !stored->has_value() && !progress.object_gone;
      return vanished ? WithUnknownOutcome(progress.lost.ok() ? NotFoundAgain() : progress.lost)
                      : allowed;
    }
    if (progress.writes == 0 && stored->has_value()) {
      progress.max_writes += static_cast<int>((*stored)->paths.size()) - 1;
    }
    if (!stored->has_value() && IsStored(progress.created, deadline)) {
      return WithUnknownOutcome(NotFoundAgain());
    }
    if (progress.writes >= progress.max_writes) return GiveUp(change, progress);
    FaultPoint("vault.before_write");
    const absl::StatusOr<NewItem> written = change.write(*stored, deadline.Leaving(kRereadShare));
    FaultPoint("vault.written");
    ++progress.writes;
    progress.object_gone = absl::IsNotFound(written.status());
    progress.created = written.ok() ? written->path : "";
    if (written.ok() && !written->prompt.empty()) return written->prompt;
    if (!written.ok() && !AnswerLost(written.status())) return written.status();
    if (!written.ok()) {
      progress.lost = progress.object_gone ? VaultError(VaultState::kNoProvider) : written.status();
    }
  }
}

// The key is checked after each read: if another provider took over since, its keyring is not the
// broker's own. A search may miss an item once, so an item that a write went to is searched twice.
KeyringVault::StoredOr KeyringVault::ReadForWrite(absl::string_view name, const Progress& progress,
                                                  Deadline deadline) {
  StoredOr stored = documents_.Read(name, deadline);
  if (progress.writes > 0 && stored.ok() && !stored->has_value()) {
    stored = documents_.Read(name, deadline);
  }
  absl::Status status = stored.status();
  if (status.ok()) status = key_.Check(true, deadline);
  if (status.ok()) return stored;
  if (progress.writes == 0) return status;
  return WithUnknownOutcome(progress.lost.ok() ? status : progress.lost);
}

bool KeyringVault::IsStored(const std::string& path, Deadline deadline) {
  return !path.empty() && items_->ReadAttributes(path, deadline).ok();
}

absl::Status KeyringVault::GiveUp(const Change& change, const Progress& progress) {
  if (progress.lost.ok() && !progress.prompted) return NothingDone(change.verb);
  return WithUnknownOutcome(progress.lost.ok() ? NothingDone(change.verb) : progress.lost);
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

}  // namespace billbroker

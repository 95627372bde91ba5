// Directory: which credential serves which organization, and everything of a credential that may be
// shown.
//
// It holds no secret, lives in memory and answers while the keyring is locked. VaultSync fills it;
// whoever changes a credential tells it at once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "vault/base/mutex.h"
#include "vault/credential.h"
#include "vault/fingerprint.h"
#include "vault/vault.h"

namespace billbroker {

// A credential without its secrets. Immutable; shared because readers keep it beyond the lock.
struct CredentialInfo {
  std::string name;
  std::string uid;
  std::uint64_t version = 0;
  std::string environment;
  CredentialKind kind = CredentialKind::kUser;
  std::string username;
  std::string folded_username;  // FoldUserName() of it
  bool sync_token = false;
  std::string device;
  absl::Time remember_me_time = absl::InfinitePast();  // as Credential's
  std::map<std::string, std::string, std::less<>>
      fingerprints;  // field ("dev_key", "password", …) -> fingerprint
  std::map<std::string, std::string, std::less<>>
      organizations;  // id -> fingerprint of its own devKey, or empty
  std::map<std::string, std::string, std::less<>>
      user_ids;  // kPartner: organization's id -> id of the user to sign in as
  // Fingerprint of the user secret (password or consoleApiToken) in the context of environment and
  // user name: what a quarantine is keyed by.
  std::string user_secret_id;
  absl::Time create_time;
  absl::Time update_time;
  // A rotation that is stored and not in force.
  struct Pending {
    std::string id;
    std::string organization_id;
    std::string principal;
    std::vector<std::string> fields;
    absl::Time time;
  };
  absl::optional<Pending> pending;
  // A line of history; `revertible`: what it replaced is kept.
  struct Past {
    std::uint64_t version = 0;
    PastChangeKind kind = PastChangeKind::kRotated;
    std::string principal;
    absl::Time time;
    std::vector<std::string> fields;
    std::string bill_code;
    bool revertible = false;
    bool end_sessions = false;
  };
  std::vector<Past> history;  // newest first
  // Sessions that an older version signed in are void: a compromise was answered.
  std::uint64_t sessions_ended_version = 0;

  // Fingerprint of the rememberMeId; empty where there is none.
  [[nodiscard]] absl::string_view RememberMeFingerprint() const;

  // When BILL stops taking it; nullopt where there is none, or none of known age.
  [[nodiscard]] absl::optional<absl::Time> RememberMeEnd() const;

  // Fingerprint of the devKey that serves `organization_id`.
  [[nodiscard]] const std::string& DevKeyIdFor(absl::string_view organization_id) const;
};

using CredentialInfoPtr = std::shared_ptr<const CredentialInfo>;

// Told after each change, without a lock held, on the thread that made it.
class DirectoryObserver {
 public:
  virtual ~DirectoryObserver() = default;
  // `before` is null for a new credential, `after` is null for one that is gone. Its uid may have
  // changed.
  virtual void CredentialChanged(const CredentialInfoPtr& before,
                                 const CredentialInfoPtr& after) = 0;
};

struct DirectoryCounts {
  int credentials = 0;
  int organizations = 0;  // each once, however many credentials serve it
};

// Thread-safe.
class Directory final {
 public:
  // `observer` may be null and is borrowed; set before the first change.
  void SetObserver(DirectoryObserver* observer) { observer_ = observer; }

  // The credential that serves `organization_id`: the one named, or the only one where `credential`
  // is empty.
  //
  // Errors: UNKNOWN_ORGANIZATION, UNKNOWN_CREDENTIAL, AMBIGUOUS_CREDENTIAL (metadata
  // "credentials"); before the directory is complete, an absence is VaultError() of the vault's
  // last state and not "unknown".
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Find(absl::string_view organization_id,
                                                       absl::string_view credential) const;

  // All that serve it, known so far; empty where none does.
  [[nodiscard]] std::vector<CredentialInfoPtr> Serving(absl::string_view organization_id) const;

  // By name. UNKNOWN_CREDENTIAL; VAULT_DOCUMENT_INVALID where a broken document has that name;
  // VaultError() before the directory is complete.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Get(absl::string_view name) const;

  // All, ordered by name.
  [[nodiscard]] std::vector<CredentialInfoPtr> List() const;

  // Returns how many there are, in constant time.
  [[nodiscard]] DirectoryCounts Counts() const;

  // The credential that a BILL user of an environment belongs to; null where none. User names are
  // compared by FoldUserName().
  [[nodiscard]] CredentialInfoPtr FindUser(absl::string_view environment,
                                           absl::string_view username) const;

  // A credential was stored or read. An older version of the same uid than the known one is
  // ignored; one of the same version may have another rotation staged, of which nobody is told.
  void Put(CredentialInfoPtr info);
  // A credential was deleted; ignored where `uid` is not the known one's.
  void Remove(absl::string_view name, absl::string_view uid);
  // Replaces everything by what the vault holds, and is complete from then on.
  void Reset(const std::vector<CredentialInfoPtr>& all, std::vector<std::string> invalid_documents);
  // The same, unless something changed since changes() was `if_changes`: what was read before that
  // change may lack it. Returns whether it did.
  bool ResetIf(std::uint64_t if_changes, const std::vector<CredentialInfoPtr>& all,
               std::vector<std::string> invalid_documents);
  // Grows with every change that Put(), Remove() and Reset() made.
  [[nodiscard]] std::uint64_t changes() const;

  // BILL said whether it takes the rememberMeId of `tried`. Returns whether that it does not is
  // news. Lives in memory only.
  bool NoteTrust(const CredentialInfo& tried, bool trusted, absl::Time now);
  // Since when BILL does not take the rememberMeId that `credential` has; nullopt where it did the
  // last time, or was not asked.
  [[nodiscard]] absl::optional<absl::Time> TrustRefusedSince(
      const CredentialInfo& credential) const;

  // The outcome of a write is unknown: what is known may be old until all is read again, which
  // VaultSync does. TakeDoubt() returns whether somebody doubted since it was last asked.
  void Doubt();
  [[nodiscard]] bool TakeDoubt();

  [[nodiscard]] bool complete() const;
  [[nodiscard]] std::vector<std::string> invalid_documents() const;
  [[nodiscard]] VaultState vault_state() const;
  void set_vault_state(VaultState state);

 private:
  using Changes = std::vector<std::pair<CredentialInfoPtr, CredentialInfoPtr>>;  // before, after

  absl::Status Absent(absl::Status status) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<CredentialInfoPtr> GetLocked(absl::string_view name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Changes ResetLocked(const std::vector<CredentialInfoPtr>& all,
                      std::vector<std::string> invalid_documents)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Tell(const Changes& changes) const;
  void Index(const CredentialInfoPtr& info) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unindex(const CredentialInfo& info) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  DirectoryObserver* observer_ = nullptr;
  mutable Mutex mutex_;
  std::map<std::string, CredentialInfoPtr, std::less<>> by_name_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::vector<CredentialInfoPtr>> by_organization_
      ABSL_GUARDED_BY(mutex_);
  bool complete_ ABSL_GUARDED_BY(mutex_) = false;
  bool in_doubt_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> invalid_documents_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  // uid and fingerprint of a rememberMeId -> since when BILL does not take it.
  absl::flat_hash_map<std::string, absl::Time> trust_refused_ ABSL_GUARDED_BY(mutex_);
  VaultState vault_state_ ABSL_GUARDED_BY(mutex_) = VaultState::kUnknown;
};

// AMBIGUOUS_CREDENTIAL of the credentials `serving`, which are two or more.
[[nodiscard]] absl::Status AmbiguousCredential(absl::string_view organization_id,
                                               const std::vector<CredentialInfoPtr>& serving);

// What may be shown of `credential`.
[[nodiscard]] CredentialInfoPtr InfoOf(const Credential& credential,
                                       const Fingerprinter& fingerprinter);

}  // namespace billbroker

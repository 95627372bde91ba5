// CredentialIndex: which credential serves which organization.
//
// It holds no secret, lives in memory and answers while the keyring is locked. VaultSync fills it;
// a change of a credential updates it at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vault/base/mutex.h"
#include "vault/credential_info.h"
#include "vault/vault_health.h"

namespace billbroker {

// Receives each change, without a lock held, on the thread that made it.
class CredentialObserver {
 public:
  virtual ~CredentialObserver() = default;
  // Receives a change. `before` is null for a new credential, `after` is null for a deleted one.
  // The uids differ if another credential took the name.
  virtual void CredentialChanged(const CredentialInfoPtr& before,
                                 const CredentialInfoPtr& after) = 0;
};

struct CredentialCounts {
  int credentials = 0;
  int organizations = 0;  // each once, even if several credentials serve it
};

// Thread-safe.
class CredentialIndex final {
 public:
  // Borrows `health`, which explains why a credential was not read yet.
  explicit CredentialIndex(const VaultHealth& health) : health_(health) {}

  // Borrows `observer`, which may be null. Set it before the first change.
  void SetObserver(CredentialObserver* observer) { observer_ = observer; }

  // Returns the credential that serves `organization_id`: the credential called `credential`, or
  // the only one if that is empty.
  //
  // Errors:
  //   UNKNOWN_ORGANIZATION    no credential, or not this one, serves the organization
  //   UNKNOWN_CREDENTIAL      no credential has this name
  //   AMBIGUOUS_CREDENTIAL    several credentials serve it; their names are in "credentials"
  //   VAULT_DOCUMENT_INVALID  in place of the first two, if the document of a credential that may
  //                           serve it cannot be read and never could
  //   VAULT_LOCKED, VAULT_UNREACHABLE  in place of the first two, before everything was read, or
  //                           while credentials are missing; see SetMissing()
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Find(absl::string_view organization_id,
                                                       absl::string_view credential) const;

  // Returns all credentials that serve the organization, as far as they were read.
  [[nodiscard]] std::vector<CredentialInfoPtr> Serving(absl::string_view organization_id) const;

  // Returns the credential called `name`.
  //
  // Errors: UNKNOWN_CREDENTIAL; VAULT_DOCUMENT_INVALID if a broken document has that name;
  // VAULT_LOCKED, VAULT_UNREACHABLE before everything was read, or while credentials are missing.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Get(absl::string_view name) const;

  // Returns all credentials, ordered by name.
  [[nodiscard]] std::vector<CredentialInfoPtr> List() const;

  // Returns how many there are, in constant time.
  [[nodiscard]] CredentialCounts Counts() const;

  // Returns the credential that a BILL user of an environment belongs to; null if there is none.
  // User names are compared by FoldUserName().
  [[nodiscard]] CredentialInfoPtr FindUser(absl::string_view environment,
                                           absl::string_view username) const;

  // Adds or replaces a credential that was stored or read. Ignores an older version of the same
  // uid. The same version may have another staged rotation, which is not reported.
  void Put(CredentialInfoPtr info);
  // Removes a deleted credential. Ignored if the known one has another uid.
  void Remove(absl::string_view name, absl::string_view uid);
  // Replaces everything by the contents of the vault. The index is complete from then on. `all` may
  // have a credential of an invalid document, as it was last read.
  void Reset(const std::vector<CredentialInfoPtr>& all,
             std::vector<InvalidDocument> invalid_documents);
  // Resets likewise, unless something changed since changes() was `if_changes`: the contents may
  // have been read before that change. Returns whether it did.
  bool ResetIf(std::uint64_t if_changes, const std::vector<CredentialInfoPtr>& all,
               std::vector<InvalidDocument> invalid_documents);
  // Returns a number that grows with every change of Put(), Remove() and Reset().
  [[nodiscard]] std::uint64_t changes() const;

  // Sets the organizations whose credentials were known before the last restart and were not found
  // since: organization id -> uid of the credential. While there are any, a name or an organization
  // that is not in the index may belong to one of these credentials.
  void SetMissing(absl::flat_hash_map<std::string, std::string> missing);

  // Returns how often everything was read.
  [[nodiscard]] std::uint64_t reads() const;

  [[nodiscard]] bool complete() const;
  // Returns VaultHealth::NotRead() unless complete().
  [[nodiscard]] absl::Status CheckComplete() const;
  // Returns the stored documents that are not valid credentials, or cannot be read, by name.
  [[nodiscard]] std::vector<InvalidDocument> invalid_documents() const;

 private:
  using Changes = std::vector<std::pair<CredentialInfoPtr, CredentialInfoPtr>>;  // before, after

  // Returns the error of an organization or a credential that is not in the index.
  absl::Status Absent(const absl::Status& status) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AbsentOrganization(absl::string_view organization_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<CredentialInfoPtr> GetLocked(absl::string_view name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Changes ResetLocked(const std::vector<CredentialInfoPtr>& all,
                      std::vector<InvalidDocument> invalid_documents)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Notify(const Changes& changes) const;
  void Index(const CredentialInfoPtr& info) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unindex(const CredentialInfo& info) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const VaultHealth& health_;
  CredentialObserver* observer_ = nullptr;
  mutable Mutex mutex_;
  std::map<std::string, CredentialInfoPtr, std::less<>> by_name_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::vector<CredentialInfoPtr>> by_organization_
      ABSL_GUARDED_BY(mutex_);
  bool complete_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<InvalidDocument> invalid_documents_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t reads_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, std::string> missing_ ABSL_GUARDED_BY(mutex_);
};

// Returns AMBIGUOUS_CREDENTIAL. `serving` has at least two credentials.
[[nodiscard]] absl::Status AmbiguousCredential(absl::string_view organization_id,
                                               const std::vector<CredentialInfoPtr>& serving);

}  // namespace billbroker

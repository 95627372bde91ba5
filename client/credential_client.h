// CredentialClient: creates, shows, changes and deletes the broker's credentials.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "billbroker/v1/credential.pb.h"
#include "client/channel.h"
#include "vault/base/secret_string.h"

namespace billbroker {

struct NewOrganization {
  std::string id;
  SecretString dev_key;      // empty if the credential's is used
  std::string user_id = {};  // partners: BILL's id of the user to sign in as
};

// A request to create a credential. The broker checks the rules of CreateCredential in
// proto/billbroker/v1/credential.proto; the client only checks that all texts are UTF-8.
struct NewCredential {
  std::string name;
  std::string environment;
  v1::CredentialKind kind = v1::CREDENTIAL_KIND_USER;
  std::string username;
  bool sync_token = false;
  SecretString dev_key;
  SecretString password;           // users and partners
  SecretString console_api_token;  // consoles
  SecretString app_key;            // partners
  SecretString remember_me_id;     // together with `device`, or both empty
  std::string device;
  std::vector<NewOrganization> organizations;
};

// The new values of a rotation. A field that is not set keeps its value. An empty `dev_key` or
// `remember_me_id` removes the stored one; other fields must not be empty.
struct CredentialRotation {
  absl::optional<std::string> username;
  absl::optional<SecretString> dev_key;
  absl::optional<SecretString> password;
  absl::optional<SecretString> console_api_token;
  absl::optional<SecretString> app_key;
  absl::optional<SecretString> remember_me_id;  // together with `device`
  absl::optional<std::string> device;
  // New devKeys of attached organizations. An empty `dev_key` removes the organization's own one.
  // The broker refuses a `user_id` here: Attach() changes it.
  std::vector<NewOrganization> organizations;
};

struct ProofOptions {
  std::string organization_id = {};  // its sign-in is the proof; empty for the first one
  bool verify = true;                // false: takes effect without proof
  bool end_sessions = false;         // after a compromise: ends every session of the credential
};

// The version of a credential that a change applies to, as Get() returned it.
struct CredentialTarget {
  std::string name;
  std::string uid;
  std::uint64_t version = 0;
};

[[nodiscard]] CredentialTarget VersionOf(const v1::Credential& credential);

// Thread-safe, blocking. Fails like SessionClient. A change of a credential that was
// changed by someone else since Get() fails with VERSION_CONFLICT. If the Secret Service asks
// a person to confirm a change, it fails with VAULT_LOCKED unless ClientOptions::allow_prompt is
// set.
class CredentialClient final {
 public:
  explicit CredentialClient(std::shared_ptr<grpc::Channel> channel,
                            const ClientOptions& options = {});
  ~CredentialClient();

  [[nodiscard]] absl::StatusOr<v1::Credential> Create(const NewCredential& credential);
  [[nodiscard]] absl::StatusOr<v1::Credential> Get(absl::string_view name);
  // Returns all credentials, ordered by name, without their organizations.
  [[nodiscard]] absl::StatusOr<std::vector<v1::Credential>> List();
  // Calls the RPC of the same name, as the next three do. They take as long as a sign-in: set
  // `call_timeout` accordingly. If Rotate() leaves a rotation pending, it fails with
  // ROTATION_PENDING and metadata "rotation_id".
  [[nodiscard]] absl::StatusOr<v1::Credential> Rotate(const CredentialTarget& version,
                                                      const CredentialRotation& rotation,
                                                      const ProofOptions& options = {});
  [[nodiscard]] absl::StatusOr<v1::Credential> Rollback(const CredentialTarget& version,
                                                        const ProofOptions& options = {});
  [[nodiscard]] absl::StatusOr<v1::Credential> ResumeRotation(const CredentialTarget& version,
                                                              absl::string_view rotation_id);
  [[nodiscard]] absl::StatusOr<v1::Credential> CancelRotation(const CredentialTarget& version,
                                                              absl::string_view rotation_id);
  // Returns the progress of the version in effect.
  [[nodiscard]] absl::StatusOr<v1::GetRotationProgressResponse> Progress(absl::string_view name);
  // Returns OK if BILL accepts the secrets in effect. An empty `organization_id` means the first
  // one.
  [[nodiscard]] absl::Status Verify(const CredentialTarget& version,
                                    absl::string_view organization_id = "");
  // Fails with SESSIONS_LIVE if there are live sessions, unless `force` is set: then they are
  // logged out once the keyring has deleted the credential.
  [[nodiscard]] absl::Status Delete(const CredentialTarget& version, bool force);
  // Returns the credential after the change, as Detach() does.
  [[nodiscard]] absl::StatusOr<v1::Credential> Attach(
      const CredentialTarget& version, const std::vector<NewOrganization>& organizations);
  [[nodiscard]] absl::StatusOr<v1::Credential> Detach(
      const CredentialTarget& version, const std::vector<std::string>& organization_ids);
  // Returns the organizations that the credential's user may sign in to at BILL, ordered by id. The
  // request uses a session of `organization_id`; if that is empty, the broker chooses one.
  [[nodiscard]] absl::StatusOr<std::vector<v1::DiscoveredOrganization>> Discover(
      absl::string_view name, absl::string_view organization_id = "");

  // Returns the losses that AdoptKeyring() would cause, with the text to confirm them with.
  [[nodiscard]] absl::StatusOr<v1::AdoptKeyringResponse> PreviewAdoption();
  // Calls the RPC of the same name. Fails with NOT_ADOPTABLE if the keyring is not replaced.
  [[nodiscard]] absl::StatusOr<v1::AdoptKeyringResponse> AdoptKeyring(
      absl::string_view confirmation);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker

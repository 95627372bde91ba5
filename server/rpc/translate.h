// Conversion of the results of other modules to proto messages.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <array>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/session.pb.h"
#include "server/access/policy.h"
#include "server/credentials/organization_discovery.h"
#include "server/session/session.h"
#include "server/session/session_manager.h"
#include "vault/credential_index.h"
#include "vault/remember_me_refusals.h"
#include "vault/vault_health.h"

namespace billbroker {

// The fields of google.protobuf.Timestamp and of Duration.
struct SecondsAndNanos {
  std::int64_t seconds;
  std::int32_t nanos;
};

[[nodiscard]] SecondsAndNanos PartsOf(absl::Time time);
[[nodiscard]] google::protobuf::Timestamp ToTimestamp(absl::Time time);

// Returns the remaining time of the session at `since_boot`. It is always positive.
[[nodiscard]] SecondsAndNanos RemainingOf(const Session& session, absl::Duration since_boot);

// The optional secrets of a session. The session id is always returned.
struct SessionSecrets {
  bool dev_key = false;
  bool headers = false;

  [[nodiscard]] bool any() const { return dev_key || headers; }
};

// Returns the secrets that `request` includes. `Request` has the fields include_dev_key and
// include_headers.
template <typename Request>
[[nodiscard]] SessionSecrets SecretsOf(const Request& request) {
  return {request.include_dev_key(), request.include_headers()};
}

// A header of a call to BILL. Its views point into the session.
struct HeaderView {
  absl::string_view name;
  absl::string_view value;
};

// Returns the headers of a call with `session`, in the order in which they are sent.
[[nodiscard]] std::array<HeaderView, 2> HeadersOf(const Session& session);

// Fills `proto` with the session: always the session id, other secrets as in `secrets`.
// `since_boot` is the present Clock::SinceBoot().
void FillSession(const Session& session, const SessionSecrets& secrets, absl::Duration since_boot,
                 v1::Session& proto);

// Fills `proto`, without any secret.
void FillEntry(const SlotInfo& pair, v1::SessionEntry& proto);

// Fills `proto`, without any secret. Counts the organizations, and adds them only if
// `include_organizations` is set. `refusals` has the time since which BILL refuses its
// rememberMeId, if it does.
void FillCredential(const CredentialInfo& info, const RememberMeRefusals& refusals,
                    bool include_organizations, v1::Credential& proto);

void FillStepUps(const std::vector<StepUpOutcome>& outcomes, v1::StepUpCounts& proto);

void FillDiscovered(const OrganizationDiscovery::Found& found,
                    v1::DiscoverOrganizationsResponse& proto);

// Fills the state of the keyring and the facts that were read from it. Names only granted
// credentials.
void FillVaultStatus(const VaultHealth& health, const CredentialIndex& credentials,
                     const Grants& grants, v1::VaultStatus& proto);

void FillBudget(const DevKeyUse& budget, const Clock& clock, v1::LoginBudget& proto);

// Fills the state of the rememberMeIds. `now` is wall-clock time.
void FillMfaStatus(const CredentialIndex& credentials, const RememberMeRefusals& refusals,
                   absl::Time now, v1::MfaStatus& proto);

void FillStoreStatus(const StoreStatus& status, v1::StoreStatus& proto);
void FillCounts(const SessionCounts& counts, v1::SessionCounts& proto);

}  // namespace billbroker

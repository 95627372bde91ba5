// What the rooms to the left say, as proto messages.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/time/time.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/session.pb.h"
#include "server/access/policy.h"
#include "server/credentials/organization_discovery.h"
#include "server/session/engine.h"
#include "server/session/session.h"
#include "vault/directory.h"

namespace billbroker {

// The fields of google.protobuf.Timestamp and of Duration.
struct SecondsAndNanos {
  std::int64_t seconds;
  std::int32_t nanos;
};

[[nodiscard]] SecondsAndNanos PartsOf(absl::Time time);
[[nodiscard]] google::protobuf::Timestamp ToTimestamp(absl::Time time);

// What the session has left at `since_boot`; positive.
[[nodiscard]] SecondsAndNanos RemainingOf(const Session& session, absl::Duration since_boot);

// Fills `proto` with the session, its secrets included; the devKey only where asked.
// `since_boot` is now on Clock::SinceBoot().
void FillSession(const Session& session, bool include_dev_key, absl::Duration since_boot,
                 v1::Session& proto);

// Holds no secret.
void FillEntry(const PairInfo& pair, v1::SessionEntry& proto);

// Holds no secret; the organizations themselves only where asked, their count always.
void FillCredential(const CredentialInfo& info, bool include_organizations, v1::Credential& proto);

// Since when BILL does not take the rememberMeId; nothing where it does.
void FillTrust(const absl::optional<absl::Time>& refused_since, v1::Credential& proto);

void FillStepUps(const std::vector<StepUpOutcome>& outcomes, v1::StepUpCounts& proto);

void FillDiscovered(const OrganizationDiscovery::Found& found,
                    v1::DiscoverOrganizationsResponse& proto);

// The state of the keyring and of what has been read from it; names only what is granted.
void FillVaultStatus(const Directory& directory, const Grants& grants, v1::VaultStatus& proto);

void FillBudget(const LoginGovernor::Budget& budget, const Clock& clock, v1::LoginBudget& proto);

// `now` is the wall clock's.
void FillMfaStatus(const Directory& directory, absl::Time now, v1::MfaStatus& proto);

void FillCounts(const EngineCounts& counts, v1::SessionCounts& proto);

}  // namespace billbroker

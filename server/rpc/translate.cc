#include "server/rpc/translate.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// The enums of the rooms are ordered as the proto's, which have UNSPECIFIED before them.
template <typename Proto, typename Ours>
Proto Same(Ours value) {
  return static_cast<Proto>(static_cast<int>(value) + 1);
}
static_assert(v1::SESSION_STATE_QUEUED == static_cast<int>(SlotState::kQueued) + 1);
static_assert(v1::STORE_STATE_MEMORY_ONLY == static_cast<int>(StoreState::kMemoryOnly) + 1);
static_assert(v1::STORE_STATE_NOT_ANSWERING == static_cast<int>(StoreState::kNotAnswering) + 1);
static_assert(v1::VAULT_STATE_KEY_INVALID == static_cast<int>(VaultState::kKeyInvalid) + 1);
static_assert(v1::REASON_CONNECTION_AGED == static_cast<int>(Reason::kConnectionAged) + 1);
static_assert(v1::CREDENTIAL_EVENT_DETACHED == static_cast<int>(PastChangeKind::kDetached) + 1);
static_assert(v1::CREDENTIAL_KIND_PARTNER == static_cast<int>(CredentialKind::kPartner) + 1);

v1::Quarantine ToQuarantine(const QuarantineEntry& entry) {
  v1::Quarantine proto;
  proto.set_reason(Same<v1::Reason>(entry.reason));
  proto.set_bill_code(entry.bill_code);
  *proto.mutable_start_time() = ToTimestamp(entry.since);
  if (entry.until.has_value()) *proto.mutable_end_time() = ToTimestamp(*entry.until);
  return proto;
}

void FillPending(const CredentialInfo::Pending& pending, v1::PendingRotation& proto) {
  proto.set_rotation_id(pending.id);
  proto.set_organization_id(pending.organization_id);
  for (const std::string& field : pending.fields) proto.add_fields(field);
  proto.set_principal(pending.principal);
  *proto.mutable_create_time() = ToTimestamp(pending.time);
}

void FillPast(const CredentialInfo::Past& past, v1::CredentialHistoryEntry& proto) {
  proto.set_version(past.version);
  proto.set_event(Same<v1::CredentialEvent>(past.kind));
  for (const std::string& field : past.fields) proto.add_fields(field);
  proto.set_principal(past.principal);
  *proto.mutable_event_time() = ToTimestamp(past.time);
  proto.set_bill_code(past.bill_code);
  proto.set_revertible(past.revertible);
  proto.set_sessions_ended(past.end_sessions);
}

template <typename Proto>
Proto Fill(const SecondsAndNanos& parts) {
  Proto proto;
  proto.set_seconds(parts.seconds);
  proto.set_nanos(parts.nanos);
  return proto;
}

}  // namespace

SecondsAndNanos PartsOf(absl::Time time) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  const absl::Duration rest = time - absl::FromUnixSeconds(seconds);
  return {seconds, static_cast<std::int32_t>(absl::ToInt64Nanoseconds(rest))};
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return Fill<google::protobuf::Timestamp>(PartsOf(time));
}

SecondsAndNanos RemainingOf(const Session& session, absl::Duration since_boot) {
  // The deadline may pass between the session manager's look and this one.
  absl::Duration remaining = std::max(session.deadline - since_boot, absl::Nanoseconds(1));
  const std::int64_t seconds = absl::IDivDuration(remaining, absl::Seconds(1), &remaining);
  return {seconds, static_cast<std::int32_t>(absl::ToInt64Nanoseconds(remaining))};
}

std::array<HeaderView, 2> HeadersOf(const Session& session) {
  return {{{"sessionId", session.keys.session_id->Reveal()},
           {"devKey", session.keys.dev_key->Reveal()}}};
}

void FillSession(const Session& session, const SessionSecrets& secrets, absl::Duration since_boot,
                 v1::Session& proto) {
  const absl::string_view session_id = session.keys.session_id->Reveal();
  proto.set_session_id(session_id.data(), session_id.size());
  if (secrets.dev_key) {
    const absl::string_view dev_key = session.keys.dev_key->Reveal();
    proto.set_dev_key(dev_key.data(), dev_key.size());
  }
  proto.set_dev_key_id(session.dev_key_id);
  proto.set_organization_id(session.organization_id);
  proto.set_credential(session.credential);
  proto.set_user_id(session.user_id);
  proto.set_base_url(session.base_url);
  proto.set_trusted(session.trusted);
  proto.set_generation(session.generation);
  *proto.mutable_sign_in_time() = ToTimestamp(session.sign_in_time);
  *proto.mutable_verify_time() = ToTimestamp(session.verified_time);
  *proto.mutable_expire_time() = ToTimestamp(session.expire_time);
  *proto.mutable_remaining() = Fill<google::protobuf::Duration>(RemainingOf(session, since_boot));
  if (!secrets.headers) return;
  for (const HeaderView& header : HeadersOf(session)) {
    v1::Header& to = *proto.add_headers();
    to.set_name(header.name.data(), header.name.size());
    to.set_value(header.value.data(), header.value.size());
  }
}

void FillEntry(const SlotInfo& pair, v1::SessionEntry& proto) {
  proto.set_organization_id(pair.organization_id);
  proto.set_credential(pair.credential);
  proto.set_state(Same<v1::SessionState>(pair.state));
  proto.set_generation(pair.generation);
  proto.set_waiting_caller_count(pair.waiting_callers);
  proto.set_sign_in_count(pair.sign_ins);
  if (pair.session != nullptr) {
    proto.set_user_id(pair.session->user_id);
    proto.set_trusted(pair.session->trusted);
    *proto.mutable_sign_in_time() = ToTimestamp(pair.session->sign_in_time);
    *proto.mutable_verify_time() = ToTimestamp(pair.session->verified_time);
    *proto.mutable_expire_time() = ToTimestamp(pair.session->expire_time);
  }
  if (pair.retry_time.has_value()) *proto.mutable_retry_time() = ToTimestamp(*pair.retry_time);
  if (pair.quarantine.has_value()) *proto.mutable_quarantine() = ToQuarantine(*pair.quarantine);
}

void FillCredential(const CredentialInfo& info, const RememberMeRefusals& refusals,
                    bool include_organizations, v1::Credential& proto) {
  proto.set_name(info.name);
  proto.set_uid(info.uid);
  proto.set_version(info.version);
  proto.set_environment(info.environment);
  proto.set_kind(Same<v1::CredentialKind>(info.kind));
  proto.set_username(info.username);
  proto.set_sync_token(info.sync_token);
  proto.set_device(info.device);
  for (const auto& [field, fingerprint] : info.fingerprints) {
    v1::SecretFingerprint& secret = *proto.add_secrets();
    secret.set_field(field);
    secret.set_fingerprint(fingerprint);
  }
  proto.set_organization_count(static_cast<int>(info.organizations.size()));
  if (include_organizations) {
    for (const auto& [id, dev_key_id] : info.organizations) {
      v1::Organization& organization = *proto.add_organizations();
      organization.set_organization_id(id);
      organization.set_dev_key_id(dev_key_id);
      const auto user_id = info.user_ids.find(id);
      if (user_id != info.user_ids.end()) organization.set_user_id(user_id->second);
    }
  }
  *proto.mutable_create_time() = ToTimestamp(info.create_time);
  *proto.mutable_update_time() = ToTimestamp(info.update_time);
  if (const absl::optional<absl::Time> end = info.RememberMeEnd(); end.has_value()) {
    *proto.mutable_remember_me_create_time() = ToTimestamp(info.remember_me_time);
    *proto.mutable_remember_me_expire_time() = ToTimestamp(*end);
  }
  if (const auto refused = refusals.FindRefusalTime(info); refused.has_value()) {
    *proto.mutable_remember_me_refuse_time() = ToTimestamp(*refused);
  }
  if (info.pending.has_value()) FillPending(*info.pending, *proto.mutable_pending_rotation());
  if (!include_organizations) return;
  for (const CredentialInfo::Past& past : info.history) FillPast(past, *proto.add_history());
}

void FillStepUps(const std::vector<StepUpOutcome>& outcomes, v1::StepUpCounts& proto) {
  const auto count = [&outcomes](StepUpOutcome outcome) {
    return static_cast<int>(std::count(outcomes.begin(), outcomes.end(), outcome));
  };
  proto.set_trusted_count(count(StepUpOutcome::kTrusted));
  proto.set_refused_count(count(StepUpOutcome::kNotTaken));
  proto.set_failed_count(count(StepUpOutcome::kFailed));
}

void FillDiscovered(const OrganizationDiscovery::Found& found,
                    v1::DiscoverOrganizationsResponse& proto) {
  for (const DiscoveredOrganization& each : found) {
    v1::DiscoveredOrganization& organization = *proto.add_organizations();
    organization.set_organization_id(each.id);
    organization.set_display_name(each.name);
    organization.set_attached(each.attached);
  }
}

void FillVaultStatus(const VaultHealth& health, const CredentialIndex& credentials,
                     const Grants& grants, v1::VaultStatus& proto) {
  const absl::Status status = health.status();
  proto.set_state(Same<v1::VaultState>(VaultStateOf(status)));
  VaultFinding finding = VaultFindingOf(status);
  proto.set_detail(std::move(finding.what));
  proto.set_fix(std::move(finding.fix));
  const VaultProvider provider = health.provider();
  proto.set_bus_address(provider.bus_address);
  proto.set_provider(provider.program);
  proto.set_provider_process_id(provider.process_id);
  proto.set_transfer_encryption(provider.encryption);
  proto.set_all_credentials_read(credentials.complete());
  const CredentialCounts counts = credentials.Counts();
  proto.set_credential_count(counts.credentials);
  proto.set_organization_count(counts.organizations);
  for (const InvalidDocument& document : credentials.invalid_documents()) {
    if (!grants.CoversCredential(Role::kOperator, document.name)) continue;
    proto.add_invalid_documents(document.name);
  }
}

void FillMfaStatus(const CredentialIndex& credentials, const RememberMeRefusals& refusals,
                   absl::Time now, v1::MfaStatus& proto) {
  for (const CredentialInfoPtr& info : credentials.List()) {
    if (info->RememberMeFingerprint().empty()) continue;
    proto.set_remembered_count(proto.remembered_count() + 1);
    if (refusals.FindRefusalTime(*info).has_value())
      proto.set_refused_count(proto.refused_count() + 1);
    const absl::optional<absl::Time> end = info->RememberMeEnd();
    if (!end.has_value()) continue;
    if (*end <= now) {
      proto.set_expired_count(proto.expired_count() + 1);
    } else if (*end - now <= kRememberMeNotice) {
      proto.set_expiring_count(proto.expiring_count() + 1);
    }
  }
}

void FillStoreStatus(const StoreStatus& status, v1::StoreStatus& proto) {
  proto.set_state(Same<v1::StoreState>(status.state));
  proto.set_file(status.file);
  proto.set_message(status.why);
  *proto.mutable_since_time() = ToTimestamp(status.since);
  if (status.next_try.has_value()) *proto.mutable_next_try_time() = ToTimestamp(*status.next_try);
}

void FillCounts(const SessionCounts& counts, v1::SessionCounts& proto) {
  proto.set_live_count(counts.live);
  proto.set_signing_in_count(counts.signing_in);
  proto.set_quarantined_count(counts.quarantined);
  proto.set_sign_in_count(counts.sign_ins);
  proto.set_failed_sign_in_count(counts.failed_sign_ins);
  proto.set_queued_count(counts.queued);
}

void FillBudget(const DevKeyUse& budget, const Clock& clock, v1::LoginBudget& proto) {
  proto.set_environment(budget.dev_key.environment);
  proto.set_dev_key_id(budget.dev_key.dev_key_id);
  proto.set_limit(budget.limit);
  proto.set_used_count(budget.used);
  proto.set_queued_count(budget.queued);
  const absl::Duration suspended = budget.suspended_until - clock.SinceBoot();
  if (suspended > absl::ZeroDuration()) {
    *proto.mutable_rate_limit_end_time() = ToTimestamp(clock.Now() + suspended);
  }
}

}  // namespace billbroker

#include "server/credentials/mfa_manager.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/credentials/await.h"
#include "server/credentials/bill_question.h"
#include "server/session/failed_read.h"
#include "vault/base/error.h"
#include "vault/fingerprint.h"

namespace billbroker {
namespace {

constexpr char kDevice[] = "billbroker";

// The time for which a rememberMeId is kept that the keyring did not store.
constexpr absl::Duration kKept = absl::Hours(1);

// The expiry of a challenge that is over, also while a call still holds it.
const absl::Duration kEnded = -absl::InfiniteDuration();

// The longest wait for step-ups. They go on afterwards, while the next caller has its turn.
constexpr absl::Duration kLongestWait = absl::Seconds(15);

// After this time, every sign-in has ended that was sent before a rememberMeId was stored.
constexpr absl::Duration kSignInsEnd = absl::Minutes(2);

absl::Status NotOpen() {
  return Malformed("challenge_id",
                   absl::StrCat("is none that is open: one lives for ",
                                absl::FormatDuration(MfaManager::kChallengeLifetime),
                                ", not beyond a restart of the broker, and until the next one of "
                                "its credential; start again"));
}

struct StoredTrust {
  CredentialPtr credential;  // with a rememberMeId
  CredentialInfoPtr info;
};

// Fails with MFA_REQUIRED if no rememberMeId is stored.
absl::StatusOr<StoredTrust> LoadTrust(Vault& vault, const std::string& credential) {
  const absl::StatusOr<CredentialPtr> stored = vault.Load(credential);
  if (!stored.ok()) return stored.status();
  if ((*stored)->remember_me_id.empty()) {
    return MakeError(
        {Reason::kMfaRequired, absl::nullopt, {{"credential", credential}}},
        absl::StrCat("credential \"", credential,
                     "\" has no rememberMeId; run 'billbroker mfa renew ", credential, "'"));
  }
  const absl::StatusOr<SecretString> master_key = vault.MasterKey();
  if (!master_key.ok()) return master_key.status();
  return StoredTrust{*stored, InfoOf(**stored, Fingerprinter(*master_key))};
}

// Steps up the sessions that were signed in meanwhile without the rememberMeId. Loads it again, so
// that it is not held in memory until then.
void StepUpStored(Vault& vault, SessionManager& sessions, const CredentialInfo& renewed) {
  const absl::StatusOr<StoredTrust> stored = LoadTrust(vault, renewed.name);
  if (!stored.ok() || stored->info->uid != renewed.uid) return;
  sessions.StepUp(stored->info, stored->credential->remember_me_id.Clone(),
                  stored->credential->device, [](const std::vector<StepUpOutcome>&) {});
}

}  // namespace

absl::StatusOr<OpenChallenge> MfaManager::StartChallenge(const std::string& credential,
                                                         const std::string& organization_id,
                                                         const std::string& principal,
                                                         absl::Duration patience,
                                                         const CausePtr& cause) {
  const NamedLocks::Hold turn(turns_, credential);
  const absl::StatusOr<CredentialInfoPtr> info = parts_.credentials.Get(credential);
  if (!info.ok()) return info.status();
  if ((*info)->sync_token) {
    return Malformed("credential", "signs in with a sync token, and BILL allows those no MFA");
  }
  absl::StatusOr<std::string> chosen = organization_id;
  if (organization_id.empty()) chosen = ChooseOrganization(**info, parts_.sessions);
  if (!chosen.ok()) return chosen.status();

  SessionDemand demand;
  demand.patience = patience;
  demand.principal = principal;
  demand.cause = cause;
  while (true) {
    const auto session = Await<absl::StatusOr<SessionPtr>>([&](SessionManager::SessionDone done) {
      parts_.sessions.GetSession(*chosen, credential, demand, std::move(done));
    });
    if (!session.ok()) return session.status();
    auto sent = Await<BillResult<MfaChallenge>>([&](BillApi::Done<MfaChallenge> done) {
      parts_.bill.StartMfaChallenge((*session)->keys, std::move(done));
    });
    if (sent.ok()) {
      std::string id = parts_.random.Uid();
      const std::shared_ptr<Challenge> challenge(
          new Challenge{{credential, (*info)->uid},
                        *chosen,
                        *session,
                        std::move(sent.value().id),
                        absl::nullopt,
                        (*info)->device.empty() ? kDevice : (*info)->device});
      MutexLock lock(mutex_);
      DropExpired();
      std::erase_if(challenges_,
                    [&](const auto& each) { return each.second.credential == credential; });
      challenges_.emplace(id, Entry{challenge, credential, principal,
                                    parts_.clock.SinceBoot() + kChallengeLifetime});
      return OpenChallenge{std::move(id), *chosen, parts_.clock.Now() + kChallengeLifetime};
    }
    // A session that died because it was in use elsewhere is replaced once.
    const bool died = sent.error().verdict == Verdict::kSessionInvalid;
    if (!died || demand.stale_generation != 0) {
      return RefusedByBill(sent.error(), {credential, *chosen, true}, "sends no code for the user",
                           parts_.clock.Now(), parts_.random);
    }
    demand.stale_generation = (*session)->generation;
  }
}

absl::optional<std::string> MfaManager::CredentialOf(const std::string& challenge_id,
                                                     const std::string& principal) {
  const std::shared_ptr<Challenge> challenge = Find(challenge_id, principal);
  if (challenge == nullptr) return absl::nullopt;
  return challenge->credential.name;
}

std::shared_ptr<MfaManager::Challenge> MfaManager::Find(const std::string& id,
                                                        const std::string& principal) {
  MutexLock lock(mutex_);
  DropExpired();
  const auto found = challenges_.find(id);
  if (found == challenges_.end() || found->second.principal != principal) return nullptr;
  return found->second.challenge;
}

absl::StatusOr<MfaRenewal> MfaManager::CompleteChallenge(const std::string& challenge_id,
                                                         SecretString code,
                                                         const std::string& device,
                                                         const std::string& principal,
                                                         Prompts prompts) {
  const absl::optional<std::string> credential = CredentialOf(challenge_id, principal);
  if (!credential.has_value()) return NotOpen();
  const NamedLocks::Hold turn(turns_, *credential);
  const std::shared_ptr<Challenge> challenge = Find(challenge_id, principal);
  if (challenge == nullptr) return NotOpen();  // ended while another call had its turn
  if (!challenge->passed.has_value()) {
    absl::Status status = Validate(challenge_id, *challenge, std::move(code), device);
    if (!status.ok()) return status;
  }
  absl::StatusOr<CredentialInfoPtr> stored = parts_.manager.RenewMfa(
      challenge->credential, challenge->passed->Clone(), challenge->device, principal, prompts);
  if (!stored.ok()) return stored.status();
  SetExpiry(challenge_id, kEnded);

  MfaRenewal renewal{*stored, StepUpAll(*stored, *challenge->passed, challenge->device)};
  const auto not_taken =
      std::find(renewal.sessions.begin(), renewal.sessions.end(), StepUpOutcome::kNotTaken);
  // BILL may accept a new rememberMeId only with a sign-in. One sign-in tests this.
  if (not_taken != renewal.sessions.end() && SignInTrusted(*challenge, principal)) {
    *not_taken = StepUpOutcome::kTrusted;
  }
  parts_.executor.RunAfter(
      kSignInsEnd, [&vault = parts_.vault, &sessions = parts_.sessions,
                    renewed = *std::move(stored)] { StepUpStored(vault, sessions, *renewed); });
  return renewal;
}

bool MfaManager::SignInTrusted(const Challenge& challenge, const std::string& principal) {
  LoginDemand demand;
  demand.force = SignInForce::kOperator;
  demand.principal = principal;
  const auto login = Await<absl::StatusOr<LoginOutcome>>([&](SessionManager::LoginDone signed_in) {
    parts_.sessions.Login(challenge.organization_id, challenge.credential.name, demand,
                          std::move(signed_in));
  });
  return login.ok() && login->session->trusted;
}

void MfaManager::DropExpired() {
  const absl::Duration now = parts_.clock.SinceBoot();
  std::erase_if(challenges_, [now](const auto& each) {
    const Entry& entry = each.second;
    const bool in_use = entry.challenge.use_count() > 1;  // BILL may be about to accept its code
    return entry.expires == kEnded || (entry.expires <= now && !in_use);
  });
}

void MfaManager::SetExpiry(const std::string& id, absl::Duration expires) {
  MutexLock lock(mutex_);
  const auto found = challenges_.find(id);
  if (found != challenges_.end()) found->second.expires = expires;
  DropExpired();
}

absl::Status MfaManager::Validate(const std::string& id, Challenge& challenge, SecretString code,
                                  const std::string& device) {
  if (!device.empty()) challenge.device = device;
  auto validated = Await<BillResult<MfaValidated>>([&](BillApi::Done<MfaValidated> done) {
    parts_.bill.ValidateMfaChallenge(challenge.session->keys,
                                     {challenge.bill_id.Clone(), std::move(code), challenge.device},
                                     std::move(done));
  });
  if (validated.ok()) {
    challenge.passed = std::move(validated.value().remember_me_id);
    SetExpiry(id, parts_.clock.SinceBoot() + kKept);
    return absl::OkStatus();
  }
  const BillError& error = validated.error();
  const bool over = error.verdict == Verdict::kSessionInvalid || error.code == "BDC_1358";
  if (over) SetExpiry(id, kEnded);
  return RefusedByBill(error, {challenge.credential.name, challenge.organization_id},
                       "does not take the code for the user", parts_.clock.Now(), parts_.random);
}

absl::StatusOr<std::vector<StepUpOutcome>> MfaManager::StepUp(const std::string& credential) {
  const NamedLocks::Hold turn(turns_, credential);
  const absl::StatusOr<StoredTrust> stored = LoadTrust(parts_.vault, credential);
  if (!stored.ok()) {
    return FailedRead(stored.status(), credential, parts_.credentials, parts_.vault_health);
  }
  return StepUpAll(stored->info, stored->credential->remember_me_id, stored->credential->device);
}

std::vector<StepUpOutcome> MfaManager::StepUpAll(const CredentialInfoPtr& credential,
                                                 const SecretString& remember_me_id,
                                                 const std::string& device) {
  std::promise<std::vector<StepUpOutcome>> promise;
  std::future<std::vector<StepUpOutcome>> outcomes = promise.get_future();
  const int asked = parts_.sessions.StepUp(
      credential, remember_me_id.Clone(), device,
      [promise = std::move(promise)](std::vector<StepUpOutcome> all) mutable {
        promise.set_value(std::move(all));
      });
  if (outcomes.wait_for(absl::ToChronoSeconds(kLongestWait)) == std::future_status::ready) {
    return outcomes.get();
  }
  return std::vector<StepUpOutcome>(static_cast<std::size_t>(asked), StepUpOutcome::kFailed);
}

}  // namespace billbroker

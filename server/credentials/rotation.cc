// The part of CredentialManager that replaces secrets: prove, then commit, always reversible.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/credentials/await.h"
#include "server/credentials/change_errors.h"
#include "server/credentials/credential_manager.h"
#include "server/credentials/history.h"
#include "vault/base/error.h"
#include "vault/base/fault_point.h"
#include "vault/credential_change.h"
#include "vault/fingerprint.h"
#include "vault/typed_text.h"

namespace billbroker {
namespace {

// Returns the credential as it will be once `change` is in effect.
Credential Successor(const Credential& current, const CredentialChange& change) {
  Credential next = current.Clone();
  Apply(change, next);
  next.staged.reset();
  ++next.version;
  return next;
}

std::string BillCodeOf(const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) return "";
  const auto code = details->metadata.find("bill_code");
  return code == details->metadata.end() ? "" : code->second;
}

}  // namespace

absl::StatusOr<CredentialInfoPtr> CredentialManager::Rotate(const CredentialVersion& target,
                                                            CredentialChange change,
                                                            const RotationOptions& options) {
  if (absl::Status typed = ValidateTypedTexts(change); !typed.ok()) return typed;
  const NamedLocks::Hold turn(turns_, target.name);
  const PromptScope scope(parts_.vault, options.prompts);
  absl::StatusOr<Credential> current = LoadForChange(target);
  if (HasReason(current.status(), Reason::kVersionConflict)) {
    CredentialInfoPtr made = FindRepeated(target, change, options);
    if (made != nullptr) return made;
  }
  if (!current.ok()) return current.status();
  std::sort(change.organizations.begin(), change.organizations.end(),
            [](const Organization& a, const Organization& b) { return a.id < b.id; });
  if (change.remember_me_id.has_value() && !change.remember_me_id->empty()) {
    change.remember_me_time = parts_.clock.Now();
  }
  return Change(*std::move(current), PastChangeKind::kRotated, std::move(change), options);
}

CredentialInfoPtr CredentialManager::FindRepeated(const CredentialVersion& target,
                                                  const CredentialChange& change,
                                                  const RotationOptions& options) const {
  const absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(target.name);
  if (!stored.ok() || (*stored)->uid != target.uid || (*stored)->version != target.version + 1 ||
      IsEmpty(change) || !IsInPlace(change, **stored)) {
    return nullptr;
  }
  // Without this check, any change by another caller would reveal whether a guessed secret is
  // right.
  const std::vector<PastChange>& history = (*stored)->history;
  const bool is_repeat = std::any_of(history.begin(), history.end(), [&](const PastChange& past) {
    return past.version == (*stored)->version && past.kind == PastChangeKind::kRotated &&
           past.principal == options.principal && past.fields == ChangedFields(change) &&
           past.end_sessions == options.end_sessions;
  });
  const absl::StatusOr<Fingerprinter> prints = Prints();
  return is_repeat && prints.ok() ? InfoOf(**stored, *prints) : nullptr;
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::Rollback(const CredentialVersion& target,
                                                              const RotationOptions& options) {
  const NamedLocks::Hold turn(turns_, target.name);
  const PromptScope scope(parts_.vault, options.prompts);
  absl::StatusOr<Credential> current = LoadForChange(target);
  if (!current.ok()) return current.status();
  const auto kept = std::find_if(current->history.begin(), current->history.end(),
                                 [](const PastChange& past) { return past.before.has_value(); });
  if (kept == current->history.end()) return NoPreviousVersion(*current);
  CredentialChange change = CloneOf(*kept->before);
  // An organization that was detached meanwhile stays detached.
  std::erase_if(change.organizations, [&current](const Organization& each) {
    return current->FindOrganization(each.id) == nullptr;
  });
  // A rememberMeId that was renewed meanwhile stays.
  const bool renewed = std::any_of(current->history.begin(), kept, [](const PastChange& past) {
    return past.kind == PastChangeKind::kMfaRenewed;
  });
  if (renewed) {
    change.remember_me_id.reset();
    change.device.reset();
  }
  if (IsEmpty(change)) return NoPreviousVersion(*current);
  return Change(*std::move(current), PastChangeKind::kRolledBack, std::move(change), options);
}

absl::Status CredentialManager::CheckChange(const Credential& current,
                                            const CredentialChange& change) const {
  if (IsEmpty(change)) return Malformed("request", "changes nothing; set the values to replace");
  for (std::size_t i = 0; i < change.organizations.size(); ++i) {
    const std::string& id = change.organizations[i].id;
    const std::string field = absl::StrCat("organizations[", i, "].organization_id");
    if (current.FindOrganization(id) == nullptr) {
      return Malformed(field, absl::StrCat("\"", id, "\" is not attached; attach it first"));
    }
    if (i > 0 && change.organizations[i - 1].id == id) {
      return Malformed(field, absl::StrCat("\"", id, "\" is named twice; name each once"));
    }
  }
  return ValidateCredential(Successor(current, change));
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::Change(Credential current, PastChangeKind kind,
                                                            CredentialChange change,
                                                            const RotationOptions& options) {
  if (current.staged.has_value()) {
    // It may have been stored after its answer was lost, so that the index does not have it.
    if (absl::Status told = TellDirectory(current); !told.ok()) return told;
    return RotationPending(current, "it was left so before");
  }
  if (absl::Status good = CheckChange(current, change); !good.ok()) return good;
  const absl::StatusOr<UserReservations::Hold> user =
      reservations_.Reserve(Successor(current, change));
  if (!user.ok()) return user.status();
  const absl::StatusOr<Fingerprinter> prints = Prints();
  if (!prints.ok()) return prints.status();
  StagedRotation staged = {parts_.random.Uid(),  kind,
                           std::move(change),    options.organization_id,
                           options.end_sessions, options.principal,
                           parts_.clock.Now()};
  if (!options.verify) return Commit(std::move(current), std::move(staged), *prints, nullptr);
  if (staged.organization_id.empty() && !current.organizations.empty()) {
    staged.organization_id = current.organizations.front().id;
  }
  if (current.FindOrganization(staged.organization_id) == nullptr) {
    return Malformed("organization_id",
                     "is none of the credential's, and a sign-in needs one to prove the change; "
                     "name one, or set skip_verification");
  }
  current.staged = std::move(staged);
  FaultPoint("rotation.before_staging");
  const absl::Status stored = Written(current.name, parts_.vault.Restage(current));
  if (!stored.ok()) return stored;
  FaultPoint("rotation.staged");
  parts_.credentials.Put(InfoOf(current, *prints));
  return ProveStaged(std::move(current), *prints, options);
}

ProbeResult CredentialManager::Probe(Credential candidate, const Fingerprinter& prints,
                                     ProbeRequest request) {
  request.info = InfoOf(candidate, prints);
  request.candidate = std::make_shared<const Credential>(std::move(candidate));
  return Await<ProbeResult>(
      [&](ProbeDone done) { parts_.sessions.Probe(std::move(request), std::move(done)); });
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::ProveStaged(Credential staged,
                                                                 const Fingerprinter& prints,
                                                                 const RotationOptions& options) {
  const StagedRotation& made = *staged.staged;
  ProbeRequest request;
  request.organization_id = made.organization_id;
  request.patience = options.patience;
  request.principal = options.principal;
  request.cause = options.cause;
  request.ignore_quarantine = made.kind == PastChangeKind::kRotated;
  FaultPoint("rotation.before_proof");
  const ProbeResult probed = Probe(Successor(staged, made.change), prints, std::move(request));
  FaultPoint("rotation.proved");
  if (probed.verdict == ProbeVerdict::kUnclear) {
    return RotationPending(staged, probed.status.message());
  }
  if (probed.verdict == ProbeVerdict::kAccepted) {
    StagedRotation proved = *std::move(staged.staged);
    return Commit(std::move(staged), std::move(proved), prints, probed.session);
  }
  absl::optional<PastChange> line;
  if (probed.verdict == ProbeVerdict::kRefused) {
    line = LineOf(staged, made, PastChangeKind::kRefused, parts_.clock.Now());
    line->bill_code = BillCodeOf(probed.status);
  }
  const absl::Status unstaged = Unstage(staged.Clone(), prints, std::move(line));
  if (!unstaged.ok()) {
    return RotationPending(staged, probed.status.message(), IsOutcomeUnknown(unstaged));
  }
  return NothingChanged(probed.status);
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::Commit(Credential current, StagedRotation made,
                                                            const Fingerprinter& prints,
                                                            const SessionPtr& session) {
  Credential next = Successor(current, made.change);
  next.update_time = parts_.clock.Now();
  if (made.kind == PastChangeKind::kRolledBack) {
    // The restored values are in effect again, so they no longer belong to an older version.
    const auto used = std::find_if(next.history.begin(), next.history.end(),
                                   [](const PastChange& past) { return past.before.has_value(); });
    if (used != next.history.end()) used->before.reset();
  }
  PastChange line = LineOf(next, made, made.kind, next.update_time);
  line.end_sessions = made.end_sessions;
  line.before = InverseOf(made.change, current);
  Remember(std::move(line), parts_.kept_versions, next);
  FaultPoint("rotation.before_commit");
  const absl::Status stored = Written(next.name, parts_.vault.Replace(next));
  FaultPoint("rotation.committed");
  if (!stored.ok()) {
    if (session == nullptr) return stored;
    parts_.sessions.DiscardProbed(session);
    const bool away =
        HasReason(stored, Reason::kVaultUnreachable) || HasReason(stored, Reason::kVaultLocked);
    if (!away) return stored;  // another process changed it
    current.staged = std::move(made);
    return RotationPending(current, stored.message(), IsOutcomeUnknown(stored));
  }
  CredentialInfoPtr info = InfoOf(next, prints);
  if (made.end_sessions) EndSessions(next.uid);
  // Also voids the sessions that were signed in meanwhile with the old secrets.
  parts_.credentials.Put(info);
  FaultPoint("rotation.before_adoption");
  if (session != nullptr) parts_.sessions.AdoptProbed(next.uid, session);
  FaultPoint("rotation.adopted");
  return info;
}

absl::Status CredentialManager::Unstage(Credential staged, const Fingerprinter& prints,
                                        absl::optional<PastChange> line) {
  staged.staged.reset();
  if (line.has_value()) Remember(*std::move(line), parts_.kept_versions, staged);
  FaultPoint("rotation.before_unstaging");
  const absl::Status stored = Written(staged.name, parts_.vault.Restage(staged));
  if (!stored.ok()) return stored;
  FaultPoint("rotation.unstaged");
  parts_.credentials.Put(InfoOf(staged, prints));
  return absl::OkStatus();
}

absl::StatusOr<Credential> CredentialManager::LoadStaged(const CredentialVersion& target,
                                                         const std::string& rotation_id) const {
  absl::StatusOr<Credential> current = LoadForChange(target);
  if (!current.ok()) return current;
  if (current->staged.has_value() && current->staged->id == rotation_id) return current;
  if (absl::Status told = TellDirectory(*current); !told.ok()) return told;
  const bool lost = !current->staged.has_value() && unknown_.Contains(target.name);
  return Malformed(
      "rotation_id",
      absl::StrCat("is not a rotation that credential \"", target.name, "\" has staged; ",
                   lost ? "its change was not stored, and the rotation may be repeated"
                        : "read the credential again"));
}

void CredentialManager::ReadAgain(const std::string& name) {
  const NamedLocks::Hold turn(turns_, name);
  if (!unknown_.Contains(name)) return;  // a later change was stored meanwhile
  const absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(name);
  if (stored.ok()) TellDirectory(**stored).IgnoreError();
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::ResumeRotation(
    const CredentialVersion& target, const std::string& rotation_id, absl::Duration patience,
    const std::string& principal, const CausePtr& cause, Prompts prompts) {
  const NamedLocks::Hold turn(turns_, target.name);
  const PromptScope scope(parts_.vault, prompts);
  absl::StatusOr<Credential> current = LoadStaged(target, rotation_id);
  if (!current.ok()) return current.status();
  if (absl::Status good = CheckChange(*current, current->staged->change); !good.ok()) return good;
  const absl::StatusOr<UserReservations::Hold> user =
      reservations_.Reserve(Successor(*current, current->staged->change));
  if (!user.ok()) return user.status();
  const absl::StatusOr<Fingerprinter> prints = Prints();
  if (!prints.ok()) return prints.status();
  return ProveStaged(*std::move(current), *prints,
                     {.principal = principal, .cause = cause, .patience = patience});
}

absl::StatusOr<CredentialInfoPtr> CredentialManager::CancelRotation(const CredentialVersion& target,
                                                                    const std::string& rotation_id,
                                                                    const std::string& principal,
                                                                    Prompts prompts) {
  const NamedLocks::Hold turn(turns_, target.name);
  const PromptScope scope(parts_.vault, prompts);
  absl::StatusOr<Credential> current = LoadStaged(target, rotation_id);
  if (!current.ok()) return current.status();
  const absl::StatusOr<Fingerprinter> prints = Prints();
  if (!prints.ok()) return prints.status();
  PastChange line =
      LineOf(*current, *current->staged, PastChangeKind::kCancelled, parts_.clock.Now());
  line.principal = principal;
  if (absl::Status status = Unstage(*std::move(current), *prints, std::move(line)); !status.ok()) {
    return status;
  }
  return parts_.credentials.Get(target.name);
}

absl::Status CredentialManager::Verify(const CredentialVersion& target,
                                       const std::string& organization_id, absl::Duration patience,
                                       const std::string& principal, const CausePtr& cause) {
  const NamedLocks::Hold turn(turns_, target.name);
  absl::StatusOr<Credential> current = LoadForChange(target);
  if (!current.ok()) return current.status();
  if (organization_id.empty() && current->organizations.empty()) {
    return Malformed("organization_id", "is missing: the credential has no organization to try");
  }
  ProbeRequest request;
  request.organization_id =
      organization_id.empty() ? current->organizations.front().id : organization_id;
  request.patience = patience;
  request.principal = principal;
  request.cause = cause;
  const absl::StatusOr<Fingerprinter> prints = Prints();
  if (!prints.ok()) return prints.status();
  const ProbeResult probed = Probe(*std::move(current), *prints, std::move(request));
  if (probed.session != nullptr) parts_.sessions.AdoptProbed(target.uid, probed.session);
  return probed.status;
}

}  // namespace billbroker

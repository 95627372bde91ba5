#include "vault/vault.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr char kStateKey[] = "vault_state";
constexpr char kFixKey[] = "fix";

struct StateRow {
  VaultState state;
  absl::string_view name;
  absl::string_view text;
  absl::string_view fix;
  // For KeePassXC and KWallet, which are started, unlocked and confirmed in other ways; an empty
  // fix means `fix`.
  absl::string_view keepassxc_fix = "";
  absl::string_view kwallet_fix = "";
};

// In the order of VaultState.
constexpr StateRow kStates[] = {
    {VaultState::kReady, "READY", "", ""},
    {VaultState::kLocked, "LOCKED", "the keyring is locked",
     "unlock the default keyring: sign in to the desktop, or run 'gnome-keyring-daemon --replace "
     "--unlock --components=secrets' on the broker's bus with the keyring's password, without a "
     "newline, on standard input",
     "unlock the database in KeePassXC", "open the wallet in KDE's wallet manager"},
    {VaultState::kNoBus, "NO_BUS", "there is no D-Bus session bus",
     "start the broker within one, for instance with dbus-run-session, or set "
     "DBUS_SESSION_BUS_ADDRESS"},
    {VaultState::kNoProvider, "NO_PROVIDER", "no Secret Service answers on the session bus",
     "start the program that keeps the broker's credentials, for gnome-keyring with "
     "'gnome-keyring-daemon --start --components=secrets'",
     "start KeePassXC and open its database; do not start another Secret Service, because "
     "KeePassXC "
     "then disables its own",
     "sign in to the desktop, or start KWallet on the broker's bus, and open the wallet"},
    {VaultState::kNoCollection, "NO_COLLECTION", "the Secret Service has no default keyring",
     "create one: run 'gnome-keyring-daemon --replace --unlock --components=secrets' on the "
     "broker's bus with a new password, without a newline, on standard input, or set a default "
     "keyring in Seahorse",
     "open a database in KeePassXC and expose a group of it: Database settings, Secret Service "
     "Integration",
     "create a wallet in KDE's wallet manager"},
    {VaultState::kTimedOut, "TIMED_OUT", "the Secret Service does not answer in time",
     "see whether it hangs (a stopped gnome-keyring-daemon, an open prompt) and restart it"},
    {VaultState::kUnknown, "UNKNOWN", "the keyring has not been read yet",
     "ask again in a moment; the broker's log has its state"},
    {VaultState::kNeedsConfirmation, "NEEDS_CONFIRMATION",
     "the Secret Service asks for a person to confirm the change",
     "repeat the change on the broker's machine with --allow-prompt, and confirm it if asked",
     "repeat it on the broker's machine with --allow-prompt, and confirm it in KeePassXC if asked",
     "open the wallet in KDE's wallet manager, and repeat the change with --allow-prompt"},
    {VaultState::kFailing, "FAILING", "the Secret Service answers with an error",
     "see its log, and restart it if the error stays"},
    {VaultState::kNotEncrypted, "NOT_ENCRYPTED",
     "the Secret Service transfers secrets only without encryption",
     "use another provider, or set [keyring] allow_plain_transfer = true: every process of this "
     "user that may watch the bus then sees the secrets"},
    {VaultState::kReplaced, "REPLACED",
     "the keyring does not have the master key that sealed the broker's files",
     "bring the keyring with the key back (the broker continues by itself), or give up the "
     "credentials and sessions under that key with 'billbroker keyring adopt', after a restart of "
     "billbrokerd if it had the key before"},
    {VaultState::kKeyInvalid, "KEY_INVALID", "the broker's master key in the keyring is damaged",
     "restore the item 'billbroker master key' from a backup of the keyring"},
};

absl::Status ErrorAbout(Reason reason, absl::string_view name, absl::string_view what) {
  return MakeError(ErrorDetails{reason, absl::nullopt, {{"credential", std::string(name)}}},
                   absl::StrCat("credential \"", name, "\" ", what));
}

const StateRow& RowOf(VaultState state) { return kStates[static_cast<int>(state)]; }

absl::string_view FixFor(const StateRow& row, absl::string_view program) {
  if (absl::StartsWith(program, "keepassxc") && !row.keepassxc_fix.empty()) {
    return row.keepassxc_fix;
  }
  const bool kwallet =
      absl::StartsWith(program, "kwalletd") || absl::StartsWith(program, "ksecretd");
  return kwallet && !row.kwallet_fix.empty() ? row.kwallet_fix : row.fix;
}

std::string MetadataOf(const absl::Status& status, const char* key) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) return "";
  const auto found = details->metadata.find(key);
  return found == details->metadata.end() ? "" : found->second;
}

}  // namespace

absl::string_view VaultStateName(VaultState state) { return RowOf(state).name; }

absl::Status VaultError(VaultState state, const VaultFinding& finding) {
  if (state == VaultState::kReady) std::abort();
  const StateRow& row = RowOf(state);
  const bool locked = state == VaultState::kLocked || state == VaultState::kNeedsConfirmation;
  const absl::string_view what = finding.what.empty() ? row.text : finding.what;
  const absl::string_view fix = finding.fix.empty() ? FixFor(row, finding.program) : finding.fix;
  return MakeError(ErrorDetails{locked ? Reason::kVaultLocked : Reason::kVaultUnreachable,
                                absl::nullopt,
                                {{kStateKey, std::string(row.name)}, {kFixKey, std::string(fix)}}},
                   absl::StrCat(what, "; ", fix));
}

absl::Status WithUnknownOutcome(const absl::Status& vault_error) {
  absl::optional<ErrorDetails> details = DetailsOf(vault_error);
  if (!details.has_value()) return vault_error;
  details->metadata["outcome"] = "unknown";
  return MakeError(*std::move(details), vault_error.message());
}

VaultState VaultStateOf(const absl::Status& status) {
  const std::string name = MetadataOf(status, kStateKey);
  for (const StateRow& row : kStates) {
    if (row.name == name) return row.state;
  }
  return VaultState::kReady;
}

VaultFinding VaultFindingOf(const absl::Status& status) {
  if (VaultStateOf(status) == VaultState::kReady) return {};
  const std::string fix = MetadataOf(status, kFixKey);
  const absl::string_view text = status.message();
  return {std::string(absl::StripSuffix(text, absl::StrCat("; ", fix))), fix};
}

absl::Status UnknownCredential(absl::string_view name) {
  return ErrorAbout(Reason::kUnknownCredential, name,
                    "does not exist; 'billbroker credential list' shows all credentials");
}

absl::Status CredentialExists(absl::string_view name) {
  return ErrorAbout(Reason::kCredentialExists, name,
                    "exists already; take another name, or delete it first");
}

absl::Status VersionConflict(absl::string_view name) {
  return ErrorAbout(Reason::kVersionConflict, name,
                    "was changed meanwhile; read it again and repeat the change");
}

}  // namespace billbroker

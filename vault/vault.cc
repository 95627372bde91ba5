#include "vault/vault.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr char kStateKey[] = "vault_state";

struct StateRow {
  VaultState state;
  absl::string_view name;
  absl::string_view what;
  absl::string_view fix;
};

// In the order of VaultState.
constexpr StateRow kStates[] = {
    {VaultState::kReady, "READY", "", ""},
    {VaultState::kLocked, "LOCKED", "the keyring is locked",
     "unlock the default keyring: sign in to the desktop, or end gnome-keyring-daemon and start it "
     "again with --unlock --components=secrets and the keyring's password on standard input"},
    {VaultState::kNoBus, "NO_BUS", "there is no D-Bus session bus",
     "start the broker within one, for instance with dbus-run-session, or set "
     "DBUS_SESSION_BUS_ADDRESS"},
    {VaultState::kNoProvider, "NO_PROVIDER", "no Secret Service answers on the session bus",
     "start one, for instance 'gnome-keyring-daemon --start --components=secrets'"},
    {VaultState::kNoCollection, "NO_COLLECTION", "the Secret Service has no default keyring",
     "create one: start gnome-keyring-daemon with --unlock and a new password on standard input, "
     "or "
     "set a default keyring in Seahorse"},
    {VaultState::kTimedOut, "TIMED_OUT", "the Secret Service does not answer in time",
     "see whether it hangs (a stopped gnome-keyring-daemon, an open prompt) and restart it"},
    {VaultState::kUnknown, "UNKNOWN", "the keyring has not been read yet",
     "ask again in a moment; the broker's log has its state"},
};

absl::Status ErrorAbout(Reason reason, absl::string_view name, absl::string_view what) {
  return MakeError(ErrorDetails{reason, absl::nullopt, {{"credential", std::string(name)}}},
                   absl::StrCat("credential \"", name, "\" ", what));
}

const StateRow& RowOf(VaultState state) { return kStates[static_cast<int>(state)]; }

}  // namespace

absl::string_view VaultStateName(VaultState state) { return RowOf(state).name; }
absl::string_view VaultFix(VaultState state) { return RowOf(state).fix; }

absl::Status VaultError(VaultState state) {
  if (state == VaultState::kReady) std::abort();
  const StateRow& row = RowOf(state);
  return MakeError(
      ErrorDetails{state == VaultState::kLocked ? Reason::kVaultLocked : Reason::kVaultUnreachable,
                   absl::nullopt,
                   {{kStateKey, std::string(row.name)}}},
      absl::StrCat(row.what, "; ", row.fix));
}

VaultState VaultStateOf(const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) return VaultState::kReady;
  const auto name = details->metadata.find(kStateKey);
  if (name == details->metadata.end()) return VaultState::kReady;
  for (const StateRow& row : kStates) {
    if (row.name == name->second) return row.state;
  }
  return VaultState::kReady;
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

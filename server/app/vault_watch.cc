#include "server/app/vault_watch.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace billbroker {
namespace {

// Returns a list for the log: the first names are enough.
std::string ToText(const std::vector<std::string>& names) {
  constexpr std::size_t kMaxNames = 10;
  if (names.size() <= kMaxNames) return absl::StrJoin(names, ", ");
  const auto end = names.begin() + kMaxNames;
  return absl::StrCat(absl::StrJoin(names.begin(), end, ", "), " and ", names.size() - kMaxNames,
                      " more");
}

}  // namespace

void VaultWatch::VaultStateChanged(VaultState before, const absl::Status& after,
                                   const VaultProvider& provider) {
  known_takeovers_ = provider.takeovers;
  const VaultFinding finding = VaultFindingOf(after);
  log_.Write(after.ok() ? LogLevel::kInfo : LogLevel::kWarning, "vault_state",
             {{"before", std::string(VaultStateName(before))},
              {"state", std::string(VaultStateName(VaultStateOf(after)))},
              {"message", finding.what},
              {"fix", finding.fix},
              {"provider", provider.program},
              {"bus", provider.bus_address}});
  on_ready_(after.ok());
}

void VaultWatch::VaultLoaded(const VaultReading& reading) {
  known_takeovers_ = vault_.provider().takeovers;
  log_.Write(LogLevel::kInfo, "vault_loaded",
             {{"credentials", std::uint64_t{reading.credentials}},
              {"added", ToText(reading.added)},
              {"changed", ToText(reading.changed)},
              {"removed", ToText(reading.removed)}});
  for (const std::string& name : reading.missing) {
    log_.Write(
        LogLevel::kWarning, "vault_credential_missing",
        {{"credential", name},
         {"fix",
          "it stays in use; if the next read does not find it either, it counts as deleted"}});
  }
  for (const std::string& name : reading.reverted) {
    log_.Write(LogLevel::kWarning, "vault_credential_reverted",
               {{"credential", name},
                {"fix",
                 "an older version is stored again, by a restored backup or by a write that came "
                 "late: see 'billbroker credential show', and repeat the change"}});
  }
  for (const InvalidDocument& document : reading.invalid_documents) {
    log_.Write(LogLevel::kWarning, "vault_document_invalid",
               {{"credential", document.name}, {"message", std::string(document.why.message())}});
  }
  on_loaded_();
}

void VaultWatch::VaultChangedElsewhere() {
  const std::uint64_t takeovers = vault_.provider().takeovers;
  const bool is_takeover = takeovers != std::exchange(known_takeovers_, takeovers);
  log_.Write(
      LogLevel::kWarning, "vault_changed_elsewhere",
      {{"fix", is_takeover ? "the Secret Service ended, restarted or was replaced by another "
                             "one; credentials are read again"
                           : "another program changed or removed items of the keyring; "
                             "credentials are read again"}});
}

}  // namespace billbroker

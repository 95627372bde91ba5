#include "server/app/vault_watch.h"

#include <cstdint>
#include <string>

namespace billbroker {

void VaultWatch::VaultStateChanged(VaultState before, VaultState after) {
  const bool ready = after == VaultState::kReady;
  log_.Write(ready ? LogLevel::kInfo : LogLevel::kWarning, "vault_state",
             {{"before", std::string(VaultStateName(before))},
              {"state", std::string(VaultStateName(after))},
              {"fix", std::string(VaultFix(after))}});
  on_ready_(ready);
}

void VaultWatch::VaultLoaded(const VaultContents& contents) {
  log_.Write(LogLevel::kInfo, "vault_loaded",
             {{"credentials", std::uint64_t{contents.credentials.size()}}});
  for (const InvalidDocument& document : contents.invalid_documents) {
    log_.Write(LogLevel::kWarning, "vault_document_invalid",
               {{"credential", document.name}, {"message", std::string(document.why.message())}});
  }
  on_loaded_();
}

void VaultWatch::VaultLoadFailed(const absl::Status& why) {
  log_.Write(LogLevel::kWarning, "vault_load_failed", {{"message", std::string(why.message())}});
}

void VaultWatch::VaultChangedElsewhere() {
  log_.Write(
      LogLevel::kWarning, "vault_changed_elsewhere",
      {{"fix",
        "another program changed or removed items of the keyring; credentials are read again"}});
}

}  // namespace billbroker

#include "vault/keyring/keyring_prompt.h"

#include <future>
#include <memory>

#include "absl/strings/str_cat.h"
#include "vault/vault.h"

namespace billbroker {

absl::Status KeyringPrompt::Confirm(const std::string& path) {
  if (!allowed_) {
    std::string program;
    (void)thread_.Run(Deadline::After(call_timeout_), [&](Deadline) {
      items_.DismissPrompt(path);
      program = items_.provider().program;
    });
    return VaultError(VaultState::kNeedsConfirmation, {.program = program});
  }
  const auto answered = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answer = answered->get_future();
  absl::Status shown = VaultError(VaultState::kTimedOut);
  (void)thread_.Run(Deadline::After(call_timeout_), [&](Deadline deadline) {
    shown = items_.ShowPrompt(
        path, [answered](const absl::Status& end) { answered->set_value(end); }, deadline);
  });
  if (absl::IsNotFound(shown)) {
    return VaultError(VaultState::kNeedsConfirmation,
                      {"the Secret Service withdrew its prompt", "repeat the change"});
  }
  if (!shown.ok()) return shown;
  if (answer.wait_for(absl::ToChronoMilliseconds(prompt_timeout_)) == std::future_status::ready) {
    return answer.get();
  }
  (void)thread_.Run(Deadline::After(call_timeout_), [&](Deadline) { items_.DismissPrompt(path); });
  return VaultError(VaultState::kNeedsConfirmation,
                    {absl::StrCat("nobody confirmed the change in the Secret Service within ",
                                  absl::FormatDuration(prompt_timeout_))});
}

}  // namespace billbroker

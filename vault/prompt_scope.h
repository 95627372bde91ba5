// PromptScope: allows the prompts of the Secret Service during one change of a person.
#pragma once

#include "vault/vault.h"

namespace billbroker {

// Whether a change may show prompts of the Secret Service to a person, and wait for the answers.
enum class Prompts { kRefused, kAllowed };

// Allows prompts for the writes of this thread during its life if `prompts` is kAllowed. Do not
// nest it.
class PromptScope final {
 public:
  // Borrows the vault.
  PromptScope(Vault& vault, Prompts prompts) : vault_(vault), prompts_(prompts) {
    if (prompts_ == Prompts::kAllowed) vault_.AllowPrompts(true);
  }
  ~PromptScope() {
    if (prompts_ == Prompts::kAllowed) vault_.AllowPrompts(false);
  }
  PromptScope(const PromptScope&) = delete;
  PromptScope& operator=(const PromptScope&) = delete;

 private:
  Vault& vault_;
  const Prompts prompts_;
};

}  // namespace billbroker

// KeyringPrompt: the prompt of a write that a person must confirm.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "vault/keyring/item_store.h"
#include "vault/keyring/keyring_thread.h"

namespace billbroker {

// Thread-safe.
class KeyringPrompt final {
 public:
  // Borrows `items`, which is used on `thread`. A call of `items` may take `call_timeout`, and the
  // person `prompt_timeout`.
  KeyringPrompt(absl::Duration call_timeout, absl::Duration prompt_timeout, KeyringThread& thread,
                ItemStore& items)
      : call_timeout_(call_timeout),
        prompt_timeout_(prompt_timeout),
        thread_(thread),
        items_(items) {}

  void Allow(bool allowed) { allowed_ = allowed; }

  // Shows the prompt at `path` if that is allowed, and blocks until a person has answered it;
  // otherwise dismisses it. Other calls of the keyring go on. Returns OK if the person confirmed,
  // else VaultError(). A write may be done all the same.
  [[nodiscard]] absl::Status Confirm(const std::string& path);

 private:
  const absl::Duration call_timeout_;
  const absl::Duration prompt_timeout_;
  KeyringThread& thread_;
  ItemStore& items_;
  std::atomic<bool> allowed_ = false;
};

}  // namespace billbroker

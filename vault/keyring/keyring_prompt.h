// KeyringPrompt: the prompt of a write that a person must confirm.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "vault/base/mutex.h"
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

  // Sets whether the later writes of this thread may show prompts.
  void Allow(bool allowed);

  // Ends the prompt that is shown, and refuses later ones: the broker is shutting down.
  void Stop();

  // Shows the prompt at `path` if that is allowed, and blocks until a person has answered it;
  // otherwise dismisses it. Other calls of the keyring go on; one prompt is shown at a time.
  // Returns OK if the person confirmed, else VaultError(). A write may be done all the same.
  [[nodiscard]] absl::Status Confirm(const std::string& path);

 private:
  class Answer;

  // Returns the answer to the prompt that is about to be shown; null after Stop().
  std::shared_ptr<Answer> Expect();
  bool IsAllowed();
  bool IsStopped();

  const absl::Duration call_timeout_;
  const absl::Duration prompt_timeout_;
  KeyringThread& thread_;
  ItemStore& items_;
  std::mutex shown_;  // held while a prompt is shown; guards no member
  Mutex mutex_;
  std::set<std::thread::id> allowed_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::weak_ptr<Answer> expected_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker

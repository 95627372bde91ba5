// Restoration: takes over the sessions and limits that the process before left.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/types/optional.h"
#include "server/access/audit/audit_log.h"
#include "server/app/audit_head_keeper.h"
#include "server/session/past_sign_in.h"
#include "server/session/session_manager.h"
#include "server/session/session_store.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"
#include "vault/vault.h"

namespace billbroker {

// Opens the session store and the audit log once the keyring gives their key. If the store cannot
// be opened at the first try, the session manager counts the sign-ins of the past hour from the
// audit log until it opens: see SessionManager::ServeWithoutStore(). If that log cannot be read
// either, it is tried again, and no sign-in is sent meanwhile.
//
// Thread-safe.
class Restoration final {
 public:
  struct Parts {  // borrowed
    const Clock& clock;
    Executor& executor;  // may be blocked while files are read; its work ends before this object
    Vault& vault;
    SessionStore& store;
    AuditHeadKeeper& audit_head;
    AuditLog& audit;
    SessionManager& sessions;
  };
  // Makes the source of past sign-ins from the key.
  using MakePast = std::function<std::unique_ptr<PastSignInSource>(const SecretString& master_key)>;

  // Calls `restored` whenever sessions may have come back. It must not block.
  Restoration(Parts parts, MakePast make_past, std::function<void()> restored);
  Restoration(const Restoration&) = delete;
  Restoration& operator=(const Restoration&) = delete;

  // Begins if it has not and the keyring gives the key. Blocks until the store was tried. Called
  // after each full read of the keyring, by one thread at a time.
  void Begin();
  // Ignores a store that opens later. Waits while one is being taken over.
  void Stop();

 private:
  // Leads the store's thread to this object until Stop().
  struct Link {
    Mutex mutex;  // held during OnOpened(), so that Stop() waits for it
    Restoration* restoration ABSL_GUARDED_BY(mutex);
  };

  void OnOpened(StoreContents contents);
  void OpenAudit();
  void ServeWithoutStore();

  const Parts parts_;
  const MakePast make_past_;
  const std::function<void()> restored_;
  const std::shared_ptr<Link> link_;  // with the store's callback, which may outlive this object
  bool begun_ = false;
  std::unique_ptr<PastSignInSource> past_;

  Mutex mutex_;
  absl::optional<SecretString> audit_key_ ABSL_GUARDED_BY(mutex_);  // until the log is open
  bool opened_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker

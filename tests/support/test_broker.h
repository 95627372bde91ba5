// TestBroker: the session manager and the credential managers, real, over a fake vault and a fake
// BILL.
#pragma once

#include "absl/strings/string_view.h"
#include "server/credentials/credential_manager.h"
#include "server/credentials/mfa_manager.h"
#include "server/credentials/organization_discovery.h"
#include "server/session/session_manager.h"
#include "tests/support/fake_bill.h"
#include "tests/support/fake_session_observer.h"
#include "tests/support/fake_store.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "vault/base/executor.h"
#include "vault/base/random.h"
#include "vault/credential_index.h"

namespace billbroker {

// Has the environments "sandbox" and "production". The credential index is complete and empty. BILL
// answers at once. All work on `executor` must end before the TestBroker is destroyed.
struct TestBroker {
  // The session manager notifies `observer`, or `own_observer` if that is null.
  explicit TestBroker(Executor& executor, SessionObserver* observer = nullptr);

  ManualClock clock;
  SystemRandom random;
  FakeVault vault;
  VaultHealth vault_health;
  CredentialIndex credentials{vault_health};
  RememberMeRefusals remember_me_refusals;
  FakeBill bill;
  FakeStore store;
  FakeSessionObserver own_observer;
  SessionManager sessions;
  CredentialManager manager;
  OrganizationDiscovery discovery;
  MfaManager mfa;
};

}  // namespace billbroker

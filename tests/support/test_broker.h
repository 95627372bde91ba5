// TestBroker: the rooms up to the credential manager, real, over a fake vault and a fake BILL.
#pragma once

#include "absl/strings/string_view.h"
#include "server/credentials/credential_manager.h"
#include "server/credentials/mfa_manager.h"
#include "server/credentials/organization_discovery.h"
#include "server/session/engine.h"
#include "tests/support/fake_bill.h"
#include "tests/support/fake_store.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "vault/base/executor.h"
#include "vault/base/random.h"
#include "vault/directory.h"

namespace billbroker {

class IgnoringObserver final : public EngineObserver {
 public:
  absl::Status SignInStarts(const SignInFacts&) override { return absl::OkStatus(); }
  void LogOutStarts(const Session&) override {}
  void LogOutEnded(const Session&, const absl::Status&) override {}
  void SignInEnded(const SignInFacts&, const absl::Status&, std::uint64_t) override {}
  void SessionEnded(absl::string_view, absl::string_view, std::uint64_t,
                    absl::string_view) override {}
  void TrustRefused(absl::string_view, absl::string_view) override {}
};

// Environments "sandbox" and "production"; the directory is complete and empty; BILL answers at
// once. All work on `executor` has to end before it goes.
struct TestBroker {
  // `observer` null: nothing is told.
  explicit TestBroker(Executor& executor, EngineObserver* observer = nullptr);

  ManualClock clock;
  SystemRandom random;
  FakeVault vault;
  Directory directory;
  FakeBill bill;
  FakeStore store;
  IgnoringObserver ignoring;
  Engine engine;
  CredentialManager manager;
  OrganizationDiscovery discovery;
  MfaManager mfa;
};

}  // namespace billbroker

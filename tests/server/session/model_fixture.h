// A session manager on virtual time over the simulator's BILL, for simulated hours and days.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/session/session_manager.h"
#include "tests/server/session/session_manager_fixture.h"
#include "tests/simulator/generated_world.h"
#include "tests/support/fake_store.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "tests/support/model_bill.h"
#include "tests/support/seeded_random.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {

// `size.users` credentials, CredentialName(0) and so on, serve the generated organizations.
class ModelHouse final {
 public:
  explicit ModelHouse(const billsim::GeneratedSize& size, const SessionManagerOptions& options = {},
                      const billsim::Settings& settings = {},
                      absl::Duration latency = absl::Milliseconds(200))
      : organizations_(size.organizations),
        model(WorldOf(size), settings, clock, random),
        bill(model, executor, clock, latency),
        manager(options, PartsOf(*this)) {
    for (int user = 0; user < size.users; ++user) StoreUser(size, user);
    manager.Restore(OpenNow(store, *vault.MasterKey()));
  }

  static std::string CredentialName(int user) { return absl::StrCat("generated-user-", user); }

  static SessionManager::Parts PartsOf(ModelHouse& house) {
    return {house.clock,
            house.executor,
            house.random,
            house.vault,
            house.vault_health,
            house.credentials,
            house.remember_me_refusals,
            house.bill,
            house.store,
            house.observer,
            {{"sandbox", "https://bill.example/connect"}}};
  }

  [[nodiscard]] int organizations() const { return organizations_; }

  // The counters of the model: sign-ins (accepted or not), refusals with `code`, session checks.
  [[nodiscard]] std::int64_t SignIns() const {
    const nlohmann::json total = model.CountsJson()["total"];
    return total["sign_ins_succeeded"].get<std::int64_t>() +
           total["sign_ins_failed"].get<std::int64_t>();
  }
  [[nodiscard]] std::int64_t Refusals(const std::string& code) const {
    const nlohmann::json refusals = model.CountsJson()["refusals"];
    return refusals.contains(code) ? refusals[code].get<std::int64_t>() : 0;
  }
  [[nodiscard]] std::int64_t Checks() const {
    const nlohmann::json paths = model.CountsJson()["paths"];
    return paths.contains("/v3/login/session") ? paths["/v3/login/session"].get<std::int64_t>() : 0;
  }

 private:
  static billsim::World WorldOf(const billsim::GeneratedSize& size) {
    billsim::World world;
    billsim::GenerateWorld(size, world);
    return world;
  }

  void StoreUser(const billsim::GeneratedSize& size, int user) {
    Credential credential;
    credential.name = CredentialName(user);
    credential.uid = UidOf(credential.name);
    credential.environment = "sandbox";
    credential.username = billsim::GeneratedUsername(user);
    credential.password = SecretString::CopyOf(billsim::GeneratedSecret(user));
    credential.dev_key = SecretString::CopyOf(billsim::GeneratedDevKey(user % size.dev_keys));
    for (int n = user; n < size.organizations; n += size.users) {
      credential.organizations.push_back({billsim::GeneratedOrganizationId(n), {}});
    }
    ASSERT_THAT(vault.Create(credential), IsOk());
    credentials.Put(InfoOf(credential, Fingerprinter(*vault.MasterKey())));
  }

  const int organizations_;

 public:
  ManualClock clock;
  ManualExecutor executor{clock};
  SeededRandom random;
  FakeVault vault;
  FakeStore store;
  VaultHealth vault_health;
  CredentialIndex credentials{vault_health};
  RememberMeRefusals remember_me_refusals;
  FakeSessionObserver observer;
  billsim::Bill model;
  ModelBill bill;
  SessionManager manager;
};

}  // namespace billbroker

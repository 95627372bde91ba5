// WalkWorld: the surroundings of a random walk, which outlive the processes of the engine.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/session/session_manager.h"
#include "tests/server/session/walk/dice.h"
#include "tests/server/session/walk/hand_out_checks.h"
#include "tests/server/session/walk/open_calls.h"
#include "tests/server/session/walk/sign_in_checks.h"
#include "tests/server/session/walk/violation.h"
#include "tests/server/session/walk/walk_bill.h"
#include "tests/server/session/walk/walk_process.h"
#include "tests/support/fake_store.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "tests/support/seeded_random.h"

namespace billbroker {

struct WalkSlot {
  SlotId id;
  std::string credential;
};

// Two users that share a devKey, and a partner. Not thread-safe.
class WalkWorld final {
 public:
  // How a process starts. kOtherBoot: the times since boot of the store mean nothing to it.
  enum class Start { kSameBoot, kOtherBoot, kWithoutStore };

  // `probed` returns true if a probe of the slot is under way.
  WalkWorld(Dice& dice, PlantedBug bug, std::function<bool(const SlotId&)> probed);

  [[nodiscard]] SessionManager& manager() { return process_->manager; }
  [[nodiscard]] const std::vector<WalkSlot>& slots() const { return slots_; }
  [[nodiscard]] const std::map<std::string, Credential>& credentials() const {
    return credentials_;
  }

  [[nodiscard]] CredentialInfoPtr InfoOf(const Credential& credential) const;
  // Stores the next version of a credential. Returns false if the vault cannot store it.
  bool Replace(const Credential& next);
  // Sets the wall clock. It is never set back further than where generations that the store lost
  // were made.
  void JumpWall(absl::Duration by);
  // Returns true if past times of the wall clock are right: it was not set for long.
  [[nodiscard]] bool IsWallSteady() const;

  // Ends the process and starts another one, which has not read the store yet.
  void Restart(Start how);
  // The process reads the store.
  void Open();
  // The same, or it serves without the store, as Restart() was asked to.
  void OpenOrServeWithout();
  // True while the process serves without the store, until Open().
  [[nodiscard]] bool is_without_store() const { return without_store_; }

  // Compares the views of the engine with the open calls.
  void CheckViews();

  ManualClock clock;
  ManualExecutor executor{clock};
  FakeVault vault;
  VaultHealth vault_health;
  CredentialIndex index{vault_health};
  RememberMeRefusals refusals;
  FakeStore store;
  WalkBill bill;
  Violation violation;
  SignInChecks sign_ins;
  HandOutChecks sessions;
  OpenCalls calls{sessions, violation};
  WatchedAudit audit;

 private:
  void Add(Credential credential, int organizations);
  void StartProcess();
  [[nodiscard]] SentSignIn Describe(const Credential& credential,
                                    const std::string& organization_id) const;

  const PlantedBug bug_;
  SeededRandom random_;
  const SecretString master_key_;
  std::vector<WalkSlot> slots_;
  std::map<std::string, Credential> credentials_;            // in effect, by name
  std::set<std::pair<std::string, std::string>> effective_;  // secrets that are or were in effect
  bool without_store_ = false;
  absl::Time latest_wall_ = absl::InfinitePast();
  absl::Time earliest_wall_ = absl::InfinitePast();  // that the clock may be set to
  absl::Duration last_jump_ = -absl::InfiniteDuration();
  std::unique_ptr<WalkProcess> process_;
};

}  // namespace billbroker

// RandomWalk: random callers, operators and failures around an engine, from a seed. The checks
// compare each step with a small model.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/types/optional.h"
#include "server/session/credential_probe.h"
#include "tests/server/session/walk/dice.h"
#include "tests/server/session/walk/walk_process.h"
#include "tests/server/session/walk/walk_world.h"

namespace billbroker {

class RandomWalk final {
 public:
  explicit RandomWalk(std::uint64_t seed, PlantedBug bug = PlantedBug::kNone);

  // Takes up to `steps` steps, then lets everything end. Returns the first broken invariant with
  // the number of its step; empty if there is none.
  std::string Run(int steps);

  [[nodiscard]] const SignInChecks& sign_ins() const { return world_.sign_ins; }
  [[nodiscard]] const HandOutChecks& sessions() const { return world_.sessions; }

 private:
  struct Rotation {
    SlotId slot;
    std::shared_ptr<const Credential> candidate;
    absl::optional<ProbeResult> result;
  };
  using Action = void (RandomWalk::*)();

  Action PickAction();
  void Settle();
  [[nodiscard]] bool IsProbed(const SlotId& slot) const;

  // Callers.
  void GetSession();
  void GetAtOnce();
  void Login();
  void Cancel();
  void Logout();
  void LogoutAll();
  void ChangeWarmWatch();
  [[nodiscard]] SessionDemand AnyDemand(const WalkSlot& slot);
  // Calls Peek(). Marks the session that the slot holds as ended from now on.
  void EndHeld(const WalkSlot& slot, std::uint64_t if_generation);

  // Operators.
  void StartRotation();
  void EndRotation();
  void ChangeSecretAtBill();
  void RepairSecret();

  // The surroundings.
  void KillSessions();
  void ChangeWeather();
  void ChangeVault();
  void ChangeStore();
  void ChangeAudit();
  void JumpWall();
  void Restart();

  Dice dice_;
  WalkWorld world_;
  int secrets_made_ = 0;
  std::map<std::string, int> warm_;                             // organization -> watches
  std::map<std::string, std::shared_ptr<Rotation>> rotations_;  // by the name of the credential
};

}  // namespace billbroker

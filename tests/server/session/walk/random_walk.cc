#include "tests/server/session/walk/random_walk.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

// Returns mostly short times, and sometimes a long one.
absl::Duration AnyTime(Dice& dice) {
  const int kind = dice.Below(1000);
  if (kind < 300) return absl::ZeroDuration();
  if (kind < 880) return dice.UpTo(absl::Seconds(2));
  if (kind < 993) return dice.UpTo(absl::Seconds(30));
  if (kind < 999) return dice.UpTo(absl::Minutes(10));
  return dice.UpTo(absl::Minutes(70));
}

}  // namespace

RandomWalk::RandomWalk(std::uint64_t seed, PlantedBug bug)
    : dice_(seed), world_(dice_, bug, [this](const SlotId& slot) { return IsProbed(slot); }) {}

RandomWalk::Action RandomWalk::PickAction() {
  static const std::vector<std::pair<int, Action>> weights = {
      {300, &RandomWalk::GetSession},     {60, &RandomWalk::GetAtOnce},
      {60, &RandomWalk::Login},           {120, &RandomWalk::Cancel},
      {20, &RandomWalk::Logout},          {3, &RandomWalk::LogoutAll},
      {20, &RandomWalk::ChangeWarmWatch}, {15, &RandomWalk::StartRotation},
      {40, &RandomWalk::EndRotation},     {4, &RandomWalk::ChangeSecretAtBill},
      {40, &RandomWalk::RepairSecret},    {10, &RandomWalk::KillSessions},
      {30, &RandomWalk::ChangeWeather},   {10, &RandomWalk::ChangeVault},
      {15, &RandomWalk::ChangeStore},     {10, &RandomWalk::ChangeAudit},
      {6, &RandomWalk::JumpWall},         {6, &RandomWalk::Restart},
  };
  int sum = 0;
  for (const auto& [weight, action] : weights) sum += weight;
  int at = dice_.Below(sum);
  for (const auto& [weight, action] : weights) {
    at -= weight;
    if (at < 0) return action;
  }
  return weights.front().second;
}

std::string RandomWalk::Run(int steps) {
  constexpr int kStepsPerView = 16;
  for (int step = 0; step < steps; ++step) {
    (this->*PickAction())();
    world_.executor.Advance(AnyTime(dice_));
    if (step % kStepsPerView == 0) world_.CheckViews();
    if (world_.violation.found()) return absl::StrCat("step ", step, ": ", world_.violation.text);
  }
  Settle();
  return world_.violation.text;
}

void RandomWalk::Settle() {
  world_.bill.SetWeather(WalkBill::Weather::kFair);
  world_.bill.fake().SetLatency(absl::ZeroDuration());
  world_.vault.set_state(VaultState::kReady);
  world_.vault_health.Set(absl::OkStatus());
  world_.audit.set_failing(false);
  world_.store.set_failing(false);
  world_.store.set_pausing(false);
  if (world_.is_without_store()) world_.Open();
  for (const auto& [organization, count] : std::exchange(warm_, {})) {
    for (int n = 0; n < count; ++n) world_.manager().StopWarm(organization, "");
  }
  world_.executor.Advance(absl::Hours(3));
  world_.CheckViews();
  if (world_.calls.size() > 0) world_.violation.Report(world_.calls.size(), " calls wait for ever");
  for (const auto& [name, rotation] : rotations_) {
    if (!rotation->result.has_value()) world_.violation.Report("a probe of ", name, " never ends");
  }
  const SessionCounts counts = world_.manager().Counts();
  if (counts.signing_in + counts.queued > 0) {
    world_.violation.Report(counts.signing_in, " sign-ins and ", counts.queued,
                            " places are left over");
  }
}

bool RandomWalk::IsProbed(const SlotId& slot) const {
  for (const auto& [name, rotation] : rotations_) {
    if (rotation->slot == slot && !rotation->result.has_value()) return true;
  }
  return false;
}

void RandomWalk::KillSessions() {
  FakeBill& bill = world_.bill.fake();
  if (dice_.Percent(10)) return bill.KillAllSessions();
  bill.KillSession(world_.sessions.LastId(dice_.Pick(world_.slots()).id));
}

void RandomWalk::ChangeWeather() {
  using Weather = WalkBill::Weather;
  static const std::vector<Weather> bad = {Weather::kOutage, Weather::kLossy, Weather::kUnsent,
                                           Weather::kGateway, Weather::kLimited};
  static const std::vector<absl::Duration> latencies = {absl::ZeroDuration(),
                                                        absl::Milliseconds(50), absl::Seconds(1),
                                                        absl::Seconds(10), absl::Seconds(45)};
  world_.bill.SetWeather(dice_.Percent(70) ? Weather::kFair : dice_.Pick(bad));
  world_.bill.fake().SetLatency(dice_.Pick(latencies));
}

void RandomWalk::ChangeVault() {
  VaultState state = VaultState::kReady;
  if (dice_.Percent(20)) state = dice_.Percent(50) ? VaultState::kLocked : VaultState::kTimedOut;
  world_.vault.set_state(state);
  world_.vault_health.Set(world_.vault.Probe());
}

void RandomWalk::ChangeStore() {
  world_.store.set_failing(dice_.Percent(15));
  world_.store.set_pausing(dice_.Percent(20));
  if (world_.is_without_store() && dice_.Percent(30)) world_.Open();
}

void RandomWalk::ChangeAudit() { world_.audit.set_failing(dice_.Percent(15)); }

void RandomWalk::JumpWall() {
  static const std::vector<absl::Duration> jumps = {absl::Minutes(10), absl::Hours(2),
                                                    absl::Hours(24)};
  const absl::Duration jump = dice_.Pick(jumps);
  world_.JumpWall(dice_.Percent(50) ? jump : -jump);
}

void RandomWalk::Restart() {
  WalkWorld::Start how = WalkWorld::Start::kSameBoot;
  if (world_.IsWallSteady() && dice_.Percent(50)) {
    how = dice_.Percent(50) ? WalkWorld::Start::kOtherBoot : WalkWorld::Start::kWithoutStore;
  }
  if (dice_.Percent(40)) {
    const auto drained = std::make_shared<bool>(false);
    world_.manager().Drain([drained] { *drained = true; });
    world_.executor.Advance(dice_.UpTo(absl::Minutes(2)));
    if (*drained && world_.manager().Counts().signing_in > 0) {
      world_.violation.Report("a sign-in is under way after the drain");
    }
  }
  rotations_.clear();
  warm_.clear();
  world_.Restart(how);
  while (dice_.Percent(40)) {
    dice_.Percent(50) ? GetSession() : Logout();
  }
  world_.OpenOrServeWithout();
}

}  // namespace billbroker

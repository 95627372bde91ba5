// The callers and operators of a random walk.
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/session/session_manager_fixture.h"
#include "tests/server/session/walk/random_walk.h"

namespace billbroker {
namespace {

constexpr std::size_t kMostOpenCalls = 100;
constexpr char kOtherDevKey[] = "another-dev-key-of-a-rotation";

absl::Duration AnyPatience(Dice& dice) {
  static const std::vector<absl::Duration> all = {absl::Milliseconds(50), absl::Seconds(1),
                                                  absl::Seconds(30), absl::Minutes(2),
                                                  absl::Hours(2)};
  return dice.Pick(all);
}

std::string AnyPrincipal(Dice& dice) {
  static const std::vector<std::string> all = {"", "unix:payables", "unix:reconciliation"};
  return dice.Pick(all);
}

}  // namespace

SessionDemand RandomWalk::AnyDemand(const WalkSlot& slot) {
  SessionDemand demand;
  demand.principal = AnyPrincipal(dice_);
  demand.patience = AnyPatience(dice_);
  const int kind = dice_.Below(10);
  if (kind == 0) demand.cached_only = true;
  if (kind == 1 || kind == 2) demand.stale_generation = world_.sessions.LastGeneration(slot.id);
  if (kind == 3) demand.min_remaining = dice_.UpTo(absl::Minutes(17));
  if (kind == 4) demand.require_trusted = dice_.Percent(20);
  return demand;
}

void RandomWalk::GetSession() {
  const WalkSlot& slot = dice_.Pick(world_.slots());
  const SessionDemand demand = AnyDemand(slot);
  if (!demand.cached_only) world_.sessions.Wanted(slot.id);
  OpenCalls& calls = world_.calls;
  const int call = calls.Add(slot.id);
  calls.Made(call,
             world_.manager().GetSession(slot.id.organization_id, "", demand,
                                         [&calls, call](const absl::StatusOr<SessionPtr>& answer) {
                                           calls.Answer(call, answer);
                                         }));
}

void RandomWalk::GetAtOnce() {
  const WalkSlot& slot = dice_.Pick(world_.slots());
  const SessionDemand demand = AnyDemand(slot);
  if (!demand.cached_only) world_.sessions.Wanted(slot.id);
  const absl::optional<absl::StatusOr<SessionPtr>> answer =
      world_.manager().GetAtOnce(slot.id.organization_id, "", demand);
  if (answer.has_value() && answer->ok()) world_.sessions.HandedOut(slot.id, ***answer);
}

void RandomWalk::Login() {
  static const std::vector<SignInForce> forces = {SignInForce::kNone, SignInForce::kNone,
                                                  SignInForce::kOperator, SignInForce::kAdmin};
  const WalkSlot& slot = dice_.Pick(world_.slots());
  world_.sessions.Wanted(slot.id);
  OpenCalls& calls = world_.calls;
  const int call = calls.Add(slot.id);
  const LoginDemand demand = {dice_.Pick(forces), AnyPatience(dice_), AnyPrincipal(dice_), {}};
  calls.Made(call, world_.manager().Login(slot.id.organization_id, "", demand,
                                          [&calls, call](absl::StatusOr<LoginOutcome> outcome) {
                                            if (!outcome.ok()) {
                                              return calls.Answer(call, outcome.status());
                                            }
                                            calls.Answer(call, outcome->session);
                                          }));
}

void RandomWalk::Cancel() {
  OpenCalls& calls = world_.calls;
  if (calls.size() == 0) return;
  const bool many = calls.size() > kMostOpenCalls || dice_.Percent(5);
  const std::vector<WaitingCall> leave =
      many
          ? calls.StartCancel(0, calls.size())
          : calls.StartCancel(static_cast<std::size_t>(dice_.Below(static_cast<int>(calls.size()))),
                              1 + static_cast<std::size_t>(dice_.Below(4)));
  world_.manager().Cancel(leave);
  calls.CheckCancelled();
}

void RandomWalk::EndHeld(const WalkSlot& slot, std::uint64_t if_generation) {
  const absl::StatusOr<SessionPtr> held = world_.manager().Peek(slot.id.organization_id, "");
  if (held.ok()) world_.sessions.HandedOut(slot.id, **held);
  if (if_generation == 0) world_.sessions.Ended(world_.sessions.LastId(slot.id));
  if (!held.ok()) return;
  if (if_generation != 0 && (*held)->generation != if_generation) return;
  world_.sessions.Ended(std::string((*held)->keys.session_id->Reveal()));
}

void RandomWalk::Logout() {
  const WalkSlot& slot = dice_.Pick(world_.slots());
  const std::uint64_t if_generation =
      dice_.Percent(70) ? 0 : world_.sessions.LastGeneration(slot.id);
  EndHeld(slot, if_generation);
  if (if_generation == 0) world_.sessions.SignedOut(slot.id);
  world_.manager().Logout(slot.id.organization_id, "", if_generation,
                          [](const absl::StatusOr<bool>&) {});
}

void RandomWalk::LogoutAll() {
  const std::string& uid = dice_.Pick(world_.slots()).id.credential_uid;
  const bool stay = dice_.Percent(50);
  std::set<std::string> organizations;
  for (const WalkSlot& slot : world_.slots()) {
    if (slot.id.credential_uid != uid) continue;
    if (stay) EndHeld(slot, 0);
    if (stay) world_.sessions.SignedOut(slot.id);
    organizations.insert(slot.id.organization_id);
  }
  if (stay) return world_.manager().LogoutOf(uid, organizations, [] {});
  world_.manager().LogoutAll(uid, [] {});
}

void RandomWalk::ChangeWarmWatch() {
  const std::string& organization = dice_.Pick(world_.slots()).id.organization_id;
  int& watches = warm_[organization];
  if (watches > 0 && dice_.Percent(60)) {
    --watches;
    return world_.manager().StopWarm(organization, "");
  }
  ++watches;
  world_.manager().StartWarm(organization, "", AnyPrincipal(dice_));
}

void RandomWalk::StartRotation() {
  const WalkSlot& slot = dice_.Pick(world_.slots());
  if (rotations_.contains(slot.credential)) return;
  Credential next = world_.credentials().at(slot.credential).Clone();
  ++next.version;
  if (!dice_.Percent(10)) {
    const std::string secret = absl::StrCat("password-of-a-rotation-", ++secrets_made_);
    if (dice_.Percent(60)) world_.bill.SetSecret(next.username, secret);
    next.password = SecretString::CopyOf(secret);
  }
  if (dice_.Percent(10)) next.dev_key = SecretString::CopyOf(kOtherDevKey);
  ProbeRequest request;
  request.info = world_.InfoOf(next);
  auto rotation = std::make_shared<Rotation>();
  rotation->slot = slot.id;
  rotation->candidate = request.candidate = std::make_shared<const Credential>(std::move(next));
  request.organization_id = slot.id.organization_id;
  request.patience = AnyPatience(dice_);
  request.ignore_quarantine = dice_.Percent(50);
  rotations_[slot.credential] = rotation;
  world_.manager().Probe(std::move(request), [this, rotation](ProbeResult result) {
    if (rotation->result.has_value()) world_.violation.Report("a probe is answered twice");
    rotation->result = std::move(result);
  });
}

void RandomWalk::EndRotation() {
  if (rotations_.empty()) return;
  const auto found =
      std::next(rotations_.begin(), dice_.Below(static_cast<int>(rotations_.size())));
  const std::shared_ptr<Rotation> rotation = found->second;
  if (!rotation->result.has_value()) return;
  rotations_.erase(found);
  const SessionPtr& session = rotation->result->session;
  if (session == nullptr) return;
  if (!dice_.Percent(70) || !world_.Replace(*rotation->candidate)) {
    return world_.manager().DiscardProbed(session);
  }
  world_.sessions.Wanted(rotation->slot);
  world_.manager().AdoptProbed(rotation->slot.credential_uid, session);
}

void RandomWalk::ChangeSecretAtBill() {
  const Credential& credential = world_.credentials().at(dice_.Pick(world_.slots()).credential);
  world_.bill.SetSecret(credential.username, absl::StrCat("password-at-bill-", ++secrets_made_));
}

void RandomWalk::RepairSecret() {
  const WalkSlot& slot = dice_.Pick(world_.slots());
  const Credential& credential = world_.credentials().at(slot.credential);
  const std::string secret(credential.password.Reveal());
  if (secret == world_.bill.secret(credential.username)) return;
  if (dice_.Percent(50)) return world_.bill.SetSecret(credential.username, secret);
  if (rotations_.contains(slot.credential)) return;
  Credential next = credential.Clone();
  ++next.version;
  next.password = SecretString::CopyOf(world_.bill.secret(credential.username));
  world_.Replace(next);
}

}  // namespace billbroker

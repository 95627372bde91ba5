#include "tests/server/session/walk/walk_world.h"

#include <algorithm>
#include <utility>

#include "tests/server/session/partner_fixture.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

constexpr char kShop[] = "shop-accounts-payable";
constexpr int kSignInsPerHour = 24;
// Failed sign-ins of a user and hour.
constexpr int kBound = 3;
constexpr int kBoundWithoutStore = 1;
constexpr absl::Duration kIdleWindow = absl::Minutes(35);
constexpr absl::Duration kSafetyMargin = absl::Minutes(1);

SessionManagerOptions WalkOptions() {
  SessionManagerOptions options;
  options.idle_window = kIdleWindow;
  options.safety_margin = kSafetyMargin;
  options.keep_alive = absl::Minutes(40);
  options.sign_in.sign_ins_per_hour = kSignInsPerHour;
  options.prewarm = {OrganizationId(0, kShop)};
  return options;
}

}  // namespace

WalkWorld::WalkWorld(Dice& dice, PlantedBug bug, std::function<bool(const SlotId&)> probed)
    : bill(executor, dice),
      sign_ins(clock, kSignInsPerHour, violation),
      sessions(clock, kIdleWindow - kSafetyMargin, violation),
      audit(clock, sign_ins, sessions,
            [this, probed = std::move(probed)](const SlotId& slot) {
              return calls.AnyOf(slot) || probed(slot);
            }),
      bug_(bug),
      master_key_(*vault.MasterKey()) {
  store.set_hook([this](const StoreChange& change) { sign_ins.Stored(change); });
  Credential shop = MakeCredential(kShop, 2);
  shop.dev_key = SecretString::CopyOf(DevKeyOf(kAcme));
  Add(MakeCredential(kAcme, 3), 3);
  Add(std::move(shop), 2);
  Add(MakePartner(kFirm, 2), 2);
  StartProcess();
  Open();
}

void WalkWorld::Add(Credential credential, int organizations) {
  for (int n = 0; n < organizations; ++n) {
    slots_.push_back({{credential.uid, OrganizationId(n, credential.name)}, credential.name});
  }
  bill.SetSecret(credential.username, std::string(credential.password.Reveal()));
  effective_.emplace(credential.name, credential.password.Reveal());
  vault.Create(credential).IgnoreError();
  index.Put(InfoOf(credential));
  std::string name = credential.name;
  credentials_.emplace(std::move(name), std::move(credential));
}

CredentialInfoPtr WalkWorld::InfoOf(const Credential& credential) const {
  return billbroker::InfoOf(credential, Fingerprinter(master_key_));
}

bool WalkWorld::Replace(const Credential& next) {
  if (!vault.Replace(next).ok()) return false;
  credentials_[next.name] = next.Clone();
  effective_.emplace(next.name, next.password.Reveal());
  index.Put(InfoOf(next));
  return true;
}

void WalkWorld::JumpWall(absl::Duration by) {
  latest_wall_ = std::max(latest_wall_, clock.Now());
  if (clock.Now() + by < earliest_wall_) return;
  clock.JumpWall(by);
  last_jump_ = clock.SinceBoot();
}

bool WalkWorld::IsWallSteady() const {
  return !without_store_ && last_jump_ + absl::Hours(3) < clock.SinceBoot();
}

void WalkWorld::Restart(Start how) {
  const bool lossy = store.state() != StoreState::kReady;
  process_.reset();
  calls.Clear();
  store.set_pausing(false);
  store.Close();
  store.set_same_boot(how != Start::kOtherBoot);
  without_store_ = how == Start::kWithoutStore;
  sign_ins.Restarted(without_store_ ? kBoundWithoutStore : kBound);
  if (lossy) sessions.ForgetEnds();
  executor.Advance(absl::Seconds(1));
  if (lossy || without_store_) {
    latest_wall_ = std::max(latest_wall_, clock.Now());
    earliest_wall_ = latest_wall_;
    clock.JumpWall(latest_wall_ + absl::Seconds(1) - clock.Now());
  }
  StartProcess();
}

void WalkWorld::StartProcess() {
  WatchedBill::Parts parts = {bill, clock, sign_ins, sessions, nullptr, nullptr};
  parts.describe = [this](const Credential& credential, const std::string& organization_id) {
    return Describe(credential, organization_id);
  };
  parts.stored = [this] { return store.state() == StoreState::kReady; };
  parts.sends_twice = bug_ == PlantedBug::kSignInIsSentTwice;
  const WalkProcess::World world = {clock,    executor, random_, vault, vault_health, index,
                                    refusals, store,    audit,   parts, bug_};
  process_ = std::make_unique<WalkProcess>(world, WalkOptions());
}

void WalkWorld::Open() {
  StoreContents contents = OpenNow(process_->store, master_key_);
  without_store_ = false;
  sign_ins.SetBound(kBound);
  sign_ins.Restored(store.contents());
  manager().Restore(std::move(contents));
}

void WalkWorld::OpenOrServeWithout() {
  if (!without_store_) return Open();
  manager().ServeWithoutStore(audit.PastHour());
}

SentSignIn WalkWorld::Describe(const Credential& credential,
                               const std::string& organization_id) const {
  const CredentialInfoPtr info = InfoOf(credential);
  const bool as_user = credential.kind == CredentialKind::kPartner && !organization_id.empty();
  SentSignIn sign_in;
  sign_in.credential = credential.name;
  sign_in.organization_id = organization_id;
  sign_in.user = credential.username;
  if (as_user) sign_in.user += " at " + organization_id;
  if (!as_user) sign_in.secret = std::string(credential.password.Reveal());
  sign_in.dev_key_id = organization_id.empty() ? info->fingerprints.at("app_key")
                                               : info->DevKeyIdFor(organization_id);
  sign_in.on_trial =
      !effective_.contains({credential.name, std::string(credential.password.Reveal())});
  return sign_in;
}

void WalkWorld::CheckViews() {
  std::size_t waiting = 0;
  int live = 0;
  for (const SlotInfo& slot : manager().List()) {
    waiting += static_cast<std::size_t>(slot.waiting_callers);
    if (slot.session != nullptr) ++live;
  }
  if (waiting != calls.size()) {
    violation.Report("the engine has ", waiting, " callers of ", calls.size());
  }
  if (live != manager().Counts().live) {
    violation.Report("the engine counts ", manager().Counts().live, " sessions of ", live);
  }
}

}  // namespace billbroker

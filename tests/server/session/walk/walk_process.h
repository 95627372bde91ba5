// WalkProcess: one process of a random walk: an engine, and the fakes that notify the checks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/session/session_manager.h"
#include "tests/server/session/walk/hand_out_checks.h"
#include "tests/server/session/walk/sign_in_checks.h"
#include "tests/server/session/walk/watched_bill.h"
#include "tests/support/fake_store.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"

namespace billbroker {

// A bug of the walk's own fakes, which the checks have to find.
enum class PlantedBug {
  kNone,
  kStoreForgetsAttempts,     // a restart finds no sign-ins
  kStoreForgetsGenerations,  // a restart finds generation 0
  kStoreDropsAttempts,       // RecordAttempt() answers OK, and writes nothing
  kSignInIsSentTwice,
};

// Runs work while the process is alive.
class ProcessExecutor final : public Executor {
 public:
  ProcessExecutor(Executor& executor, Alive alive)
      : executor_(executor), alive_(std::move(alive)) {}

  void Run(Work work) override { RunAfter(absl::ZeroDuration(), std::move(work)); }
  void RunAfter(absl::Duration delay, Work work) override;

 private:
  Executor& executor_;
  const Alive alive_;
};

// Passes calls to the store of the walk, which outlives the process.
class WatchedStore final : public SessionStore {
 public:
  WatchedStore(FakeStore& store, PlantedBug bug, Alive alive)
      : store_(store), bug_(bug), alive_(std::move(alive)) {}

  void Open(const SecretString& master_key, Opened opened) override;
  void RecordAttempt(StoredAttempt attempt, Done done) override;
  void WriteSoon(StoreChange change) override { store_.WriteSoon(std::move(change)); }
  [[nodiscard]] StoreState state() const override { return store_.state(); }
  [[nodiscard]] StoreStatus status() const override { return store_.status(); }

 private:
  FakeStore& store_;
  const PlantedBug bug_;
  const Alive alive_;
};

// Is the audit log too: keeps the sign-ins of the past hour, over processes.
class WatchedAudit final : public SessionObserver {
 public:
  // `asked` returns true if a caller or a probe of the slot waits.
  WatchedAudit(const Clock& clock, SignInChecks& sign_ins, HandOutChecks& sessions,
               std::function<bool(const SlotId&)> asked)
      : clock_(clock), sign_ins_(sign_ins), sessions_(sessions), asked_(std::move(asked)) {}

  void set_failing(bool failing) { failing_ = failing; }
  // Returns the sign-ins of the past hour.
  [[nodiscard]] std::vector<PastSignIn> PastHour();

  absl::Status SignInStarts(const SignInFacts& sign_in) override;
  void SignInEnded(const SignInFacts& sign_in, const absl::Status& outcome,
                   std::uint64_t generation) override;
  void LogOutStarts(const Session& session) override;
  void LogOutEnded(const Session&, const absl::Status&) override {}
  void SessionEnded(absl::string_view, absl::string_view, std::uint64_t,
                    absl::string_view) override {}
  void CheckFailed(const Session&, absl::string_view) override {}
  void TrustRefused(absl::string_view, absl::string_view) override {}

 private:
  const Clock& clock_;
  SignInChecks& sign_ins_;
  HandOutChecks& sessions_;
  const std::function<bool(const SlotId&)> asked_;
  bool failing_ = false;
  std::vector<std::pair<std::string, PastSignIn>> past_;  // by the id of the attempt
};

struct WalkProcess {
  struct World {  // borrowed
    ManualClock& clock;
    Executor& executor;
    Random& random;
    FakeVault& vault;
    VaultHealth& vault_health;
    CredentialIndex& credentials;
    RememberMeRefusals& refusals;
    FakeStore& store;
    WatchedAudit& audit;
    WatchedBill::Parts bill;
    PlantedBug bug;
  };

  WalkProcess(const World& world, const SessionManagerOptions& options);
  // A crash: nothing that is under way ends.
  ~WalkProcess() { *alive = false; }

  const std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  ProcessExecutor executor;
  WatchedBill bill;
  WatchedStore store;
  SessionManager manager;
};

}  // namespace billbroker

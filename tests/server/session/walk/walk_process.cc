#include "tests/server/session/walk/walk_process.h"

#include <algorithm>

#include "tests/server/session/session_manager_fixture.h"
#include "vault/base/error.h"

namespace billbroker {

void ProcessExecutor::RunAfter(absl::Duration delay, Work work) {
  executor_.RunAfter(delay, [alive = alive_, work = std::move(work)]() mutable {
    if (*alive) work();
  });
}

void WatchedStore::Open(const SecretString& master_key, Opened opened) {
  store_.Open(master_key, [bug = bug_, opened = std::move(opened)](StoreContents contents) mutable {
    if (bug == PlantedBug::kStoreForgetsAttempts) contents.attempts.clear();
    if (bug == PlantedBug::kStoreForgetsGenerations) {
      for (StoredSlot& slot : contents.slots) {
        slot.generation = 0;
        slot.session = nullptr;
      }
    }
    opened(std::move(contents));
  });
}

void WatchedStore::RecordAttempt(StoredAttempt attempt, Done done) {
  if (bug_ == PlantedBug::kStoreDropsAttempts) return done(absl::OkStatus());
  store_.RecordAttempt(std::move(attempt),
                       [alive = alive_, done = std::move(done)](absl::Status recorded) mutable {
                         if (*alive) done(std::move(recorded));
                       });
}

std::vector<PastSignIn> WatchedAudit::PastHour() {
  std::erase_if(past_, [this](const auto& each) {
    return each.second.time + absl::Hours(1) <= clock_.Now();
  });
  std::vector<PastSignIn> past;
  for (const auto& [id, sign_in] : past_) past.push_back(sign_in);
  return past;
}

absl::Status WatchedAudit::SignInStarts(const SignInFacts& facts) {
  if (failing_) return MakeError(Reason::kAuditUnavailable, "the walk's log is full");
  sign_ins_.Intended(facts);
  if (!facts.organization_id.empty()) {
    const SlotId slot = {UidOf(facts.credential), facts.organization_id};
    sessions_.SignsIn(slot, asked_(slot));
  }
  PastSignIn intent;
  intent.credential = facts.credential;
  intent.version = facts.version;
  intent.organization_id = facts.organization_id;
  intent.dev_key_id = facts.dev_key_id;
  intent.principal = facts.principal;
  intent.time = clock_.Now();
  past_.emplace_back(facts.id, std::move(intent));
  if (past_.size() > 1000) (void)PastHour();
  return absl::OkStatus();
}

void WatchedAudit::SignInEnded(const SignInFacts& facts, const absl::Status& outcome,
                               std::uint64_t /*generation*/) {
  const auto found = std::find_if(past_.rbegin(), past_.rend(),
                                  [&facts](const auto& each) { return each.first == facts.id; });
  if (found == past_.rend()) return;
  PastSignIn& sign_in = found->second;
  sign_in.time = clock_.Now();
  sign_in.outcome = outcome.ok() ? PastSignIn::Outcome::kAccepted : PastSignIn::Outcome::kFailed;
}

void WatchedAudit::LogOutStarts(const Session& session) {
  sessions_.Ended(std::string(session.keys.session_id->Reveal()));
}

WalkProcess::WalkProcess(const World& world, const SessionManagerOptions& options)
    : executor(world.executor, alive),
      bill(world.bill, alive),
      store(world.store, world.bug, alive),
      manager(options, {world.clock,
                        executor,
                        world.random,
                        world.vault,
                        world.vault_health,
                        world.credentials,
                        world.refusals,
                        bill,
                        store,
                        world.audit,
                        {{"sandbox", "https://bill.example/connect"}}}) {}

}  // namespace billbroker

#include "tests/support/test_broker.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

// One organization signs in again and again.
SessionManagerOptions WithoutSlotCap() {
  SessionManagerOptions options;
  options.sign_in.slot_burst = 1'000'000;
  return options;
}

}  // namespace

TestBroker::TestBroker(Executor& executor, SessionObserver* observer)
    : bill(executor),
      sessions(WithoutSlotCap(), {clock,
                                  executor,
                                  random,
                                  vault,
                                  vault_health,
                                  credentials,
                                  remember_me_refusals,
                                  bill,
                                  store,
                                  observer == nullptr ? own_observer : *observer,
                                  {{"sandbox", "https://sandbox.test/connect"},
                                   {"production", "https://production.test/connect"}}}),
      manager(
          {clock, random, vault, vault_health, credentials, sessions, {"production", "sandbox"}}),
      discovery({clock, random, credentials, sessions, bill}),
      mfa({clock, random, executor, vault, vault_health, credentials, sessions, bill, manager}) {
  vault_health.Set(absl::OkStatus());
  credentials.Reset({}, {});
  sessions.Restore(OpenNow(store, *vault.MasterKey()));
  bill.AnswerAtOnce();
}

}  // namespace billbroker

#include "tests/support/test_broker.h"

namespace billbroker {

TestBroker::TestBroker(Executor& executor, SessionObserver* observer)
    : bill(executor),
      sessions(SessionManagerOptions(), {clock,
                                         executor,
                                         random,
                                         vault,
                                         directory,
                                         bill,
                                         store,
                                         observer == nullptr ? own_observer : *observer,
                                         {{"sandbox", "https://sandbox.test/connect"},
                                          {"production", "https://production.test/connect"}}}),
      manager({clock, random, vault, directory, sessions, {"production", "sandbox"}}),
      discovery({clock, directory, sessions, bill}),
      mfa({clock, random, executor, vault, directory, sessions, bill, manager}) {
  directory.set_vault_state(VaultState::kReady);
  directory.Reset({}, {});
  sessions.Restore(store.Open(*vault.MasterKey()));
  bill.AnswerAtOnce();
}

}  // namespace billbroker

#include "tests/support/test_broker.h"

namespace billbroker {

TestBroker::TestBroker(Executor& executor, EngineObserver* observer)
    : bill(executor),
      engine(EngineOptions(), {clock,
                               executor,
                               random,
                               vault,
                               directory,
                               bill,
                               store,
                               observer == nullptr ? own_observer : *observer,
                               {{"sandbox", "https://sandbox.test/connect"},
                                {"production", "https://production.test/connect"}}}),
      manager({clock, random, vault, directory, engine, {"production", "sandbox"}}),
      discovery({clock, directory, engine, bill}),
      mfa({clock, random, executor, vault, directory, engine, bill, manager}) {
  directory.set_vault_state(VaultState::kReady);
  directory.Reset({}, {});
  engine.Restore(store.Open(*vault.MasterKey()));
  bill.AnswerAtOnce();
}

}  // namespace billbroker

// The fixture of keyring_sessions_test.cc: a broker with many live sessions, whose keyring gets
// random faults while callers and an operator go on.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/seeded_random.h"
#include "tests/support/stub_secret_service.h"

namespace billbroker {

class KeyringSessionsTest : public ::testing::Test {
 protected:
  static constexpr int kFaultsOfRead = 2;

  // The seed is BILLBROKER_FAULT_SEED, or a new one in each run.
  KeyringSessionsTest();

  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  // Starts the broker with live sessions of three credentials, and with credentials that have no
  // sessions yet.
  void Begin();
  // Makes a random fault, and does a call that needs the keyring during the fault. Most rounds end
  // all faults; the other faults last into the next round.
  void RunRound(int round);
  // Ends all faults, and makes kFaultsOfRead faults of credentials while the broker reads all.
  void DisturbRead();
  // Ends all faults and blocks until the broker is ready. The provider restarts, so that the broker
  // reads everything again at once and not after its pause of twenty seconds for unreadable items.
  void Heal();
  // Checks that each caller gets the session that it had, and that each refused caller gets one.
  void ExpectAllSessionsAreServed();
  void ExpectNothingEndedAtBill();

  TestEnvironment env_;
  StubSecretService stub_;

 private:
  // The session of each organization that a caller asked for.
  using SessionIds = std::map<std::string, std::string>;  // by organization; empty: an error

  void CreateCredential(int user);
  void SignInLiveOrganizations();
  // Returns the id of the organization's session.
  std::string AwaitSession(const std::string& organization);
  void ExpectLiveSessionIsServed(int number);
  // Asks for an organization that has no session.
  void CallCold(int round);
  // Attaches an organization to a credential, or detaches it.
  void Change();

  const std::uint64_t seed_;
  SeededRandom random_{seed_};
  SessionIds live_;
  SessionIds cold_;
};

}  // namespace billbroker

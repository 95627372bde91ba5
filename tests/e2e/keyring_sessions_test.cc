// Live sessions outlive random faults of the keyring. BILLBROKER_FAULT_SEED=N repeats the faults of
// a run, whose effects also depend on the time of each call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/e2e/keyring_probes.h"
#include "tests/e2e/keyring_sessions_fixture.h"

namespace billbroker {
namespace {

constexpr int kFaults = 200;
// The broker reads all credentials once in two seconds at most. Few of the other faults meet a
// read.
constexpr int kRoundsPerRead = 23;

TEST_F(KeyringSessionsTest, RandomFaultsEndNoSession) {
  SCOPED_TRACE(absl::StrCat("BILLBROKER_FAULT_SEED=", seed()));
  Begin();
  int round = 0;
  for (int faults = 0; faults < kFaults; faults += kFaultsOfRead + kRoundsPerRead) {
    DisturbRead();
    for (int i = 0; i < kRoundsPerRead; ++i) RunRound(round++);
  }
  Heal();
  AwaitOnlyProbes(stub_);
  ExpectAllSessionsAreServed();
  ExpectNothingEndedAtBill();
  EXPECT_EQ(env_.StopBroker(), 0) << "a crash, or an error of a sanitizer:\n" << env_.Log();
}

}  // namespace
}  // namespace billbroker

// kill -9 at each step of a rotation and of a roll-back. Afterwards the keyring holds exactly the
// old state, the staged one or the new one; no secret is lost; and the change can be completed. The
// same if the keyring stops in the middle of a write.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/e2e/rotation_faults_fixture.h"

namespace billbroker {
namespace {

using Steps = std::vector<FaultStep>;

Steps Staging(Steps then) {
  Steps steps = {
      {"rotation.before_staging", Left::kOld},
      {"vault.before_write", Left::kOld},
      {"vault.written", Left::kStaged},
      {"rotation.staged", Left::kStaged},
      {"rotation.before_proof", Left::kStaged},
      {"probe.before_send", Left::kStaged},
      {"probe.sent", Left::kStaged},
      {"probe.answered", Left::kStaged},
      {"rotation.proved", Left::kStaged},
  };
  steps.insert(steps.end(), then.begin(), then.end());
  return steps;
}

Steps AcceptedSteps() {
  return Staging({{"rotation.before_commit", Left::kStaged},
                  {"vault.before_write:2", Left::kStaged},
                  {"vault.written:2", Left::kNew},
                  {"rotation.committed", Left::kNew},
                  {"rotation.before_adoption", Left::kNew},
                  {"rotation.adopted", Left::kNew}});
}

Steps RefusedSteps() {
  return Staging({{"rotation.before_unstaging", Left::kStaged},
                  {"vault.before_write:2", Left::kStaged},
                  {"vault.written:2", Left::kRefused},
                  {"rotation.unstaged", Left::kRefused}});
}

Steps UnverifiedSteps() {
  return {{"rotation.before_commit", Left::kOld},
          {"vault.before_write", Left::kOld},
          {"vault.written", Left::kNew},
          {"rotation.committed", Left::kNew},
          {"rotation.before_adoption", Left::kNew},
          {"rotation.adopted", Left::kNew}};
}

struct FaultCase {
  std::string name;
  FaultedChange change;
  Steps steps;
};

std::vector<FaultCase> FaultCases() {
  const PastChangeKind back = PastChangeKind::kRolledBack;
  return {
      {"AcceptedRotation", {}, AcceptedSteps()},
      {"RefusedRotation", {.accepted = false}, RefusedSteps()},
      {"UnverifiedRotation", {.verify = false}, UnverifiedSteps()},
      {"AcceptedRollback", {.kind = back}, AcceptedSteps()},
      {"RefusedRollback", {.kind = back, .accepted = false}, RefusedSteps()},
      {"UnverifiedRollback", {.kind = back, .verify = false}, UnverifiedSteps()},
  };
}

class KilledBrokerTest : public RotationFaultsTest,
                         public ::testing::WithParamInterface<FaultCase> {};

// Dies twice at each step. A pending rotation is resumed the first time, and cancelled the second.
TEST_P(KilledBrokerTest, LosesNothingAtAnyStep) {
  for (const FaultStep& step : GetParam().steps) {
    Die(GetParam().change, step, /*resume=*/true);
    Die(GetParam().change, step, /*resume=*/false);
  }
}

INSTANTIATE_TEST_SUITE_P(Changes, KilledBrokerTest, ::testing::ValuesIn(FaultCases()),
                         [](const auto& test) { return test.param.name; });

// A short timeout, because the broker waits for it several times.
class StoppedKeyringTest : public RotationFaultsTest {
 protected:
  StoppedKeyringTest() : RotationFaultsTest(absl::Seconds(3)) {}
};

TEST_F(StoppedKeyringTest, CompletesAnInterruptedWriteLater) {
  StopKeyringAt(1, Reason::kVaultUnreachable);
  StopKeyringAt(2, Reason::kRotationPending);
}

}  // namespace
}  // namespace billbroker

#include "server/session/rules/vault_rule.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

struct VaultRow {
  const char* name;
  VaultState state;
  bool goes;  // once the store was restored
  Reason reason;
};

std::ostream& operator<<(std::ostream& out, const VaultRow& row) { return out << row.name; }

class VaultRuleTest : public ::testing::TestWithParam<VaultRow> {
 protected:
  VaultRuleTest() {
    const VaultState state = GetParam().state;
    health.Set(state == VaultState::kReady ? absl::OkStatus() : VaultError(state));
  }

  const absl::Duration now = absl::Hours(50);
  VaultHealth health;
  VaultRule rule{health};
};

TEST_P(VaultRuleTest, RefusesBeforeTheStoreIsRestored) {
  EXPECT_FALSE(rule.restored());
  EXPECT_EQ(rule.Check(SampleCandidate(), now).kind(), RuleAnswer::Kind::kRefuse);
  EXPECT_THAT(rule.Explain(SampleCandidate(), now), HasReason(GetParam().reason));
}

// A locked vault is asked all the same: it may be unlocked by now.
TEST_P(VaultRuleTest, RefusesASilentOrForeignVaultAfterwards) {
  rule.SetRestored();
  EXPECT_EQ(rule.Check(SampleCandidate(), now).ok(), GetParam().goes);
}

INSTANTIATE_TEST_SUITE_P(
    States, VaultRuleTest,
    ::testing::Values(VaultRow{"Ready", VaultState::kReady, true, Reason::kVaultUnreachable},
                      VaultRow{"Locked", VaultState::kLocked, true, Reason::kVaultLocked},
                      VaultRow{"NoBus", VaultState::kNoBus, false, Reason::kVaultUnreachable},
                      VaultRow{"TimedOut", VaultState::kTimedOut, false, Reason::kVaultUnreachable},
                      VaultRow{"Replaced", VaultState::kReplaced, false, Reason::kVaultUnreachable},
                      VaultRow{"KeyInvalid", VaultState::kKeyInvalid, false,
                               Reason::kVaultUnreachable},
                      VaultRow{"Unknown", VaultState::kUnknown, true, Reason::kVaultUnreachable}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace billbroker

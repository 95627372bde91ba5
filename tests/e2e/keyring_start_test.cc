// The calls of the Secret Service when the broker starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/e2e/keyring_probes.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stub_secret_service.h"

namespace billbroker {
namespace {

constexpr int kForeignItems = 2'000;
// Far above the calls of the probes that a slow start takes, and far below kForeignItems.
constexpr int kMaxProbeCalls = 200;

class KeyringStartTest : public ::testing::Test {
 protected:
  // Starts the broker and returns the number of its calls that are not a probe's.
  int StartAndCount() {
    stub_.ResetCalls();
    env_.StartBroker();
    EXPECT_LE(stub_.CountCalls(), kMaxProbeCalls);
    return CountCallsBeyondProbes(stub_);
  }

  TestEnvironment env_{[] {
    TestEnvironment::Options options;
    options.keyring = PrivateBus::Start::kBus;
    return options;
  }()};
  StubSecretService stub_{env_.bus().address()};
};

TEST_F(KeyringStartTest, CallsDoNotGrowWithForeignItems) {
  env_.StartBroker();
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.CreateBooks(), IsOk());
  EXPECT_EQ(env_.StopBroker(), 0);
  const int calls = StartAndCount();
  EXPECT_GE(calls, 4) << "the attributes and the secret of each credential";
  EXPECT_EQ(env_.StopBroker(), 0);
  for (int n = 0; n < kForeignItems; ++n) {
    stub_.Plant({{"application", "mail"}, {"user", absl::StrCat("user-", n)}}, "mail", "password");
  }
  EXPECT_EQ(StartAndCount(), calls);
  Await([&] { return env_.sessions().GetSession(kPayables).ok(); }, "a session after the restarts");
}

}  // namespace
}  // namespace billbroker

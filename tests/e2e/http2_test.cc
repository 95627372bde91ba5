// The built broker with a BILL that speaks HTTP/2 only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::Gt;

TestEnvironment::Options Http2Options() {
  TestEnvironment::Options options;
  options.http2 = true;
  return options;
}

class Http2Test : public ::testing::Test {
 protected:
  Http2Test() {
    env_.StartBroker();
    EXPECT_THAT(env_.CreateAcme(), IsOk());
  }

  [[nodiscard]] int CountCalls(const char* path) {
    return env_.bill().model().CountsJson()["paths"].value(path, 0);
  }

  TestEnvironment env_{Http2Options()};
};

TEST_F(Http2Test, SignsInServesAndSignsOut) {
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  const auto session = env_.sessions().GetSession(kPayables, with_key);
  ASSERT_THAT(session, IsOk());
  EXPECT_EQ(env_.UseAtBill(*session), 200);
  const auto again = env_.sessions().GetSession(kPayables);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->generation, session->generation);
  EXPECT_THAT(env_.admin().Logout(kPayables), IsOk());
  EXPECT_TRUE(Await([&] { return CountCalls("/v3/logout") == 1; }, "the sign-out at BILL"));
  EXPECT_EQ(CountCalls("/v3/login"), 1);
}

TEST_F(Http2Test, RefusedStreamIsOneSignInAndPasses) {
  env_.FailNext({{"kind", "refused_stream"}, {"path", "/v3/login"}});
  EXPECT_THAT(env_.sessions().GetSession(kPayables),
              AllOf(HasReason(Reason::kBillUnavailable), HasRetryAfter(Gt(absl::ZeroDuration()))));
  EXPECT_EQ(CountCalls("/v3/login"), 1);
  EXPECT_TRUE(Await([&] { return env_.sessions().GetSession(kPayables).ok(); },
                    "a session after the refused stream"));
  EXPECT_EQ(CountCalls("/v3/login"), 2);
  EXPECT_EQ(env_.SignIns(), 1);
}

}  // namespace
}  // namespace billbroker

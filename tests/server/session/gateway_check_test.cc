#include "server/session/gateway_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kSandbox[] = "sandbox-environment";
constexpr char kProduction[] = "production-environment";
constexpr absl::Duration kStart = absl::Seconds(1000);

AnswerShape Shape(int status) { return {status, "", BodyKind::kJson}; }

class GatewayCheckTest : public ::testing::Test {
 protected:
  // Returns whether a request has to be sent. Runs the call of a fresh answer.
  bool Ask(const std::string& environment, absl::Duration now) {
    GatewayCheck::Asked asked =
        check_.Ask(environment, now, [this](const absl::optional<AnswerShape>& shape) {
          statuses_.push_back(shape.has_value() ? shape->http_status : 0);
        });
    if (asked.call != nullptr) asked.call();
    return asked.send;
  }
  void Answer(const std::string& environment, const absl::optional<AnswerShape>& shape,
              absl::Duration now) {
    for (GatewayCheck::Call& call : check_.Answered(environment, shape, now)) call();
  }

  GatewayCheck check_;
  std::vector<int> statuses_;  // of the answers; 0 for none
};

TEST_F(GatewayCheckTest, AllThatAskShareOneRequest) {
  EXPECT_TRUE(Ask(kSandbox, kStart));
  EXPECT_FALSE(Ask(kSandbox, kStart));
  EXPECT_FALSE(Ask(kSandbox, kStart + absl::Minutes(1)));
  EXPECT_THAT(statuses_, IsEmpty());
  Answer(kSandbox, Shape(403), kStart + absl::Minutes(1));
  EXPECT_THAT(statuses_, ElementsAre(403, 403, 403));
}

TEST_F(GatewayCheckTest, AnswerIsUsedAgainForFiveSeconds) {
  EXPECT_TRUE(Ask(kSandbox, kStart));
  Answer(kSandbox, Shape(200), kStart + absl::Seconds(2));
  EXPECT_FALSE(Ask(kSandbox, kStart + absl::Seconds(7)));
  EXPECT_THAT(statuses_, ElementsAre(200, 200));
  EXPECT_TRUE(Ask(kSandbox, kStart + absl::Milliseconds(7001)));
  EXPECT_THAT(statuses_, ElementsAre(200, 200)) << "the old answer is not used";
  Answer(kSandbox, Shape(403), kStart + absl::Seconds(8));
  EXPECT_THAT(statuses_, ElementsAre(200, 200, 403));
}

TEST_F(GatewayCheckTest, MissingAnswerIsNotUsedAgain) {
  EXPECT_TRUE(Ask(kSandbox, kStart));
  EXPECT_FALSE(Ask(kSandbox, kStart));
  Answer(kSandbox, absl::nullopt, kStart);
  EXPECT_THAT(statuses_, ElementsAre(0, 0));
  EXPECT_TRUE(Ask(kSandbox, kStart));
}

TEST_F(GatewayCheckTest, EnvironmentsAreIndependent) {
  EXPECT_TRUE(Ask(kSandbox, kStart));
  EXPECT_TRUE(Ask(kProduction, kStart));
  Answer(kProduction, Shape(200), kStart);
  EXPECT_THAT(statuses_, ElementsAre(200));
  EXPECT_FALSE(Ask(kSandbox, kStart));
  Answer(kSandbox, Shape(403), kStart);
  EXPECT_THAT(statuses_, ElementsAre(200, 403, 403));
}

TEST_F(GatewayCheckTest, CallbackMayAskAgain) {
  GatewayCheck::Asked asked =
      check_.Ask(kSandbox, kStart, [this](const absl::optional<AnswerShape>&) {
        EXPECT_FALSE(Ask(kSandbox, kStart)) << "the answer is recorded before the calls run";
      });
  EXPECT_TRUE(asked.send);
  Answer(kSandbox, Shape(403), kStart);
  EXPECT_THAT(statuses_, ElementsAre(403));
}

TEST(IsByGatewayTest, NeedsAnAnswerOfTheSameShape) {
  BillError error;
  error.http_status = 403;
  error.body = BodyKind::kJson;
  EXPECT_TRUE(IsByGateway(error, Shape(403)));
  EXPECT_FALSE(IsByGateway(error, Shape(200)));
  EXPECT_FALSE(IsByGateway(error, absl::nullopt));
}

}  // namespace
}  // namespace billbroker

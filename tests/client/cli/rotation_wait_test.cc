// `credential rotate --wait`: waits until the new version is in use everywhere.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RotationWaitTest : public CliTest {
 protected:
  RotationWaitTest() {
    host_.clock = &clock_;
    broker_.AddCredential("acme-payables-user", {"00800000000000000801", "00800000000000000802"});
    terminal_.input = R"({"password": "s3cret"})";
  }
  int Rotate(std::vector<std::string> more) {
    std::vector<std::string> args = {"credential", "rotate", "acme-payables-user",
                                     "--secrets-from-stdin"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
};

TEST_F(RotationWaitTest, PrintsEachStepOfTheRotation) {
  broker_.AddProgress(2, 0, 3, 1);
  broker_.AddProgress(2, 0, 3, 1);
  broker_.AddProgress(2, 2, 3, 2);
  broker_.AddProgress(2, 2, 3, 3);
  EXPECT_EQ(Rotate({"--wait"}), kExitOk);
  EXPECT_THAT(absl::StrSplit(err_, '\n', absl::SkipEmpty()),
              ElementsAre(AllOf(HasSubstr("0 of 2"), HasSubstr("1 of 3")),
                          AllOf(HasSubstr("2 of 2"), HasSubstr("2 of 3")),
                          AllOf(HasSubstr("2 of 2"), HasSubstr("3 of 3"))));
  EXPECT_THAT(out_, HasSubstr("acme-payables-user"));
}

TEST_F(RotationWaitTest, PrintsProgressAfterTimeout) {
  broker_.AddProgress(500, 12, 0, 0);
  EXPECT_EQ(Rotate({"--wait", "--wait-timeout", "90s"}), kExitTryLater);
  EXPECT_THAT(err_, HasSubstr("12 of 500"));
}

TEST_F(RotationWaitTest, DoesNotWaitWithoutTheOption) {
  EXPECT_EQ(Rotate({}), kExitOk);
  EXPECT_EQ(err_, "");
}

}  // namespace
}  // namespace billbroker

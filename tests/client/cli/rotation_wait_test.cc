// `credential rotate --wait`: until a new version has come everywhere.
#include <gmock/gmock.h>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RotationWaitTest : public CliTest {
 protected:
  RotationWaitTest() {
    host_.clock = &clock_;
    broker_.AddCredential("acme", {"00801", "00802"});
    terminal_.input = R"({"password": "s3cret"})";
  }
  int Rotate(std::vector<std::string> more) {
    std::vector<std::string> args = {"credential", "rotate", "acme", "--secrets-from-stdin"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
};

TEST_F(RotationWaitTest, EachStepIsToldUntilAllHaveIt) {
  broker_.AddProgress(2, 0, 3, 1);
  broker_.AddProgress(2, 0, 3, 1);
  broker_.AddProgress(2, 2, 3, 2);
  broker_.AddProgress(2, 2, 3, 3);
  EXPECT_EQ(Rotate({"--wait"}), kExitOk);
  EXPECT_EQ(err_,
            "version 4: 0 of 2 live organizations on it, 1 of 3 watchers told\n"
            "version 4: 2 of 2 live organizations on it, 2 of 3 watchers told\n"
            "version 4: 2 of 2 live organizations on it, 3 of 3 watchers told\n");
  EXPECT_THAT(out_, HasSubstr("acme"));
}

TEST_F(RotationWaitTest, AfterTheTimeItSaysHowFarItCame) {
  broker_.AddProgress(500, 12, 0, 0);
  EXPECT_EQ(Rotate({"--wait", "--wait-timeout", "90s"}), kExitTryLater);
  EXPECT_THAT(err_, HasSubstr("the change is in force"));
  EXPECT_THAT(err_, HasSubstr("12 of 500 live organizations"));
}

TEST_F(RotationWaitTest, WithoutTheOptionNobodyAsks) {
  EXPECT_EQ(Rotate({}), kExitOk);
  EXPECT_THAT(err_, Not(HasSubstr("version")));
}

}  // namespace
}  // namespace billbroker

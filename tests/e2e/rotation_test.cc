// Rotation on real parts: the keyring, the simulated BILL, the built binaries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/house.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNewPassword[] = "staple-battery-horse";

class RotationE2eTest : public ::testing::Test {
 protected:
  RotationE2eTest() {
    house.StartBroker();
    EXPECT_EQ(house.CreateAcme(), absl::OkStatus());
  }

  // As a person does at BILL, before the broker is told.
  void ChangePasswordAtBill(const std::string& password) {
    const absl::Status changed =
        house.bill().model().ChangeUser(kAcmeUser, {{"password", password}});
    ASSERT_EQ(changed, absl::OkStatus());
  }
  [[nodiscard]] CredentialVersion Now() { return VersionOf(*house.credentials().Get("acme")); }
  absl::StatusOr<v1::Credential> Rotate(absl::string_view password) {
    CredentialRotation rotation;
    rotation.password = SecretString::CopyOf(password);
    return house.credentials().Rotate(Now(), rotation);
  }

  House house;
};

TEST_F(RotationE2eTest, TheCommandLineRotatesRollsBackAndShowsTheHistory) {
  ChangePasswordAtBill(kNewPassword);
  const House::Output rotated = house.Cli({"credential", "rotate", "acme", "--secrets-from-stdin"},
                                          absl::StrCat(R"({"password": ")", kNewPassword, R"("})"));
  EXPECT_EQ(rotated.exit_code, 0) << rotated.text;
  EXPECT_THAT(rotated.text, HasSubstr("rotated"));
  EXPECT_THAT(rotated.text, Not(HasSubstr(kNewPassword)));
  EXPECT_EQ(house.Cli({"credential", "verify", "acme"}).exit_code, 0);

  ChangePasswordAtBill(kAcmePassword);
  const House::Output back = house.Cli({"credential", "rollback", "acme"});
  EXPECT_EQ(back.exit_code, 0) << back.text;
  EXPECT_THAT(back.text, HasSubstr("rolled_back"));
  EXPECT_EQ(house.Cli({"credential", "verify", "acme"}).exit_code, 0);
  EXPECT_THAT(house.Log(), Not(HasSubstr(kNewPassword)));
}

TEST_F(RotationE2eTest, AWrongPasswordIsOneAttemptAndOldSessionsStay) {
  const auto before = house.sessions().GetSession(kPayables);
  ASSERT_TRUE(before.ok()) << before.status();
  const House::Output refused =
      house.Cli({"credential", "rotate", "acme", "--secrets-from-stdin"}, R"({"password": "no"})");
  EXPECT_EQ(refused.exit_code, 5) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("BDC_1101"));
  EXPECT_THAT(refused.text, HasSubstr("nothing was changed"));
  EXPECT_EQ(house.SignIns(), 2);
  const auto after = house.sessions().GetSession(kPayables);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->generation, before->generation);
  EXPECT_EQ(house.SignIns(), 2);
}

// The callers of a steady load notice nothing of rotations in a row.
TEST_F(RotationE2eTest, UnderLoadNoCallFails) {
  for (const char* organization : {kPayables, kReceivables}) {
    ASSERT_TRUE(house.sessions().GetSession(organization).ok());
  }
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::atomic<int> calls = 0;
  std::vector<std::thread> callers;
  for (const char* organization : {kPayables, kReceivables}) {
    callers.emplace_back([&, organization] {
      GetSessionOptions with_key;
      with_key.include_dev_key = true;
      while (!stop) {
        const auto session = house.sessions().GetSession(organization, with_key);
        if (!session.ok() || house.UseAtBill(*session) != 200) ++failed;
        ++calls;
      }
    });
  }
  constexpr int kRotations = 20;
  for (int i = 0; i < kRotations; ++i) {
    const std::string password = absl::StrCat(kNewPassword, "-", i);
    ChangePasswordAtBill(password);
    const auto rotated = Rotate(password);
    EXPECT_TRUE(rotated.ok()) << rotated.status();
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(calls, kRotations);
  // One proof for each rotation, beside the two sign-ins at the start.
  EXPECT_EQ(house.SignIns(), kRotations + 2);
}

TEST_F(RotationE2eTest, AKilledBrokerFindsTheRotationPendingAndResumesIt) {
  ChangePasswordAtBill(kNewPassword);
  house.bill().gateway().SetLatency(absl::Seconds(30));
  std::thread rotating([&] { EXPECT_FALSE(Rotate(kNewPassword).ok()); });
  ASSERT_TRUE(Eventually([&] {
    const auto shown = house.credentials().Get("acme");
    return shown.ok() && shown->has_pending_rotation();
  }));
  house.KillBroker();
  rotating.join();
  house.bill().gateway().SetLatency(absl::ZeroDuration());
  house.StartBroker();
  const auto shown = house.credentials().Get("acme");
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(shown->version(), 1u);
  ASSERT_TRUE(shown->has_pending_rotation());
  const House::Output another =
      house.Cli({"credential", "rotate", "acme", "--secrets-from-stdin"}, R"({"password": "x"})");
  EXPECT_THAT(another.text, HasSubstr("ROTATION_PENDING"));
  const House::Output resumed = house.Cli({"credential", "resume-rotation", "acme"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.text;
  EXPECT_EQ(house.credentials().Get("acme")->version(), 2u);
  EXPECT_TRUE(house.sessions().GetSession(kReceivables).ok());
}

}  // namespace
}  // namespace billbroker

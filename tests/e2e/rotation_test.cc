// Rotation on real parts: the keyring, the simulated BILL, the built binaries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
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
constexpr int kRotations = 20;

std::string DevKey(int n) { return absl::StrCat("devkey-acme-next-", n); }

// The sample, with more devKeys that Acme's organizations take, and no limit of calls an hour to a
// load that is as steady as it can be.
House::Options World() {
  House::Options options;
  nlohmann::json data = nlohmann::json::parse(options.data);
  for (int n = 0; n < kRotations; ++n) {
    data["dev_keys"].push_back({{"key", DevKey(n)}});
    for (const int organization : {0, 1}) {
      data["organizations"][organization]["dev_keys"].push_back(DevKey(n));
    }
  }
  data["settings"]["calls_per_hour"] = 1'000'000;
  options.data = data.dump();
  return options;
}

class RotationE2eTest : public ::testing::Test {
 protected:
  RotationE2eTest() : house(World()) {
    house.StartBroker();
    EXPECT_EQ(house.CreateAcme(), absl::OkStatus());
  }

  // As a person does at BILL, before the broker is told.
  void ChangePasswordAtBill(const std::string& password) {
    const absl::Status changed =
        house.bill().model().ChangeUser(kAcmeUser, {{"password", password}});
    ASSERT_EQ(changed, absl::OkStatus());
  }
  [[nodiscard]] client::CredentialVersion Now() {
    return VersionOf(*house.credentials().Get("acme"));
  }
  absl::StatusOr<v1::Credential> Rotate(absl::string_view password,
                                        absl::string_view dev_key = "") {
    CredentialRotation rotation;
    rotation.password = SecretString::CopyOf(password);
    if (!dev_key.empty()) rotation.dev_key = SecretString::CopyOf(dev_key);
    return house.credentials().Rotate(Now(), rotation);
  }
  absl::StatusOr<ClientSession> Session(absl::string_view organization) {
    GetSessionOptions with_key;
    with_key.include_dev_key = true;
    return house.sessions().GetSession(organization, with_key);
  }
  static std::vector<NewOrganization> Named(const char* organization) {
    std::vector<NewOrganization> named;
    named.push_back({organization, {}});
    return named;
  }
  [[nodiscard]] int FailedSignIns() {
    return house.bill().model().CountsJson()["users"][kAcmeUser]["sign_ins_failed"];
  }
  void Restart() {
    EXPECT_EQ(house.StopBroker(), 0);
    house.StartBroker();
    EXPECT_TRUE(Eventually([&] { return house.admin().GetStatus().ok(); }));
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
    ASSERT_TRUE(Session(organization).ok());
  }
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::atomic<int> calls = 0;
  std::vector<std::thread> callers;
  for (const char* organization : {kPayables, kReceivables}) {
    callers.emplace_back([&, organization] {
      while (!stop) {
        const auto session = Session(organization);
        if (!session.ok() || house.UseAtBill(*session) != 200) ++failed;
        ++calls;
      }
    });
  }
  for (int i = 0; i < kRotations; ++i) {
    const std::string password = absl::StrCat(kNewPassword, "-", i);
    ChangePasswordAtBill(password);
    const auto rotated = Rotate(password, DevKey(i));
    EXPECT_TRUE(rotated.ok()) << rotated.status();
  }
  // The session that no proof brought has been used all the while, and is replaced at leisure,
  // because its devKey is an old one now.
  EXPECT_TRUE(Eventually([&] {
    const auto session = Session(kReceivables);
    return session.ok() && session->dev_key.Reveal() == DevKey(kRotations - 1);
  }));
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(calls, kRotations);
  // The two at the start, a proof for each rotation, and that replacement, of which there are
  // more where one came in the midst of the rotations.
  EXPECT_GE(house.SignIns(), 2 + kRotations + 1);
  EXPECT_LE(house.SignIns(), 2 + 2 * kRotations);
}

TEST_F(RotationE2eTest, OfTwoOperatorsAtOnceOneWins) {
  // Long enough for both to have seen the same version.
  house.bill().gateway().SetLatency(absl::Seconds(2));
  House::Output outputs[2];
  std::vector<std::thread> operators;
  for (const int i : {0, 1}) {
    operators.emplace_back([&, i] {
      outputs[i] = house.Cli({"credential", "rotate", "acme", "--secrets-from-stdin"},
                             absl::StrCat(R"({"dev_key": ")", DevKey(i), R"("})"));
    });
  }
  for (std::thread& each : operators) each.join();
  const int winner = outputs[0].exit_code == 0 ? 0 : 1;
  EXPECT_EQ(outputs[winner].exit_code, 0) << outputs[winner].text;
  EXPECT_THAT(outputs[1 - winner].text, HasSubstr("VERSION_CONFLICT"));
  EXPECT_EQ(house.credentials().Get("acme")->version(), 2u);
  EXPECT_EQ(house.SignIns(), 1);
  EXPECT_EQ(Session(kReceivables)->dev_key.Reveal(), DevKey(winner));
}

TEST_F(RotationE2eTest, ARefusedPasswordIsNotTriedAgainUnlessSomebodySaysIt) {
  EXPECT_TRUE(HasReason(Rotate("wrong").status(), Reason::kCredentialRejected));
  ASSERT_EQ(FailedSignIns(), 1);
  CredentialRotation wrong;
  wrong.password = SecretString::CopyOf("wrong");
  ASSERT_TRUE(house.credentials().Rotate(Now(), wrong, {.verify = false}).ok());
  EXPECT_EQ(house.WhyNoSession(kPayables), Reason::kCredentialRejected);
  ASSERT_TRUE(house.credentials().Detach(Now(), {kReceivables}).ok());
  ASSERT_TRUE(house.credentials().Attach(Now(), Named(kReceivables)).ok());
  EXPECT_EQ(house.WhyNoSession(kReceivables), Reason::kCredentialRejected);
  Restart();
  EXPECT_EQ(house.WhyNoSession(kPayables), Reason::kCredentialRejected);
  EXPECT_EQ(house.WhyNoSession(kReceivables), Reason::kCredentialRejected);

  ASSERT_TRUE(Rotate(kAcmePassword).ok());
  for (int i = 0; i < 2; ++i) {
    const House::Output back = house.Cli({"credential", "rollback", "acme"});
    EXPECT_THAT(back.text, HasSubstr("CREDENTIAL_REJECTED"));
    Restart();
  }
  EXPECT_EQ(FailedSignIns(), 1);
  EXPECT_TRUE(house.sessions().GetSession(kPayables).ok());

  EXPECT_TRUE(HasReason(Rotate("wrong").status(), Reason::kCredentialRejected));
  EXPECT_EQ(FailedSignIns(), 2);
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

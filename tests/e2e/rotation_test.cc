// Rotation with the built binaries, a real keyring and the simulated BILL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNewPassword[] = "staple-battery-horse";
constexpr int kRotations = 20;

std::string DevKey(int n) { return absl::StrCat("devkey-acme-next-", n); }

// Returns options with the sample data, more devKeys for Acme's organizations, and no hourly limit
// for the test under load.
TestEnvironment::Options WithMoreDevKeys() {
  TestEnvironment::Options options;
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
  RotationE2eTest() : env_(WithMoreDevKeys()) {
    env_.StartBroker();
    EXPECT_THAT(env_.CreateAcme(), IsOk());
  }

  // Changes the password at BILL, as an operator does before the rotation.
  void ChangePasswordAtBill(const std::string& password) {
    const absl::Status changed =
        env_.bill().model().ChangeUser(kAcmeUser, {{"password", password}});
    ASSERT_THAT(changed, IsOk());
  }
  [[nodiscard]] CredentialTarget CurrentVersion() {
    return VersionOf(*env_.credentials().Get(kAcme));
  }
  absl::StatusOr<v1::Credential> Rotate(absl::string_view password,
                                        absl::string_view dev_key = "") {
    CredentialRotation rotation;
    rotation.password = SecretString::CopyOf(password);
    if (!dev_key.empty()) rotation.dev_key = SecretString::CopyOf(dev_key);
    return env_.credentials().Rotate(CurrentVersion(), rotation);
  }
  absl::StatusOr<ClientSession> Session(absl::string_view organization) {
    GetSessionOptions with_key;
    with_key.include_dev_key = true;
    return env_.sessions().GetSession(organization, with_key);
  }
  static std::vector<NewOrganization> ToList(const char* organization) {
    std::vector<NewOrganization> list;
    list.push_back({organization, {}});
    return list;
  }
  [[nodiscard]] int FailedSignIns() {
    return env_.bill().model().CountsJson()["users"][kAcmeUser]["sign_ins_failed"];
  }
  void Restart() {
    EXPECT_EQ(env_.StopBroker(), 0);
    env_.StartBroker();
    Await([&] { return env_.admin().GetStatus().ok(); }, "the broker to answer");
  }

  TestEnvironment env_;
};

TEST_F(RotationE2eTest, CommandLineRotatesAndRollsBack) {
  ChangePasswordAtBill(kNewPassword);
  const TestEnvironment::Output rotated =
      env_.Cli({"credential", "rotate", kAcme, "--secrets-from-stdin"},
               absl::StrCat(R"({"password": ")", kNewPassword, R"("})"));
  EXPECT_EQ(rotated.exit_code, 0) << rotated.text;
  EXPECT_THAT(rotated.text, HasSubstr("rotated"));
  EXPECT_THAT(rotated.text, Not(HasSubstr(kNewPassword)));
  EXPECT_EQ(env_.Cli({"credential", "verify", kAcme}).exit_code, 0);

  ChangePasswordAtBill(kAcmePassword);
  const TestEnvironment::Output back = env_.Cli({"credential", "rollback", kAcme});
  EXPECT_EQ(back.exit_code, 0) << back.text;
  EXPECT_THAT(back.text, HasSubstr("rolled_back"));
  EXPECT_EQ(env_.Cli({"credential", "verify", kAcme}).exit_code, 0);
  EXPECT_THAT(env_.Log(), Not(HasSubstr(kNewPassword)));
}

TEST_F(RotationE2eTest, WrongPasswordIsTriedOnceAndKeepsSessions) {
  const auto before = env_.sessions().GetSession(kPayables);
  ASSERT_THAT(before, IsOk());
  const TestEnvironment::Output refused =
      env_.Cli({"--output", "json", "credential", "rotate", kAcme, "--secrets-from-stdin"},
               R"({"password": "no"})");
  EXPECT_EQ(refused.exit_code, 5) << refused.text;
  EXPECT_EQ(refused.Json()["error"]["metadata"]["bill_code"], "BDC_1101");
  EXPECT_EQ(env_.credentials().Get(kAcme)->version(), 1u);
  EXPECT_EQ(env_.SignIns(), 2);
  const auto after = env_.sessions().GetSession(kPayables);
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(after->generation, before->generation);
  EXPECT_EQ(env_.SignIns(), 2);
}

TEST_F(RotationE2eTest, RotationsUnderLoadFailNoCall) {
  for (const char* organization : {kPayables, kReceivables}) {
    ASSERT_THAT(Session(organization), IsOk());
  }
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::atomic<int> calls = 0;
  std::vector<std::thread> callers;
  for (const char* organization : {kPayables, kReceivables}) {
    callers.emplace_back([&, organization] {
      while (!stop) {
        const auto session = Session(organization);
        if (!session.ok() || env_.UseAtBill(*session) != 200) ++failed;
        ++calls;
      }
    });
  }
  for (int i = 0; i < kRotations; ++i) {
    const std::string password = absl::StrCat(kNewPassword, "-", i);
    ChangePasswordAtBill(password);
    const auto rotated = Rotate(password, DevKey(i));
    EXPECT_THAT(rotated, IsOk());
  }
  // No proof created the session of the receivables. It stays in use until the broker replaces it
  // in the background, because its devKey is an old one.
  const auto is_replaced = [&] {
    const auto session = Session(kReceivables);
    return session.ok() && session->dev_key.Reveal() == DevKey(kRotations - 1);
  };
  Await(is_replaced, "the session with an old devKey to be replaced");
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(calls, kRotations);
  // Two at the start, one proof per rotation, and the replacement. There are more replacements if
  // one happens between the rotations.
  EXPECT_GE(env_.SignIns(), 2 + kRotations + 1);
  EXPECT_LE(env_.SignIns(), 2 + 2 * kRotations);
}

TEST_F(RotationE2eTest, OneOfTwoConcurrentRotationsWins) {
  // Long enough for both to read the same version.
  env_.bill().gateway().SetLatency(absl::Seconds(2));
  TestEnvironment::Output outputs[2];
  std::vector<std::thread> operators;
  for (const int i : {0, 1}) {
    operators.emplace_back([&, i] {
      outputs[i] =
          env_.Cli({"--output", "json", "credential", "rotate", kAcme, "--secrets-from-stdin"},
                   absl::StrCat(R"({"dev_key": ")", DevKey(i), R"("})"));
    });
  }
  for (std::thread& each : operators) each.join();
  const int winner = outputs[0].exit_code == 0 ? 0 : 1;
  EXPECT_EQ(outputs[winner].exit_code, 0) << outputs[winner].text;
  EXPECT_EQ(outputs[1 - winner].Json()["error"]["reason"], "VERSION_CONFLICT");
  EXPECT_EQ(env_.credentials().Get(kAcme)->version(), 2u);
  EXPECT_EQ(env_.SignIns(), 1);
  EXPECT_EQ(Session(kReceivables)->dev_key.Reveal(), DevKey(winner));
}

TEST_F(RotationE2eTest, RefusedPasswordIsRetriedOnlyOnRequest) {
  EXPECT_THAT(Rotate("wrong"), HasReason(Reason::kCredentialRejected));
  ASSERT_EQ(FailedSignIns(), 1);
  CredentialRotation wrong;
  wrong.password = SecretString::CopyOf("wrong");
  ASSERT_THAT(env_.credentials().Rotate(CurrentVersion(), wrong, {.verify = false}), IsOk());
  EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kCredentialRejected);
  ASSERT_THAT(env_.credentials().Detach(CurrentVersion(), {kReceivables}), IsOk());
  ASSERT_THAT(env_.credentials().Attach(CurrentVersion(), ToList(kReceivables)), IsOk());
  EXPECT_EQ(env_.WhyNoSession(kReceivables), Reason::kCredentialRejected);
  Restart();
  EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kCredentialRejected);
  EXPECT_EQ(env_.WhyNoSession(kReceivables), Reason::kCredentialRejected);

  ASSERT_THAT(Rotate(kAcmePassword), IsOk());
  for (int i = 0; i < 2; ++i) {
    const TestEnvironment::Output back =
        env_.Cli({"--output", "json", "credential", "rollback", kAcme});
    EXPECT_EQ(back.Json()["error"]["reason"], "CREDENTIAL_REJECTED");
    Restart();
  }
  EXPECT_EQ(FailedSignIns(), 1);
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());

  EXPECT_THAT(Rotate("wrong"), HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(FailedSignIns(), 2);
}

TEST_F(RotationE2eTest, PendingRotationCanBeResumedAfterAKill) {
  ChangePasswordAtBill(kNewPassword);
  env_.bill().gateway().SetLatency(absl::Seconds(30));
  std::thread rotating([&] { EXPECT_THAT(Rotate(kNewPassword), Not(IsOk())); });
  const auto is_pending = [&] {
    const auto shown = env_.credentials().Get(kAcme);
    return shown.ok() && shown->has_pending_rotation();
  };
  Await(is_pending, "the rotation to be pending");
  env_.KillBroker();
  rotating.join();
  env_.bill().gateway().SetLatency(absl::ZeroDuration());
  env_.StartBroker();
  const auto shown = env_.credentials().Get(kAcme);
  ASSERT_THAT(shown, IsOk());
  EXPECT_EQ(shown->version(), 1u);
  ASSERT_TRUE(shown->has_pending_rotation());
  const TestEnvironment::Output another =
      env_.Cli({"--output", "json", "credential", "rotate", kAcme, "--secrets-from-stdin"},
               R"({"password": "x"})");
  EXPECT_EQ(another.Json()["error"]["reason"], "ROTATION_PENDING");
  const TestEnvironment::Output resumed = env_.Cli({"credential", "resume-rotation", kAcme});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.text;
  EXPECT_EQ(env_.credentials().Get(kAcme)->version(), 2u);
  EXPECT_THAT(env_.sessions().GetSession(kReceivables), IsOk());
}

}  // namespace
}  // namespace billbroker

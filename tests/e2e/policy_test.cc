// Changes of the policy of a running broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

class PolicyE2eTest : public ::testing::Test {
 protected:
  PolicyE2eTest() {
    env_.StartBroker();
    EXPECT_THAT(env_.CreateAcme(), IsOk());
    EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  }

  // Replaces the policy file as described in docs/operations.md.
  void PutInPlace(const std::string& text) const {
    const std::string next = env_.File("policy.toml.next");
    std::ofstream(next) << text;
    ::chmod(next.c_str(), 0600);
    std::filesystem::rename(next, env_.File("policy.toml"));
  }

  static std::string GrantToMe(const std::string& grant) {
    return absl::StrCat("[[principal]]\nname = \"unix:me\"\nusers = [\"", ::geteuid(), "\"]\n",
                        "[[grant]]\nprincipals = [\"unix:me\"]\n", grant);
  }

  void AwaitRefusal(const char* organization, Reason reason) {
    Await([&] { return env_.WhyNoSession(organization) == reason; },
          absl::StrCat("a refusal with ", std::string(ReasonName(reason))));
  }

  TestEnvironment env_;
};

TEST_F(PolicyE2eTest, ChangeAppliesToOpenConnections) {
  PutInPlace(GrantToMe(absl::StrCat("role = \"reader\"\norganizations = [\"", kPayables, "\"]\n")));
  AwaitRefusal(kReceivables, Reason::kNotGranted);
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  const TestEnvironment::Output denied =
      env_.Cli({"--output", "json", "session", "logout", kPayables});
  EXPECT_EQ(denied.exit_code, 7) << denied.text;
  EXPECT_EQ(denied.Json()["error"]["reason"], "NOT_GRANTED");

  PutInPlace(
      "[[grant]]\nprincipals = [\"cn:nobody\"]\nrole = \"reader\"\n"
      "organizations = [\"*\"]\n");
  AwaitRefusal(kPayables, Reason::kCallerUnknown);
  PutInPlace(GrantToMe("role = \"admin\"\norganizations = [\"*\"]\n"));
  Await([&] { return env_.sessions().GetSession(kPayables).ok(); }, "the grant to take effect");
}

TEST_F(PolicyE2eTest, MalformedPolicyIsIgnored) {
  PutInPlace("[[principal]]\nname = \"me\"\n");
  env_.broker().Signal(SIGHUP);
  Await([&] { return env_.CountEvents("policy_kept") > 0; }, "the error to be logged");
  EXPECT_THAT(env_.Log(), HasSubstr("policy.toml:2: ")) << "file and line of the mistake";
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
}

}  // namespace
}  // namespace billbroker

// The policy of a running broker, changed under it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/house.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

class PolicyE2eTest : public ::testing::Test {
 protected:
  PolicyE2eTest() {
    house_.StartBroker();
    EXPECT_TRUE(house_.CreateAcme().ok());
    EXPECT_TRUE(house_.sessions().GetSession(kPayables).ok());
  }

  // As docs/operations.md says.
  void PutInPlace(const std::string& text) const {
    const std::string next = house_.File("policy.toml.next");
    std::ofstream(next) << text;
    ::chmod(next.c_str(), 0600);
    std::filesystem::rename(next, house_.File("policy.toml"));
  }

  static std::string Me(const std::string& grant) {
    return absl::StrCat("[[principal]]\nname = \"unix:me\"\nusers = [\"", ::geteuid(), "\"]\n",
                        "[[grant]]\nprincipals = [\"unix:me\"]\n", grant);
  }

  House house_;
};

TEST_F(PolicyE2eTest, AChangedPolicyIsInForceForOpenConnections) {
  PutInPlace(Me(absl::StrCat("role = \"reader\"\norganizations = [\"", kPayables, "\"]\n")));
  EXPECT_TRUE(Eventually([&] { return house_.WhyNoSession(kReceivables) == Reason::kNotGranted; }));
  EXPECT_TRUE(house_.sessions().GetSession(kPayables).ok());
  const House::Output denied = house_.Cli({"session", "logout", kPayables});
  EXPECT_EQ(denied.exit_code, 7) << denied.text;
  EXPECT_THAT(denied.text, HasSubstr("NOT_GRANTED"));

  PutInPlace(
      "[[grant]]\nprincipals = [\"cn:nobody\"]\nrole = \"reader\"\n"
      "organizations = [\"*\"]\n");
  EXPECT_TRUE(Eventually([&] { return house_.WhyNoSession(kPayables) == Reason::kCallerUnknown; }));
  PutInPlace(Me("role = \"admin\"\norganizations = [\"*\"]\n"));
  EXPECT_TRUE(Eventually([&] { return house_.sessions().GetSession(kPayables).ok(); }));
}

TEST_F(PolicyE2eTest, ABrokenPolicyChangesNothingAndAHangUpReadsItAgain) {
  PutInPlace("[[principal]]\nname = \"me\"\n");
  house_.broker().Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(house_.Log(), "policy_kept"); }));
  EXPECT_THAT(house_.Log(), HasSubstr("policy.toml:2: principal.name must be"));
  EXPECT_TRUE(house_.sessions().GetSession(kPayables).ok());
}

}  // namespace
}  // namespace billbroker

#include "server/app/policy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

constexpr char kGoodPolicy[] = R"([limits]
calls_per_second = 50
calls_in_flight = 20
watches = 30

[[principal]]
name = "unix:payments-service"
users = ["4711", "root", "0"]
groups = ["4712"]
calls_in_flight = 5
watched_organizations = 700

[[grant]]
principals = ["unix:payments-service", "spiffe://corp/*"]
role = "caller"
organizations = ["0080*"]
credentials = ["acme-corporation-payables"]
)";

TEST(PolicyFileTest, ReadsPrincipalsGrantsAndLimits) {
  const absl::StatusOr<Policy> policy = ParsePolicy(kGoodPolicy, "p.toml");
  ASSERT_THAT(policy, IsOk());
  EXPECT_EQ(policy->PrincipalOf({4711, {}}), "unix:payments-service");
  EXPECT_EQ(policy->PrincipalOf({0, {}}), "unix:payments-service") << "users may be listed by name";
  EXPECT_EQ(policy->PrincipalOf({5, {4712}}), "unix:payments-service");
  EXPECT_EQ(policy->PrincipalOf({4712, {}}), absl::nullopt);
  for (const char* principal : {"unix:payments-service", "spiffe://corp/payments-service"}) {
    const Grants grants = policy->GrantsOf(principal);
    EXPECT_TRUE(grants.CoversOrganization(Role::kCaller, "00800000000000000081")) << principal;
    EXPECT_TRUE(grants.CoversCredential(Role::kCaller, "acme-corporation-payables"));
    EXPECT_FALSE(grants.Any(Role::kOperator));
  }
  EXPECT_EQ(policy->LimitsOf("unix:payments-service").calls_in_flight, 5);
  EXPECT_EQ(policy->LimitsOf("unix:payments-service").calls_per_second, 50);
  EXPECT_EQ(policy->LimitsOf("unix:payments-service").watches, 30);
  EXPECT_EQ(policy->LimitsOf("unix:payments-service").watched_organizations, 700);
  EXPECT_EQ(policy->LimitsOf("spiffe://corp/x").calls_in_flight, 20);
  EXPECT_EQ(policy->LimitsOf("spiffe://corp/x").watched_organizations, 100'000);
}

TEST(PolicyFileTest, RejectsEmptyFile) {
  EXPECT_THAT(ParsePolicy("", "p.toml"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PolicyFileTest, BurstDefaultsToTwiceTheRate) {
  const std::string rest = std::string("[[principal]]\nname = \"unix:a\"\nusers = [\"1\"]\n") +
                           "%s[[grant]]\nprincipals = [\"unix:a\"]\nrole = \"reader\"\n"
                           "organizations = [\"*\"]\n";
  const auto burst = [&rest](const std::string& limits, const std::string& own) {
    const absl::StatusOr<Policy> policy =
        ParsePolicy(limits + absl::StrReplaceAll(rest, {{"%s", own}}), "p.toml");
    EXPECT_THAT(policy, IsOk());
    return policy.ok() ? policy->LimitsOf("unix:a").burst : 0;
  };
  EXPECT_EQ(burst("", ""), 2000);
  EXPECT_EQ(burst("[limits]\nburst = 100\n", ""), 100);
  EXPECT_EQ(burst("[limits]\nburst = 100\n", "calls_per_second = 7\n"), 14);
  EXPECT_EQ(burst("", "burst = 3\n"), 3);
}

TEST(PolicyFileTest, AcceptsPatternsThatCertificatesCanMatch) {
  for (const char* principal :
       {"spiffe:*", "spiffe:/*", "spiffe://*", "spiffe://corp.example/Pay", "spiffe://*/Pay",
        "spiffe://co*Pay", "dns:*.corp.example", "cn:Payments", "cn:*"}) {
    const absl::StatusOr<Policy> policy =
        ParsePolicy(absl::StrCat("[[grant]]\nprincipals = [\"", principal,
                                 "\"]\nrole = \"reader\"\norganizations = [\"*\"]"),
                    "p.toml");
    EXPECT_THAT(policy, IsOk());
  }
}

TEST(PolicyFileTest, RejectsFileThatOthersMayWrite) {
  const TempFolder folder;
  const std::string path = folder.File("policy.toml");
  std::ofstream(path) << kGoodPolicy;
  ::chmod(path.c_str(), 0644);
  EXPECT_THAT(LoadPolicy(path), IsOk());
  ::chmod(path.c_str(), 0664);
  EXPECT_THAT(LoadPolicy(path), StatusIs(absl::StatusCode::kInvalidArgument));
  ::chmod(path.c_str(), 0666);
  EXPECT_THAT(LoadPolicy(path), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(LoadPolicy(path + "x"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PolicyFileTest, RejectsFileOfAnotherUser) {
  constexpr uid_t kNobody = 65534;
  const TempFolder folder;
  const std::string path = folder.File("policy.toml");
  std::ofstream(path) << kGoodPolicy;
  ::chmod(path.c_str(), 0644);
  if (::chown(path.c_str(), kNobody, kNobody) != 0) {
    GTEST_SKIP() << "only root may give files away: run this test as root, as CI does";
  }
  EXPECT_THAT(LoadPolicy(path), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace billbroker

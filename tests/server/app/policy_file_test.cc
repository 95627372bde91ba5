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

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGood[] = R"([limits]
calls_per_second = 50
calls_in_flight = 20

[[principal]]
name = "unix:payments"
users = ["4711", "root", "0"]
groups = ["4712"]
calls_in_flight = 5

[[grant]]
principals = ["unix:payments", "spiffe://corp/*"]
role = "caller"
organizations = ["0080*"]
credentials = ["acme-payables"]
)";

TEST(PolicyFileTest, SaysWhoMayDoWhat) {
  const absl::StatusOr<Policy> policy = ParsePolicy(kGood, "p.toml");
  ASSERT_THAT(policy, IsOk());
  EXPECT_EQ(policy->PrincipalOf({4711, {}}), "unix:payments");
  EXPECT_EQ(policy->PrincipalOf({0, {}}), "unix:payments") << "users may be named";
  EXPECT_EQ(policy->PrincipalOf({5, {4712}}), "unix:payments");
  EXPECT_EQ(policy->PrincipalOf({4712, {}}), absl::nullopt);
  for (const char* principal : {"unix:payments", "spiffe://corp/payments"}) {
    const Grants grants = policy->GrantsOf(principal);
    EXPECT_TRUE(grants.CoversOrganization(Role::kCaller, "00801")) << principal;
    EXPECT_TRUE(grants.CoversCredential(Role::kCaller, "acme-payables"));
    EXPECT_FALSE(grants.Any(Role::kOperator));
  }
  EXPECT_EQ(policy->LimitsOf("unix:payments").calls_in_flight, 5);
  EXPECT_EQ(policy->LimitsOf("unix:payments").calls_per_second, 50);
  EXPECT_EQ(policy->LimitsOf("spiffe://corp/x").calls_in_flight, 20);
}

TEST(PolicyFileTest, AnEmptyOneIsOneThatIsBeingWritten) {
  EXPECT_EQ(ParsePolicy("", "p.toml").status().message(),
            "p.toml: grant is missing: nobody could do anything");
}

TEST(PolicyFileTest, ABurstIsTwiceTheCallsUnlessItIsSaid) {
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

TEST(PolicyFileTest, WhatIsWrongIsSaidByLine) {
  const std::string principal = "[[principal]]\nname = \"unix:a\"\nusers = [\"1\"]\n";
  struct Row {
    std::string text;
    const char* error;
  };
  for (const Row& row : {
           Row{"x", "p.toml:1: not valid TOML"},
           Row{"grants = 3", "p.toml:1: unknown key \"grants\""},
           Row{"[[principal]]\nname = \"payments\"\nusers = [\"1\"]",
               "p.toml:2: principal.name must be \"unix:\" and 1 to 64 characters of [a-z0-9._-]"},
           Row{"[[principal]]\nname = \"unix:a\"", "names neither users nor groups"},
           Row{"[[principal]]\nname = \"unix:a\"\nusers = [\"no-such-user\"]",
               "p.toml:3: principal.users names \"no-such-user\": there is no user"},
           Row{"[[principal]]\nname = \"unix:a\"\nusers = [\"4294967295\"]", "there is no user"},
           Row{"[[principal]]\nname = \"unix:a\"\ngroups = [\"no-such-group\"]",
               "there is no group \"no-such-group\""},
           Row{principal + "[[principal]]\nname = \"unix:b\"\nusers = [\"1\"]",
               "p.toml:6: principal.users names user 1, which unix:a names too"},
           Row{principal + principal, "is that of another principal"},
           Row{"[[grant]]\nrole = \"reader\"\norganizations = [\"*\"]",
               "grant.principals is missing; say to whom it is granted"},
           Row{"[[grant]]\nprincipals = [\"payments\"]\nrole = \"reader\"\norganizations = [\"*\"]",
               "must each begin with unix:, spiffe:, dns: or cn:, which \"payments\" does not"},
           Row{"[[grant]]\nprincipals = [\"unix:a\"]\nrole = \"reader\"\norganizations = [\"*\"]",
               "names \"unix:a\", which no [[principal]] is called"},
           Row{principal + "[[grant]]\nprincipals = [\"unix:A\"]",
               "which no [[principal]] is called"},
           Row{principal + "[[grant]]\nprincipals = [\"unix:b*\"]",
               "which no [[principal]] is called"},
           Row{"[[grant]]\nprincipals = [\"cn:a\", \"spiffe:corp/pay\"]",
               "p.toml:2: grant.principals names \"spiffe:corp/pay\", which no certificate is "
               "called; write \"spiffe://DOMAIN/PATH\""},
           Row{"[[grant]]\nprincipals = [\"spiffe:/corp*\"]", "which no certificate is called"},
           Row{"[[grant]]\nprincipals = [\"spiffe:\"]", "which no certificate is called"},
           Row{"[[grant]]\nprincipals = [\"spiffe://\"]", "which no certificate is called"},
           Row{"[[grant]]\nprincipals = [\"spiffe://Corp.example/Pay\"]",
               "which no certificate is called; write its domain in small letters"},
           Row{"[[grant]]\nprincipals = [\"dns:*.Corp.example\"]",
               "p.toml:2: grant.principals names \"dns:*.Corp.example\", which no certificate is "
               "called; write \"dns:*.corp.example\""},
           Row{"[[grant]]\nprincipals = [\"cn:a\"]\nrole = \"root\"\norganizations = [\"*\"]",
               "p.toml:3: grant.role must be reader, caller, operator or admin, not \"root\""},
           Row{"[[grant]]\nprincipals = [\"cn:a\"]\nrole = \"reader\"", "grants nothing"},
           Row{"[[grant]]\nprincipals = [\"cn:a\"]\nrole = \"reader\"\norganizations = [\"a b\"]",
               "\"a b\" is neither"},
           Row{"[limits]\ncalls_per_second = 0", "limits.calls_per_second must be"},
       }) {
    const absl::StatusOr<Policy> policy = ParsePolicy(row.text, "p.toml");
    ASSERT_THAT(policy, Not(IsOk())) << row.text;
    EXPECT_THAT(std::string(policy.status().message()), HasSubstr(row.error)) << row.text;
  }
}

TEST(PolicyFileTest, APatternThatACertificateMayMatchIsTaken) {
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

TEST(PolicyFileTest, OneThatOthersMayWriteIsRefused) {
  const TempFolder folder;
  const std::string path = folder.File("policy.toml");
  std::ofstream(path) << kGood;
  ::chmod(path.c_str(), 0644);
  EXPECT_THAT(LoadPolicy(path), IsOk());
  ::chmod(path.c_str(), 0664);
  EXPECT_THAT(std::string(LoadPolicy(path).status().message()), HasSubstr("its group may write"));
  ::chmod(path.c_str(), 0666);
  EXPECT_THAT(std::string(LoadPolicy(path).status().message()),
              HasSubstr("every user of this machine may write it"));
  EXPECT_THAT(std::string(LoadPolicy(path + "x").status().message()), HasSubstr("cannot be read"));
}

TEST(PolicyFileTest, OneOfAnotherUserIsRefused) {
  constexpr uid_t kNobody = 65534;
  const TempFolder folder;
  const std::string path = folder.File("policy.toml");
  std::ofstream(path) << kGood;
  ::chmod(path.c_str(), 0644);
  if (::chown(path.c_str(), kNobody, kNobody) != 0) {
    GTEST_SKIP() << "only root may give files away: run this test as root, as CI does";
  }
  EXPECT_EQ(LoadPolicy(path).status().message(),
            path + ": belongs to user 65534; chown it to root or to this user");
}

}  // namespace
}  // namespace billbroker

#include "server/access/policy.h"

#include <gtest/gtest.h>

#include <string>

namespace billbroker {
namespace {

TEST(GlobTest, StarMatchesAnyRunOfCharacters) {
  struct Row {
    const char* glob;
    const char* text;
    bool matches;
  };
  for (const Row& row :
       {Row{"", "", true}, Row{"", "a", false}, Row{"*", "", true}, Row{"*", "0081", true},
        Row{"0081", "0081", true}, Row{"0081", "00811", false}, Row{"008*", "0081", true},
        Row{"008*", "008", true}, Row{"008*", "0071", false}, Row{"*81", "0081", true},
        Row{"*81", "0081x", false}, Row{"0*8*1", "0081", true}, Row{"a*ab", "aaab", true},
        Row{"a*ab", "aaa", false}, Row{"**", "x", true}, Row{"a*b*", "acb", true},
        Row{"?", "a", false}}) {
    EXPECT_EQ(MatchesGlob(row.glob, row.text), row.matches) << row.glob << " of " << row.text;
  }
}

TEST(GlobTest, ManyStarsMatchInBoundedTime) {
  std::string glob;
  for (int i = 0; i < 64; ++i) glob += "a*";
  EXPECT_FALSE(MatchesGlob(glob + "b", std::string(100'000, 'a')));
}

TEST(RoleTest, RoleIncludesLowerRoles) {
  for (const Role role : {Role::kReader, Role::kCaller, Role::kOperator, Role::kAdmin}) {
    EXPECT_EQ(RoleNamed(RoleName(role)), role);
  }
  EXPECT_EQ(RoleNamed("root"), absl::nullopt);
  const Grants grants({{{}, Role::kCaller, {"00800000000000000081"}, {}}});
  EXPECT_TRUE(grants.CoversOrganization(Role::kReader, "00800000000000000081"));
  EXPECT_TRUE(grants.CoversOrganization(Role::kCaller, "00800000000000000081"));
  EXPECT_FALSE(grants.CoversOrganization(Role::kOperator, "00800000000000000081"));
  EXPECT_TRUE(grants.Any(Role::kCaller));
  EXPECT_FALSE(grants.Any(Role::kOperator));
}

TEST(GrantsTest, DeniesByDefault) {
  const Grants none;
  EXPECT_FALSE(none.Any(Role::kReader));
  EXPECT_FALSE(none.CoversOrganization(Role::kReader, "00800000000000000081"));
  EXPECT_FALSE(none.CoversCredential(Role::kReader, "acme-corporation-payables"));
}

TEST(GrantsTest, OrganizationGrantDoesNotCoverCredential) {
  const Grants organizations({{{}, Role::kAdmin, {"0080*"}, {}}});
  EXPECT_TRUE(organizations.CoversOrganization(Role::kAdmin, "00800000000000000081"));
  EXPECT_FALSE(organizations.CoversCredential(Role::kAdmin, "acme-corporation-payables"))
      << "the credential may serve other organizations";
  const Grants credentials({{{}, Role::kAdmin, {}, {"acme-*"}}});
  EXPECT_TRUE(credentials.CoversCredential(Role::kAdmin, "acme-corporation-payables"));
  EXPECT_FALSE(credentials.CoversCredential(Role::kAdmin, "books"));
  EXPECT_FALSE(credentials.CoversOrganization(Role::kAdmin, "00800000000000000081"));
  const Grants all({{{}, Role::kAdmin, {"*"}, {}}});
  EXPECT_TRUE(all.CoversCredential(Role::kAdmin, "acme-corporation-payables"));
}

TEST(GrantsTest, RolesDoNotMixAcrossGrants) {
  const Grants grants(
      {{{}, Role::kReader, {"*"}, {}}, {{}, Role::kAdmin, {"00800000000000000081"}, {}}});
  EXPECT_FALSE(grants.CoversOrganization(Role::kCaller, "00800000000000000082"));
  EXPECT_FALSE(grants.CoversCredential(Role::kCaller, "acme-corporation-payables"));
}

TEST(PolicyTest, UserMatchesBeforeGroups) {
  Policy policy;
  policy.principals = {{"unix:accounting-team", {}, {50, 51}},
                       {"unix:accounting-archive", {}, {51}},
                       {"unix:accounting-lead", {7}, {}}};
  EXPECT_EQ(policy.PrincipalOf({7, {50}}), "unix:accounting-lead");
  EXPECT_EQ(policy.PrincipalOf({8, {10, 51}}), "unix:accounting-team")
      << "the first principal that lists a group of the user";
  EXPECT_EQ(policy.PrincipalOf({50, {7}}), absl::nullopt) << "a user id is not a group id";
}

TEST(PolicyTest, SelectsGrantsAndLimitsByPrincipal) {
  Policy policy;
  policy.grants = {{{"unix:pay*"}, Role::kReader, {"00800000000000000081"}, {}},
                   {{"cn:payments-service"}, Role::kAdmin, {"*"}, {}}};
  policy.own_limits["unix:payments-service"].calls_in_flight = 3;
  EXPECT_TRUE(policy.GrantsOf("unix:payments-service")
                  .CoversOrganization(Role::kReader, "00800000000000000081"));
  EXPECT_FALSE(policy.GrantsOf("unix:payments-service").Any(Role::kAdmin));
  EXPECT_FALSE(policy.GrantsOf("unix:another-service").Any(Role::kReader));
  EXPECT_EQ(policy.LimitsOf("unix:payments-service").calls_in_flight, 3);
  EXPECT_EQ(policy.LimitsOf("unix:another-service").calls_in_flight, policy.limits.calls_in_flight);
}

}  // namespace
}  // namespace billbroker

// Golden texts of the policy file's errors.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/app/policy_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

TEST(PolicyMessagesTest, NamesLineKeyAndFix) {
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
               "grant.principals is missing; name the principals of the grant"},
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
    ASSERT_THAT(policy, StatusIs(absl::StatusCode::kInvalidArgument)) << row.text;
    EXPECT_THAT(std::string(policy.status().message()), HasSubstr(row.error)) << row.text;
  }
}

TEST(PolicyMessagesTest, EmptyFile) {
  EXPECT_EQ(ParsePolicy("", "p.toml").status().message(),
            "p.toml: grant is missing: nobody could do anything");
}

TEST(PolicyMessagesTest, UnsafeFile) {
  const TempFolder folder;
  const std::string path = folder.File("policy.toml");
  const auto message = [&path] { return std::string(LoadPolicy(path).status().message()); };
  EXPECT_EQ(message(), path + ": cannot be read: No such file or directory");
  std::ofstream(path) << "x";
  ASSERT_EQ(::chmod(path.c_str(), 0664), 0);
  EXPECT_EQ(message(), absl::StrCat(path, ": its group may write it; chmod g-w ", path));
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  EXPECT_EQ(message(),
            absl::StrCat(path, ": every user of this machine may write it; chmod o-w ", path));
}

TEST(PolicyMessagesTest, FileOfAnotherUser) {
  const TempFolder folder;
  const std::string path = folder.File("policy.toml");
  std::ofstream(path) << "x";
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  constexpr uid_t kNobody = 65534;
  if (::chown(path.c_str(), kNobody, kNobody) != 0) {
    GTEST_SKIP() << "only root may give files away: run this test as root, as CI does";
  }
  EXPECT_EQ(LoadPolicy(path).status().message(),
            path + ": belongs to user 65534; chown it to root or to this user");
}

}  // namespace
}  // namespace billbroker

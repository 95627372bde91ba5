#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Returns a user of the environment "sandbox" with the further members `more`.
std::string User(const std::string& name, const std::string& username, const std::string& more) {
  return absl::StrCat(R"({"environment":"sandbox","kind":"user","name":")", name,
                      R"(","username":")", username, "\"", more, "}");
}

constexpr char kSecrets[] = R"(,"dev_key":"s3cret-key","password":"s3cret-word")";

class CredentialImportTest : public CliTest {
 protected:
  CredentialImportTest() {
    v1::GetStatusResponse status;
    status.add_environments()->set_name("sandbox");
    broker_.set_status(status);
    broker_.AddCredential("acme-payables-user", {"00800000000000000801"});  // of ada@acme.test
  }

  int Import(const std::vector<std::string>& credentials, std::vector<std::string> more = {}) {
    terminal_.input = absl::StrCat(R"({"credentials":[)", absl::StrJoin(credentials, ","), "]}");
    more.insert(more.begin(), {"credential", "import"});
    return Run(more);
  }

  static std::string NewUser(const std::string& name) {
    return User(name, name + "@acme.test",
                absl::StrCat(kSecrets, R"(,"organizations":[{"id":"1"},{"id":"2"}])"));
  }
  static std::string Acme(const std::string& more) {
    return User("acme-payables-user", "Ada@acme.test", more);
  }
};

TEST_F(CredentialImportTest, DryRunPrintsThePlanOnly) {
  EXPECT_EQ(
      Import(
          {NewUser("new"),
           Acme(
               R"(,"organizations":[{"id":"00800000000000000801"},{"id":"00800000000000000802"}])")},
          {"--dry-run"}),
      kExitOk)
      << err_;
  EXPECT_EQ(out_, "create new with 2 organizations\nattach 1 organization to acme-payables-user\n");
  EXPECT_EQ(Import({Acme(R"(,"organizations":[{"id":"00800000000000000801","dev_key":"s3cret"}])")},
                   {"--dry-run"}),
            kExitOk)
      << err_;
  EXPECT_EQ(out_, "nothing to do for acme-payables-user\n");
  EXPECT_THAT(broker_.create_requests(), IsEmpty());
  EXPECT_THAT(broker_.attach_requests(), IsEmpty());
}

TEST_F(CredentialImportTest, ExecutesThePlanAndReportsIt) {
  EXPECT_EQ(Import({NewUser("new"),
                    Acme(R"(,"organizations":[{"id":"00800000000000000802","dev_key":"own"}])")}),
            kExitOk)
      << err_;
  EXPECT_EQ(
      out_,
      "done: create new with 2 organizations\ndone: attach 1 organization to acme-payables-user\n");
  const v1::CreateCredentialRequest created = broker_.create_requests().front();
  EXPECT_EQ(created.password(), "s3cret-word");
  EXPECT_EQ(created.organizations(1).organization_id(), "2");
  EXPECT_EQ(broker_.attach_requests().front().organizations(0).dev_key(), "own");
  EXPECT_THAT(out_ + err_, Not(HasSubstr("s3cret")));
}

TEST_F(CredentialImportTest, SecondImportDoesNothing) {
  ASSERT_EQ(Import({NewUser("new")}), kExitOk) << err_;
  ASSERT_EQ(Import({NewUser("new")}), kExitOk) << err_;
  EXPECT_EQ(out_, "nothing to do for new\n");
  EXPECT_THAT(broker_.create_requests(), SizeIs(1));
}

TEST_F(CredentialImportTest, ImportAcceptsExportedDocument) {
  ASSERT_EQ(Run({"credential", "export"}), kExitOk) << err_;
  terminal_.input = out_;
  EXPECT_EQ(Run({"credential", "import"}), kExitOk) << err_;
  EXPECT_EQ(out_, "nothing to do for acme-payables-user\n");
}

TEST_F(CredentialImportTest, ReportsStepsAfterAFailure) {
  broker_.FailNext("CreateCredential", absl::OkStatus());
  broker_.FailNext("CreateCredential", MakeError(Reason::kVaultLocked, "locked"));
  EXPECT_EQ(Import({NewUser("a"), NewUser("b"), NewUser("c")}, {"--output", "json"}),
            kExitNeedsPerson);
  const Json credentials = OutJson()["credentials"];
  EXPECT_EQ(credentials[0]["state"], "done");
  EXPECT_EQ(credentials[1]["state"], "failed");
  EXPECT_EQ(credentials[2]["state"], "not_tried");
  EXPECT_EQ(credentials[2]["action"], "create");
  EXPECT_EQ(ErrorJson()["reason"], "VAULT_LOCKED");
  EXPECT_THAT(broker_.create_requests(), SizeIs(2));
}

TEST_F(CredentialImportTest, OneMistakeRejectsTheWholeDocument) {
  const std::string good = NewUser("good");
  const std::pair<std::string, std::string> cases[] = {
      {User("Bad", "x@a", kSecrets), "credentials[1].name"},
      {NewUser("good"), "credentials[1].name"},
      {User("b", "GOOD@acme.test", kSecrets), "credentials[1].username"},
      {User("b", "ADA@acme.test", kSecrets), "credential \"acme-payables-user\""},
      {R"({"name":"b","environment":"moon","kind":"user","username":"b"})",
       "credentials[1].environment"},
      {User("acme-payables-user", "eve@acme.test", ""), "credentials[1].username"},
      {Acme(R"(,"device":"d","remember_me_id":"s3cret")"), "credentials[1].device"},
      {Acme(R"(,"organizations":[{"id":"1"},{"id":"1"}])"), "credentials[1].organizations[1].id"},
      {Acme(R"(,"organizations":[{"id":"a b"}])"), "credentials[1].organizations[0].id"},
      {User("b", "b", R"(,"dev_key":"s3cret")"), "credentials[1]"},
      {User("b", "b", R"(,"password":"s3cret","organizations":[{"id":"1"}])"),
       "organizations[0].dev_key"},
      {User("b", "b", absl::StrCat(kSecrets, R"(,"device":"d")")), "remember_me_id"}};
  for (const auto& [bad, place] : cases) {
    EXPECT_EQ(Import({good, bad}), kExitUsage) << bad;
    EXPECT_THAT(err_, HasSubstr(place)) << bad;
    EXPECT_THAT(err_, Not(HasSubstr("s3cret"))) << bad;
  }
  EXPECT_THAT(broker_.create_requests(), IsEmpty());
  EXPECT_THAT(broker_.attach_requests(), IsEmpty());
}

TEST_F(CredentialImportTest, RejectsImportFromATerminal) {
  terminal_.person = true;
  EXPECT_EQ(Run({"credential", "import"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("credential export"));
}

}  // namespace
}  // namespace billbroker

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class CredentialCommandTest : public CliTest {
 protected:
  int Create(std::vector<std::string> more) {
    std::vector<std::string> args = {"credential",
                                     "create",
                                     "acme-payables-user",
                                     "--environment",
                                     "sandbox",
                                     "--kind",
                                     "user",
                                     "--username",
                                     "ada@acme.test",
                                     "--organization",
                                     "00800000000000000801"};
    args.insert(args.end(), more.begin(), more.end());
    return Run(args);
  }
};

TEST_F(CredentialCommandTest, CreateTakesSecretsFromStandardInput) {
  terminal_.input = R"({"dev_key": "dev-key-9Zk4-secret", "password": "p\u00e4ss\"word"})";
  EXPECT_EQ(Create({"--secrets-from-stdin", "--organization", "00800000000000000802", "--output",
                    "json"}),
            kExitOk)
      << err_;
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  EXPECT_EQ(sent.credential(), "acme-payables-user");
  EXPECT_EQ(sent.environment(), "sandbox");
  EXPECT_EQ(sent.kind(), v1::CREDENTIAL_KIND_USER);
  EXPECT_EQ(sent.username(), "ada@acme.test");
  EXPECT_EQ(sent.dev_key(), kDevKeySecret);
  EXPECT_EQ(sent.password(), "p\xC3\xA4ss\"word");
  ASSERT_EQ(sent.organizations_size(), 2);
  EXPECT_EQ(sent.organizations(1).organization_id(), "00800000000000000802");
  EXPECT_EQ(OutJson()["organizations"][0]["organization_id"], "00800000000000000801");
  EXPECT_THAT(out_ + err_, Not(HasSubstr(kDevKeySecret)));
}

TEST_F(CredentialCommandTest, NameMayFollowAnOrganization) {
  terminal_.input = R"({"password": "p"})";
  EXPECT_EQ(
      Run({"credential", "create", "--secrets-from-stdin", "--environment", "sandbox", "--kind",
           "user", "--username", "ada@acme.test", "--organization", "00800000000000000801",
           "--organization", "00800000000000000802", "acme-payables-user"}),
      kExitOk)
      << err_;
  EXPECT_EQ(broker_.create_requests().front().credential(), "acme-payables-user");
  EXPECT_EQ(broker_.create_requests().front().organizations_size(), 2);
}

TEST_F(CredentialCommandTest, CreateAsksForSecretsWithoutEcho) {
  terminal_.person = true;
  terminal_.answers = {kDevKeySecret, "hunter2"};
  EXPECT_EQ(Create({}), kExitOk) << err_;
  EXPECT_THAT(terminal_.secret_prompts,
              ElementsAre("devKey (not shown): ", "password (not shown): "));
  EXPECT_THAT(terminal_.prompts, IsEmpty());
  EXPECT_EQ(broker_.create_requests().front().password(), "hunter2");
  EXPECT_THAT(out_ + err_, Not(HasSubstr("hunter2")));
}

TEST_F(CredentialCommandTest, AsksWhetherTrailingSpaceIsMeant) {
  terminal_.person = true;
  terminal_.answers = {kDevKeySecret, "hunter2 ", "", "hunter2 ", "y"};
  EXPECT_EQ(Create({}), kExitOk) << err_;
  EXPECT_THAT(terminal_.secret_prompts, SizeIs(3)) << "an empty answer asks for the secret again";
  EXPECT_THAT(terminal_.prompts, SizeIs(2));
  EXPECT_EQ(broker_.create_requests().front().password(), "hunter2 ");
  EXPECT_THAT(out_ + err_, Not(HasSubstr("hunter2")));
}

TEST_F(CredentialCommandTest, WarnsOfTrailingSpaceFromStandardInput) {
  terminal_.input = R"({"dev_key": "dev-key-9Zk4-secret", "password": "hunter2\n"})";
  EXPECT_EQ(Create({"--secrets-from-stdin"}), kExitOk) << err_;
  EXPECT_EQ(broker_.create_requests().front().password(), "hunter2\n");
  EXPECT_THAT(err_, HasSubstr("warning: password"));
  EXPECT_THAT(err_, Not(HasSubstr("dev_key")));
  EXPECT_THAT(err_, Not(HasSubstr("hunter2")));
}

TEST_F(CredentialCommandTest, RotateWarnsOfTrailingSpace) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801"});
  terminal_.input = R"({"remember_me_id": "remembered-by-bill "})";
  EXPECT_EQ(Run({"credential", "rotate", "acme-payables-user", "--secrets-from-stdin"}), kExitOk);
  EXPECT_EQ(broker_.rotate_requests().front().remember_me_id(), "remembered-by-bill ");
  EXPECT_THAT(err_, HasSubstr("warning: remember_me_id"));
}

TEST_F(CredentialCommandTest, CreateAsksForDevKeysOfConsole) {
  terminal_.person = true;
  terminal_.answers = {"", "own-1", "own-2", "token"};
  EXPECT_EQ(Run({"credential", "create", "books", "--environment", "sandbox", "--kind", "console",
                 "--username", "b@acme.test", "--organization", "00800000000000000801",
                 "--organization", "00800000000000000802"}),
            kExitOk)
      << err_;
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  EXPECT_EQ(sent.organizations(0).dev_key(), "own-1");
  EXPECT_EQ(sent.organizations(1).dev_key(), "own-2");
  EXPECT_EQ(sent.console_api_token(), "token");
}

TEST_F(CredentialCommandTest, CreateTakesPartnerOrganizationsWithUsers) {
  terminal_.input = R"({"password": "p", "app_key": "a", "dev_key": "k"})";
  const std::string file =
      folder_.Write("ids", "00800000000000000802=00600000000000000062  # the second\n");
  EXPECT_EQ(Run({"credential", "create", "firm", "--environment", "sandbox", "--kind", "partner",
                 "--username", "api@firm.test", "--organization",
                 "00800000000000000801=00600000000000000061", "--organizations-from", file,
                 "--secrets-from-stdin"}),
            kExitOk)
      << err_;
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  EXPECT_EQ(sent.kind(), v1::CREDENTIAL_KIND_PARTNER);
  EXPECT_EQ(sent.app_key(), "a");
  EXPECT_EQ(sent.organizations(0).organization_id(), "00800000000000000801");
  EXPECT_EQ(sent.organizations(0).user_id(), "00600000000000000061");
  EXPECT_EQ(sent.organizations(1).user_id(), "00600000000000000062");

  EXPECT_EQ(Run({"credential", "show", "firm"}), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("ORGANIZATION          DEVKEY            SIGNS IN AS\n"
                              "00800000000000000801  the credential's  00600000000000000061\n"));
  EXPECT_EQ(Run({"credential", "attach", "firm", "00800000000000000803=00600000000000000063"}),
            kExitOk)
      << err_;
  EXPECT_EQ(broker_.attach_requests().front().organizations(0).user_id(), "00600000000000000063");
  EXPECT_EQ(Run({"credential", "export", "firm"}), kExitOk) << err_;
  EXPECT_EQ(OutJson()["credentials"][0]["kind"], "partner");
  EXPECT_EQ(OutJson()["credentials"][0]["organizations"][2]["user_id"], "00600000000000000063");
}

TEST_F(CredentialCommandTest, CreateAsksForSecretsOfPartner) {
  terminal_.person = true;
  terminal_.answers = {"key", "", "app", "hunter2"};
  EXPECT_EQ(Run({"credential", "create", "firm", "--environment", "sandbox", "--kind", "partner",
                 "--username", "api@firm.test", "--organization",
                 "00800000000000000801=00600000000000000061"}),
            kExitOk)
      << err_;
  EXPECT_EQ(broker_.create_requests().front().app_key(), "app");
  EXPECT_EQ(broker_.create_requests().front().password(), "hunter2");
}

TEST_F(CredentialCommandTest, CreateAsksForRememberMeIdOfDevice) {
  terminal_.person = true;
  terminal_.answers = {"key", "value", "remembered"};
  EXPECT_EQ(Create({"--sync-token", "--device", "server-1"}), kExitOk) << err_;
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  EXPECT_TRUE(sent.sync_token());
  EXPECT_EQ(sent.remember_me_id(), "remembered");
  EXPECT_EQ(sent.device(), "server-1");
}

TEST_F(CredentialCommandTest, CreateReadsOrganizationsFromAFile) {
  terminal_.input =
      R"({"password": "p", "organization_dev_keys": {"00800000000000000803": "own"}})";
  const std::string file = folder_.Write("ids",
                                         "00800000000000000802\n\n  00800000000000000803  # the "
                                         "third\n# nothing\n00800000000000000801\n");
  EXPECT_EQ(Create({"--secrets-from-stdin", "--organizations-from", file}), kExitOk) << err_;
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  ASSERT_EQ(sent.organizations_size(), 3);
  EXPECT_EQ(sent.organizations(2).organization_id(), "00800000000000000803");
  EXPECT_EQ(sent.organizations(2).dev_key(), "own");
  EXPECT_EQ(Create({"--secrets-from-stdin", "--organizations-from", folder_ / "none"}), kExitUsage);
}

TEST_F(CredentialCommandTest, CreateNeedsTerminalOrStandardInput) {
  EXPECT_EQ(Create({}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--secrets-from-stdin"));
  EXPECT_THAT(broker_.create_requests(), IsEmpty());
}

TEST_F(CredentialCommandTest, CreateRejectsDevKeyOfOtherOrganization) {
  terminal_.input =
      R"({"password": "p", "organization_dev_keys": {"00800000000000000899": "own"}})";
  EXPECT_EQ(Create({"--secrets-from-stdin"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("organization_dev_keys"));
  EXPECT_THAT(broker_.create_requests(), IsEmpty());
}

TEST_F(CredentialCommandTest, ShowPrintsCredentialWithoutSecrets) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801", "00800000000000000802"});
  EXPECT_EQ(Run({"credential", "show", "acme-payables-user"}), kExitOk) << err_;
  EXPECT_EQ(out_,
            "name           acme-payables-user\n"
            "version        3\n"
            "environment    sandbox\n"
            "kind           user\n"
            "user name      ada@acme.test\n"
            "created        2027-01-14T08:00:00Z\n"
            "changed        2027-01-15T08:00:00Z\n"
            "organizations  2\n"
            "\n"
            "ORGANIZATION          DEVKEY\n"
            "00800000000000000801  the credential's\n"
            "00800000000000000802  the credential's\n");
  EXPECT_EQ(Run({"credential", "show", "nobody"}), kExitNotFound);
}

TEST_F(CredentialCommandTest, NamesVersionIfNoRotationIsPending) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801"});
  for (const char* command : {"resume-rotation", "cancel-rotation"}) {
    EXPECT_EQ(Run({"credential", command, "acme-payables-user"}), kExitFailed);
    EXPECT_THAT(err_, HasSubstr("has no rotation pending; it has version 3"));
    EXPECT_THAT(err_, HasSubstr("may be repeated"));
  }
}

TEST_F(CredentialCommandTest, ListHoldsEveryCredential) {
  EXPECT_EQ(Run({"credential", "list"}), kExitOk);
  for (const char* name : {"a", "b", "c"}) broker_.AddCredential(name, {"00800000000000000801"});
  EXPECT_EQ(Run({"credential", "list"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("ENVIRONMENT  KIND"));
  EXPECT_EQ(Run({"credential", "list", "--output", "json"}), kExitOk);
  ASSERT_THAT(OutJson()["credentials"], SizeIs(3));
  EXPECT_EQ(OutJson()["credentials"][2], Json({{"name", "c"},
                                               {"uid", "ffeeddccbbaa99887766554433221100"},
                                               {"version", 3},
                                               {"environment", "sandbox"},
                                               {"kind", "user"},
                                               {"username", "ada@acme.test"},
                                               {"sync_token", false},
                                               {"device", ""},
                                               {"secrets", Json::object()},
                                               {"organization_count", 1},
                                               {"create_time", "2027-01-14T08:00:00Z"},
                                               {"update_time", "2027-01-15T08:00:00Z"},
                                               {"remember_me_expire_time", nullptr},
                                               {"remember_me_refuse_time", nullptr},
                                               {"pending_rotation", nullptr}}));
}

TEST_F(CredentialCommandTest, DeleteAsksFirst) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801"});
  EXPECT_EQ(Run({"credential", "delete", "acme-payables-user"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--yes"));
  terminal_.person = true;
  terminal_.answers = {"what?", "n"};
  EXPECT_EQ(Run({"credential", "delete", "acme-payables-user"}), kExitFailed);
  EXPECT_THAT(broker_.credential_names(), ElementsAre("acme-payables-user"));
  terminal_.answers = {"y"};
  EXPECT_EQ(Run({"credential", "delete", "acme-payables-user"}), kExitOk) << err_;
  EXPECT_THAT(broker_.credential_names(), IsEmpty());
}

TEST_F(CredentialCommandTest, DeleteWithLiveSessionsNeedsForce) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801"});
  broker_.set_sessions_live(true);
  EXPECT_EQ(Run({"credential", "delete", "acme-payables-user", "--yes"}), kExitFailed);
  EXPECT_THAT(err_, HasSubstr("--force"));
  EXPECT_EQ(
      Run({"credential", "delete", "acme-payables-user", "--yes", "--force", "--output", "json"}),
      kExitOk);
  EXPECT_EQ(OutJson(), Json({{"deleted", "acme-payables-user"}}));
}

TEST_F(CredentialCommandTest, AttachAndDetachChangeTheOrganizations) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801"});
  EXPECT_EQ(Run({"credential", "attach", "acme-payables-user", "00800000000000000802",
                 "00800000000000000803", "00800000000000000802"}),
            kExitOk)
      << err_;
  EXPECT_EQ(broker_.attach_requests().front().organizations_size(), 2);
  EXPECT_EQ(broker_.attach_requests().front().version(), 3u);
  EXPECT_EQ(Run({"credential", "detach", "acme-payables-user", "00800000000000000801",
                 "00800000000000000803", "--output", "json"}),
            kExitOk);
  EXPECT_EQ(
      OutJson()["organizations"],
      Json::array(
          {{{"organization_id", "00800000000000000802"}, {"dev_key_id", ""}, {"user_id", ""}}}));
  EXPECT_EQ(OutJson()["version"], 5);
}

TEST_F(CredentialCommandTest, AttachTakesOnlyDevKeysFromStandardInput) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801"});
  terminal_.input = R"({"organization_dev_keys": {"00800000000000000802": "dev-key-9Zk4-secret"}})";
  EXPECT_EQ(Run({"credential", "attach", "acme-payables-user", "00800000000000000802",
                 "--secrets-from-stdin"}),
            kExitOk);
  EXPECT_EQ(broker_.attach_requests().front().organizations(0).dev_key(), kDevKeySecret);
  EXPECT_THAT(out_ + err_, Not(HasSubstr(kDevKeySecret)));
  EXPECT_THAT(out_, HasSubstr("fedcba9876543210"));
  terminal_.input = R"({"password": "hunter2"})";
  EXPECT_EQ(Run({"credential", "attach", "acme-payables-user", "00800000000000000802",
                 "--secrets-from-stdin"}),
            kExitUsage);
  EXPECT_THAT(err_, Not(HasSubstr("hunter2")));
  EXPECT_THAT(broker_.attach_requests(), SizeIs(1));
}

TEST_F(CredentialCommandTest, RotateRemovesOrganizationsOwnDevKey) {
  broker_.AddCredential("acme", {"00801", "00802"});
  terminal_.input = R"({"organization_dev_keys": {"00801": "own", "00802": ""}})";
  EXPECT_EQ(Run({"credential", "rotate", "acme", "--secrets-from-stdin"}), kExitOk) << err_;
  const v1::RotateCredentialRequest sent = broker_.rotate_requests().front();
  EXPECT_EQ(sent.organizations(0).dev_key(), "own");
  EXPECT_FALSE(sent.organizations(0).clear_dev_key());
  EXPECT_EQ(sent.organizations(1).organization_id(), "00802");
  EXPECT_TRUE(sent.organizations(1).clear_dev_key());
}

}  // namespace
}  // namespace billbroker

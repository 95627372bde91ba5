// credential discover, attach --from, export.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CredentialBulkTest : public CliTest {
 protected:
  CredentialBulkTest() { broker_.AddCredential("acme-payables-user", {"00800000000000000801"}); }
};

TEST_F(CredentialBulkTest, DiscoverListsOrganizationsOnly) {
  broker_.set_discovered(
      {{"00800000000000000801", "Payables"}, {"00800000000000000802", "Receivables"}});
  EXPECT_EQ(Run({"credential", "discover", "acme-payables-user", "--organization",
                 "00800000000000000801"}),
            kExitOk)
      << err_;
  EXPECT_EQ(out_,
            "ORGANIZATION          ATTACHED  NAME\n"
            "00800000000000000801  yes       Payables\n"
            "00800000000000000802  no        Receivables\n");
  EXPECT_EQ(broker_.discover_requests().front().organization_id(), "00800000000000000801");
  EXPECT_THAT(broker_.attach_requests(), IsEmpty());
}

TEST_F(CredentialBulkTest, DiscoverAttachesMissingOrganizations) {
  broker_.set_discovered({{"00800000000000000801", "A"},
                          {"00800000000000000802", "B"},
                          {"00800000000000000803", "C"}});
  EXPECT_EQ(Run({"credential", "discover", "acme-payables-user", "--attach", "--output", "json"}),
            kExitOk)
      << err_;
  ASSERT_THAT(broker_.attach_requests(), SizeIs(1));
  const v1::AttachOrganizationsRequest sent = broker_.attach_requests().front();
  EXPECT_EQ(sent.version(), 3U);
  ASSERT_EQ(sent.organizations_size(), 2);
  EXPECT_EQ(sent.organizations(0).organization_id(), "00800000000000000802");
  EXPECT_EQ(OutJson()["newly_attached"], 2);
  EXPECT_EQ(OutJson()["organizations"][2]["display_name"], "C");
  EXPECT_EQ(OutJson()["organizations"][2]["attached"], true);

  EXPECT_EQ(Run({"credential", "discover", "acme-payables-user", "--attach"}), kExitOk) << err_;
  EXPECT_THAT(broker_.attach_requests(), SizeIs(1));
}

TEST_F(CredentialBulkTest, DiscoverReportsFailures) {
  broker_.FailNext("DiscoverOrganizations", MakeError(Reason::kMfaRequired, "untrusted"));
  EXPECT_EQ(Run({"credential", "discover", "acme-payables-user", "--attach"}), kExitNeedsPerson);
  EXPECT_EQ(Run({"credential", "discover", "nobody"}), kExitNotFound);
  EXPECT_THAT(broker_.attach_requests(), IsEmpty());
}

TEST_F(CredentialBulkTest, AttachReadsIdsFromFileOrStandardInput) {
  const std::string file = folder_.Write(
      "ids",
      "00800000000000000802\n\n 00800000000000000803 # third\n# none\n00800000000000000802\n");
  EXPECT_EQ(
      Run({"credential", "attach", "acme-payables-user", "00800000000000000804", "--from", file}),
      kExitOk)
      << err_;
  ASSERT_THAT(broker_.attach_requests(), SizeIs(1));
  EXPECT_EQ(broker_.attach_requests().front().organizations_size(), 3) << "each once";
  terminal_.input = "00800000000000000805\r\n00800000000000000806";
  EXPECT_EQ(Run({"credential", "attach", "acme-payables-user", "--from", "-"}), kExitOk) << err_;
  EXPECT_EQ(broker_.attach_requests().back().organizations(1).organization_id(),
            "00800000000000000806");
}

TEST_F(CredentialBulkTest, AttachRejectsMalformedListsOfIds) {
  EXPECT_EQ(Run({"credential", "attach", "acme-payables-user"}), kExitUsage);
  terminal_.input = "# nothing\n";
  EXPECT_EQ(Run({"credential", "attach", "acme-payables-user", "--from", "-"}), kExitUsage);
  EXPECT_EQ(
      Run({"credential", "attach", "acme-payables-user", "--from", "-", "--secrets-from-stdin"}),
      kExitUsage);
  EXPECT_EQ(Run({"credential", "attach", "acme-payables-user", "--from", folder_ / "none"}),
            kExitUsage);
  terminal_.input.clear();
  for (int i = 0; i <= 10'000; ++i) absl::StrAppend(&terminal_.input, i, "\n");
  EXPECT_EQ(Run({"credential", "attach", "acme-payables-user", "--from", "-"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("10001"));
  EXPECT_THAT(broker_.attach_requests(), IsEmpty());
}

TEST_F(CredentialBulkTest, ExportPrintsImportableDocument) {
  broker_.AddCredential("books", {});
  broker_.AddCredential("third", {"00800000000000000803"});
  EXPECT_EQ(Run({"credential", "export"}), kExitOk) << err_;
  EXPECT_EQ(OutJson()["credentials"].size(), 3U);
  EXPECT_EQ(OutJson()["credentials"][0],
            Json::parse(R"({"name":"acme-payables-user","environment":"sandbox","kind":"user",
                            "username":"ada@acme.test","sync_token":false,"device":"",
                            "organizations":[{"id":"00800000000000000801"}]})"));
  EXPECT_EQ(Run({"credential", "export", "third", "third"}), kExitOk) << err_;
  EXPECT_EQ(OutJson()["credentials"].size(), 1U);
  EXPECT_EQ(Run({"credential", "export", "acme-payables-user", "nobody"}), kExitNotFound);
  EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace billbroker

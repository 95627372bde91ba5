#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KeyringCommandTest : public CliTest {
 protected:
  KeyringCommandTest() {
    v1::AdoptKeyringResponse adoption;
    adoption.set_confirmation("adopt payroll-instance");
    adoption.set_credential_count(2);
    adoption.set_organization_count(5);
    adoption.set_sign_in_count(17);
    v1::SetAsideFile& file = *adoption.add_files();
    file.set_file("/var/lib/billbroker/sessions.db");
    file.set_aside("/var/lib/billbroker/sessions.db.aside-20300101T000000Z");
    broker_.set_adoption(adoption);
  }

  // Returns the confirmations that the broker received after the preview.
  std::vector<std::string> Confirmations() const {
    std::vector<std::string> confirmations;
    for (const v1::AdoptKeyringRequest& request : broker_.adopt_requests()) {
      if (!request.validate_only()) confirmations.push_back(request.confirmation());
    }
    return confirmations;
  }
};

TEST_F(KeyringCommandTest, PersonConfirmsTheLosses) {
  terminal_.person = true;
  terminal_.answers = {" adopt payroll-instance "};
  EXPECT_EQ(Run({"keyring", "adopt"}), kExitOk) << err_;
  EXPECT_THAT(err_,
              HasSubstr("given up: the sessions of 5 organizations of 2 credentials,\nand the "
                        "record of 17 sign-ins of the past hour\n"
                        "/var/lib/billbroker/sessions.db  renamed to  "
                        "/var/lib/billbroker/sessions.db.aside-20300101T000000Z"));
  EXPECT_THAT(terminal_.prompts,
              ElementsAre("type \"adopt payroll-instance\" to give all of this up: "));
  EXPECT_THAT(Confirmations(), ElementsAre("adopt payroll-instance"));
  EXPECT_THAT(out_, HasSubstr("billbroker credential create"));
}

TEST_F(KeyringCommandTest, OtherAnswerChangesNothing) {
  terminal_.person = true;
  terminal_.answers = {"yes"};
  EXPECT_EQ(Run({"keyring", "adopt"}), kExitFailed);
  EXPECT_EQ(ErrorReason(), "CANCELLED");
  EXPECT_THAT(Confirmations(), ElementsAre());
}

TEST_F(KeyringCommandTest, WithoutTerminalNeedsConfirm) {
  EXPECT_EQ(Run({"keyring", "adopt"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("pass --confirm \"adopt payroll-instance\""));
  EXPECT_THAT(Confirmations(), ElementsAre());
  EXPECT_EQ(Run({"keyring", "adopt", "--confirm", "yes"}), kExitUsage);
  EXPECT_EQ(Run({"keyring", "adopt", "--confirm", "adopt payroll-instance"}), kExitOk) << err_;
  EXPECT_THAT(Confirmations(), ElementsAre("yes", "adopt payroll-instance"));
}

TEST_F(KeyringCommandTest, JsonNamesCountsAndFiles) {
  EXPECT_EQ(Run({"keyring", "adopt", "--confirm", "adopt payroll-instance", "--output", "json"}),
            kExitOk)
      << err_;
  EXPECT_EQ(OutJson()["credential_count"], 2);
  EXPECT_EQ(OutJson()["organization_count"], 5);
  EXPECT_EQ(OutJson()["sign_in_count"], 17);
  EXPECT_EQ(OutJson()["files"][0]["file"], "/var/lib/billbroker/sessions.db");
  EXPECT_EQ(OutJson()["files"][0]["aside"],
            "/var/lib/billbroker/sessions.db.aside-20300101T000000Z");
}

TEST_F(KeyringCommandTest, RefusalNeedsAPerson) {
  broker_.FailNext("AdoptKeyring",
                   MakeError(Reason::kNotAdoptable, "restart billbrokerd first, then adopt"));
  EXPECT_EQ(Run({"keyring", "adopt"}), kExitFailed);
  EXPECT_EQ(ErrorReason(), "NOT_ADOPTABLE");
  EXPECT_THAT(err_, HasSubstr("restart billbrokerd first"));
}

}  // namespace
}  // namespace billbroker

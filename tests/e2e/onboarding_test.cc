// Onboarding of many organizations, with each form of list that BILL may return.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

TEST(OnboardingTest, DiscoversAttachesAndSignsIn) {
  TestEnvironment env;
  env.StartBroker();
  NewCredential acme;
  acme.name = kAcme;
  acme.environment = "sandbox";
  acme.username = kAcmeUser;
  acme.dev_key = SecretString::CopyOf(kAcmeDevKey);
  acme.password = SecretString::CopyOf(kAcmePassword);
  acme.organizations.push_back({kPayables, {}});
  ASSERT_THAT(env.credentials().Create(acme), IsOk());

  const nlohmann::json shapes[] = {
      {{"page_size", 1}},
      {{"organizations_field", "organizations"}, {"organization_id_field", "organizationId"}},
      {{"organizations_field", "items"},
       {"organization_id_field", "organization_id"},
       {"organization_name_field", "organizationName"}},
      {{"organizations_field", "data"}, {"page_size", 2}}};
  for (const nlohmann::json& shape : shapes) {
    ASSERT_THAT(env.bill().model().ChangeSettings(shape), IsOk());
    const TestEnvironment::Output seen =
        env.Cli({"credential", "discover", kAcme, "--output", "json"});
    ASSERT_EQ(seen.exit_code, 0) << seen.text;
    const nlohmann::json found = nlohmann::json::parse(seen.text)["organizations"];
    ASSERT_EQ(found.size(), 2U) << seen.text;
    EXPECT_EQ(found[0]["display_name"], "Acme Payables");
    EXPECT_EQ(found[0]["attached"], true);
    EXPECT_EQ(found[1]["organization_id"], kReceivables);
    EXPECT_EQ(found[1]["attached"], false);
  }
  EXPECT_EQ(env.SignIns(), 1);

  const TestEnvironment::Output attached = env.Cli({"credential", "discover", kAcme, "--attach"});
  EXPECT_EQ(attached.exit_code, 0) << attached.text;
  EXPECT_THAT(env.sessions().GetSession(kReceivables), IsOk());

  // An import of the export changes nothing.
  const TestEnvironment::Output exported = env.Cli({"credential", "export"});
  ASSERT_EQ(exported.exit_code, 0) << exported.text;
  EXPECT_EQ(env.Cli({"credential", "import"}, exported.text).text,
            absl::StrCat("nothing to do for ", kAcme, "\n"));
}

}  // namespace
}  // namespace billbroker

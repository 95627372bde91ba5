// Onboarding in bulk: the built programs before a BILL whose field names are what they may be.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/e2e/house.h"

namespace billbroker {
namespace {

TEST(OnboardingTest, WhatBillListsIsDiscoveredAttachedAndSignedInTo) {
  House house;
  house.StartBroker();
  NewCredential acme;
  acme.name = "acme";
  acme.environment = "sandbox";
  acme.username = kAcmeUser;
  acme.dev_key = SecretString::CopyOf(kAcmeDevKey);
  acme.password = SecretString::CopyOf(kAcmePassword);
  acme.organizations.push_back({kPayables, {}});
  ASSERT_TRUE(house.credentials().Create(acme).ok());

  const nlohmann::json shapes[] = {
      {{"page_size", 1}},
      {{"organizations_field", "organizations"}, {"organization_id_field", "organizationId"}},
      {{"organizations_field", "items"},
       {"organization_id_field", "organization_id"},
       {"organization_name_field", "organizationName"}},
      {{"organizations_field", "data"}, {"page_size", 2}}};
  for (const nlohmann::json& shape : shapes) {
    ASSERT_EQ(house.bill().model().ChangeSettings(shape), absl::OkStatus());
    const House::Output seen = house.Cli({"credential", "discover", "acme", "--output", "json"});
    ASSERT_EQ(seen.exit_code, 0) << seen.text;
    const nlohmann::json found = nlohmann::json::parse(seen.text)["organizations"];
    ASSERT_EQ(found.size(), 2U) << seen.text;
    EXPECT_EQ(found[0]["display_name"], "Acme Payables");
    EXPECT_EQ(found[0]["attached"], true);
    EXPECT_EQ(found[1]["organization_id"], kReceivables);
    EXPECT_EQ(found[1]["attached"], false);
  }
  EXPECT_EQ(house.SignIns(), 1);

  const House::Output attached = house.Cli({"credential", "discover", "acme", "--attach"});
  EXPECT_EQ(attached.exit_code, 0) << attached.text;
  EXPECT_TRUE(house.sessions().GetSession(kReceivables).ok());

  // What was built up is exported, and needs no import.
  const House::Output exported = house.Cli({"credential", "export"});
  ASSERT_EQ(exported.exit_code, 0) << exported.text;
  EXPECT_EQ(house.Cli({"credential", "import"}, exported.text).text, "nothing to do for acme\n");
}

}  // namespace
}  // namespace billbroker

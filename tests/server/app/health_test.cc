#include "server/app/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class HealthTest : public ::testing::Test {
 protected:
  std::map<std::string, bool> reported_;
  Health health_{[this](const std::string& name, bool serving) { reported_[name] = serving; }};
};

TEST_F(HealthTest, SessionsServeWithoutVaultAndAudit) {
  EXPECT_THAT(reported_, IsEmpty());
  health_.Start();
  EXPECT_THAT(reported_, ElementsAre(Pair("", true), Pair("billbroker.v1.SessionService", true)));
  health_.SetVault(false);
  health_.SetAudit(false);
  EXPECT_TRUE(reported_[""]);
  EXPECT_TRUE(reported_["billbroker.v1.SessionService"]);
}

TEST_F(HealthTest, ChangesNeedVaultAndAuditLog) {
  for (const bool vault : {false, true}) {
    for (const bool audit : {true, false}) {
      health_.SetVault(vault);
      health_.SetAudit(audit);
      EXPECT_EQ(reported_["billbroker.v1.CredentialService"], vault && audit);
      EXPECT_EQ(reported_["billbroker.v1.MfaService"], vault && audit);
      EXPECT_EQ(reported_["billbroker.v1.AuditService"], audit);
    }
  }
}

TEST_F(HealthTest, ReportsEveryService) {
  health_.Start();
  health_.SetVault(true);
  for (const char* name :
       {"", Health::kSessions, Health::kCredentials, Health::kMfa, Health::kAudit}) {
    EXPECT_TRUE(reported_.contains(name)) << name;
  }
}

}  // namespace
}  // namespace billbroker

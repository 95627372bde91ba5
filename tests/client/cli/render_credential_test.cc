#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "client/cli/render.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Credential WithRememberMeId() {
  v1::Credential credential;
  credential.set_name("acme-accounts-payable");
  credential.set_device("device-of-the-broker");
  credential.mutable_remember_me_expire_time()->set_seconds(1'800'000'000);
  return credential;
}

TEST(RenderCredentialTest, PrintsEndOfTrust) {
  std::ostringstream out;
  PrintCredential(WithRememberMeId(), out);
  EXPECT_THAT(out.str(), HasSubstr("until 2027-01-15T08:00:00Z"));
}

TEST(RenderCredentialTest, RefusedRememberMeIdHasNoEndOfTrust) {
  v1::Credential refused = WithRememberMeId();
  refused.mutable_remember_me_refuse_time()->set_seconds(1'800'000'000 - 3600);
  std::ostringstream out;
  PrintCredential(refused, out);
  PrintCredentials({refused}, out);
  EXPECT_THAT(out.str(), HasSubstr("not taken by BILL since 2027-01-15T07:00:00Z"));
  EXPECT_THAT(out.str(), Not(HasSubstr("until")));
}

}  // namespace
}  // namespace billbroker

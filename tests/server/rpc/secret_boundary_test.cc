// Sends a known secret to every entry point, and looks for it in all output.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <string>

#include "server/app/log.h"
#include "server/app/log_observer.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Constructed before the fixture, which uses it.
struct Logged {
  std::ostringstream out;
  ManualClock clock;
  JsonLog log{LogLevel::kTrace, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(out)};
  LogObserver observer{log};
};

class SecretBoundaryTest : private Logged, public RpcTest {
 protected:
  SecretBoundaryTest() : RpcTest(&observer) {}

  // Sends `request` and keeps the answer. Sessions carry secrets by design and are left out.
  void CreateAndKeep(const v1::CreateCredentialRequest& request) {
    v1::CreateCredentialResponse response;
    Keep(Call(*credentials_, &v1::CredentialService::Stub::CreateCredential, request, &response));
    seen_ += response.SerializeAsString();
  }

  void Keep(const absl::Status& status) {
    seen_ += status.ToString();
    seen_ += last_.error_message() + last_.error_details();
  }

  std::string Seen() const { return seen_ + out.str(); }

 private:
  std::string seen_;
};

TEST_F(SecretBoundaryTest, ResponsesAndLogsHoldNoSecrets) {
  v1::CreateCredentialRequest good =
      NewUser("acme-payables-user", {"00800000000000000081", "00800000000000000082"});
  good.mutable_organizations(1)->set_dev_key("s3cret-0082");
  good.set_remember_me_id("s3cret-remember");
  good.set_device("billbroker");
  CreateAndKeep(good);
  CreateAndKeep(good);  // taken
  v1::CreateCredentialRequest bad = good;
  bad.set_credential("bad");
  bad.set_username("bad@acme.example");
  bad.set_dev_key("s3cret with blanks");
  CreateAndKeep(bad);
  bad = good;
  bad.set_console_api_token("s3cret-token");
  CreateAndKeep(bad);
  bad.set_environment("moon");
  CreateAndKeep(bad);
  v1::CreateCredentialRequest partner = NewUser("firm", {"00800000000000000095"});
  partner.set_kind(v1::CREDENTIAL_KIND_PARTNER);
  partner.set_app_key("s3cret-app-key");
  CreateAndKeep(partner);  // without a user to sign in as
  partner.mutable_organizations(0)->set_user_id("006a");
  CreateAndKeep(partner);
  broker_.bill.FailNextPartnerSignIns(1, Refusal(Verdict::kDevKeyRejected, "BDC_1103"));
  Keep(GetSession("00800000000000000095").status());
  broker_.vault.set_state(VaultState::kTimedOut);
  CreateAndKeep(NewUser("silent", {"00800000000000000083"}));
  broker_.vault.set_state(VaultState::kReady);

  for (const Verdict verdict : {Verdict::kUnavailable, Verdict::kSecretRejected}) {
    broker_.bill.FailNextSignIns(1, Refusal(verdict, "BDC_1101"));
    Keep(GetSession("00800000000000000081").status());
    broker_.clock.Advance(absl::Minutes(10));
  }
  Keep(GetSession("00800000000000000081").status());
  v1::LoginRequest login;
  login.set_organization_id("00800000000000000082");
  login.set_force(true);
  v1::LoginResponse session;
  Keep(Call(*sessions_, &v1::SessionService::Stub::Login, login, &session));
  v1::ListSessionsResponse list;
  Keep(Call(*sessions_, &v1::SessionService::Stub::ListSessions, v1::ListSessionsRequest(), &list));
  v1::GetStatusResponse status;
  Keep(Call(*sessions_, &v1::SessionService::Stub::GetStatus, v1::GetStatusRequest(), &status));

  ASSERT_GE(broker_.bill.CountSignIns(), 3) << "the secret did travel";
  EXPECT_EQ(broker_.bill.sign_ins().at(0).secret, "s3cret-password");
  const std::string everything = Seen() + list.SerializeAsString() + status.SerializeAsString();
  EXPECT_EQ(broker_.bill.partner_sign_ins().at(0).app_key, "s3cret-app-key");
  EXPECT_THAT(everything, HasSubstr("CREDENTIAL_REJECTED")) << "and failures were seen";
  EXPECT_THAT(everything, HasSubstr("DEV_KEY_REJECTED"));
  EXPECT_THAT(everything, HasSubstr("signed_in"));
  EXPECT_THAT(everything, Not(HasSubstr("s3cret")));
  EXPECT_THAT(everything, Not(HasSubstr(session.session().session_id())));
}

TEST_F(SecretBoundaryTest, WipesRequestAfterReadingItsSecrets) {
  WipingAllocator<v1::CreateCredentialRequest, v1::CreateCredentialResponse> allocator;
  auto* messages = allocator.AllocateMessages();
  v1::CreateCredentialRequest& request = *messages->request();
  request = NewUser("acme-payables-user", {"00800000000000000081"});
  request.mutable_organizations(0)->set_dev_key("s3cret-0081-long-enough-for-the-heap");
  const char* const bytes = request.organizations(0).dev_key().data();
  messages->FreeRequest();
  // The message keeps its cleared strings, so their bytes may still be read.
  EXPECT_EQ(std::string(bytes, 6), std::string(6, '\0'));
  EXPECT_EQ(request.password(), "");
  messages->Release();
}

}  // namespace
}  // namespace billbroker

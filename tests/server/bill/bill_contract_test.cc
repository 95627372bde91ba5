// The contract of BillApi, for FakeBill and for CurlBillApi with a simulated BILL over HTTP/1.1 and
// HTTP/2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>

#include "tests/server/bill/bill_matchers.h"
#include "tests/server/bill/curl_fixture.h"
#include "tests/server/bill/sample_users.h"
#include "tests/simulator/bill_simulator.h"
#include "tests/support/fake_bill.h"
#include "tests/support/status_matchers.h"
#include "vault/base/executor.h"

namespace billbroker {
namespace {

// A BillApi and the parts that it borrows.
class Bill {
 public:
  virtual ~Bill() = default;
  virtual BillApi& api() = 0;
  // From now on GET /v3/health fails with HTTP 403 and HTML, as a gateway's refusal does.
  virtual void RefuseHealthChecks() = 0;
  // From now on GET /v3/health gets no answer.
  virtual void DropHealthChecks() = 0;
};

class Fake final : public Bill {
 public:
  BillApi& api() override { return fake_; }
  void RefuseHealthChecks() override { fake_.SetHealth(AnswerShape{403, "", BodyKind::kHtml}); }
  void DropHealthChecks() override { fake_.SetHealth(BillError()); }

 private:
  std::unique_ptr<ThreadExecutor> executor_ = std::make_unique<ThreadExecutor>(1);
  FakeBill fake_{*executor_};
};

template <bool http2>
class Simulated final : public Bill {
 public:
  BillApi& api() override { return api_; }
  void RefuseHealthChecks() override {
    Plan({{"kind", "http_error"}, {"http_status", 403}, {"body", "html"}});
  }
  void DropHealthChecks() override { Plan({{"kind", "reset"}}); }

 private:
  static std::unique_ptr<billsim::BillSimulator> Start() {
    billsim::BillSimulator::Options options;
    options.data = billsim::ParseData(billsim::SampleData()).value();
    options.http2 = http2;
    return std::move(billsim::BillSimulator::Start(std::move(options)).value());
  }

  void Plan(nlohmann::json fault) {
    fault["path"] = "/v3/health";
    fault["count"] = 0;
    ASSERT_THAT(simulator_->faults().Add(fault), IsOk());
  }

  std::unique_ptr<billsim::BillSimulator> simulator_ = Start();
  SystemClock clock_;
  CurlBillApi api_{{{"test", simulator_->base_url(), simulator_->ca_file(), ""}}, {}, clock_};
};

template <typename Kind>
class BillContractTest : public ::testing::Test {
 protected:
  BillResult<SignInAnswer> SignIn(CredentialPtr credential, const char* organization_id) {
    Answer<SignInAnswer> answer;
    bill_.api().SignIn({std::move(credential), organization_id}, answer.done());
    return answer.Wait();
  }
  BillResult<PartnerSignInAnswer> PartnerSignIn(CredentialPtr credential) {
    Answer<PartnerSignInAnswer> answer;
    bill_.api().PartnerSignIn({std::move(credential)}, answer.done());
    return answer.Wait();
  }
  BillResult<SignInAnswer> SignInAsUser(CredentialPtr credential, absl::string_view session_id) {
    Answer<SignInAnswer> answer;
    bill_.api().SignInAsUser({std::move(credential), kPayables,
                              std::make_shared<SecretString>(SecretString::CopyOf(session_id))},
                             answer.done());
    return answer.Wait();
  }
  BillResult<SessionInfo> GetInfo(const SessionKeys& keys) {
    Answer<SessionInfo> answer;
    bill_.api().GetSessionInfo(keys, answer.done());
    return answer.Wait();
  }
  BillResult<OrganizationPage> ListOrganizations(const SessionKeys& keys) {
    Answer<OrganizationPage> answer;
    bill_.api().ListOrganizations(keys, "", answer.done());
    return answer.Wait();
  }
  BillResult<AnswerShape> GetHealth() {
    Answer<AnswerShape> answer;
    bill_.api().GetHealth("test", answer.done());
    return answer.Wait();
  }
  BillResult<SignedOut> SignOut(const SessionKeys& keys) {
    Answer<SignedOut> answer;
    bill_.api().SignOut(keys, answer.done());
    return answer.Wait();
  }
  static SessionKeys Keys(const SignInAnswer& answer, absl::string_view dev_key) {
    return {"test", std::make_shared<SecretString>(answer.session_id.Clone()),
            std::make_shared<SecretString>(SecretString::CopyOf(dev_key))};
  }

  Kind bill_;
};

struct KindName {
  template <typename Kind>
  static std::string GetName(int) {
    if (std::is_same_v<Kind, Fake>) return "Fake";
    return std::is_same_v<Kind, Simulated<true>> ? "SimulatedHttp2" : "SimulatedHttp1";
  }
};

using Kinds = ::testing::Types<Fake, Simulated<false>, Simulated<true>>;
TYPED_TEST_SUITE(BillContractTest, Kinds, KindName);

TYPED_TEST(BillContractTest, SessionLivesFromSignInToSignOut) {
  const auto session = this->SignIn(AcmeUser(), kPayables);
  ASSERT_THAT(session, Succeeded());
  EXPECT_EQ(session.value().organization_id, kPayables);
  const SessionKeys keys = this->Keys(session.value(), kAcmeDevKey);

  const auto info = this->GetInfo(keys);
  ASSERT_THAT(info, Succeeded());
  EXPECT_EQ(info.value().organization_id, kPayables);
  EXPECT_EQ(info.value().user_id, session.value().user_id);
  EXPECT_EQ(info.value().trusted, session.value().trusted);

  EXPECT_THAT(this->SignOut(keys), Succeeded());
  EXPECT_THAT(this->GetInfo(keys), HasVerdict(Verdict::kSessionInvalid));
  EXPECT_THAT(this->GetInfo(keys), HasCode("BDC_1109"));
  EXPECT_THAT(this->SignOut(keys), Succeeded());
}

TYPED_TEST(BillContractTest, EachSignInCreatesASession) {
  const auto payables = this->SignIn(AcmeUser(), kPayables);
  const auto receivables = this->SignIn(AcmeUser(), kReceivables);
  ASSERT_THAT(payables, Succeeded());
  ASSERT_THAT(receivables, Succeeded());
  EXPECT_FALSE(payables.value().session_id == receivables.value().session_id);
  EXPECT_EQ(receivables.value().organization_id, kReceivables);
  EXPECT_THAT(this->SignOut(this->Keys(payables.value(), kAcmeDevKey)), Succeeded());
  EXPECT_THAT(this->GetInfo(this->Keys(receivables.value(), kAcmeDevKey)), Succeeded());
}

TYPED_TEST(BillContractTest, SessionIsInvalidWithAnotherDevKey) {
  const auto session = this->SignIn(AcmeUser(), kPayables);
  ASSERT_THAT(session, Succeeded());
  const auto info = this->GetInfo(this->Keys(session.value(), "devkey-client-0001"));
  EXPECT_THAT(info, HasVerdict(Verdict::kSessionInvalid));
  EXPECT_THAT(this->GetInfo(this->Keys(session.value(), kAcmeDevKey)), Succeeded());
}

TYPED_TEST(BillContractTest, AccountantUsesTheOrganizationsDevKey) {
  const auto session = this->SignIn(Accountant(), kBakery);
  ASSERT_THAT(session, Succeeded());
  EXPECT_THAT(this->GetInfo(this->Keys(session.value(), "devkey-client-0001")), Succeeded());
}

TYPED_TEST(BillContractTest, PartnerSignsInAsUser) {
  const auto partner = this->PartnerSignIn(Partner());
  ASSERT_THAT(partner, Succeeded());
  const auto session = this->SignInAsUser(Partner(), partner.value().session_id.Reveal());
  ASSERT_THAT(session, Succeeded());
  EXPECT_EQ(session.value().organization_id, kPayables);
  EXPECT_THAT(this->GetInfo(this->Keys(session.value(), kAcmeDevKey)), Succeeded());
}

TYPED_TEST(BillContractTest, UnknownPartnerSessionIsInvalid) {
  EXPECT_THAT(this->SignInAsUser(Partner(), "nonsense"), HasVerdict(Verdict::kSessionInvalid));
}

TYPED_TEST(BillContractTest, OnlyALiveSessionListsOrganizations) {
  const auto session = this->SignIn(AcmeUser(), kPayables);
  ASSERT_THAT(session, Succeeded());
  const SessionKeys keys = this->Keys(session.value(), kAcmeDevKey);
  const auto page = this->ListOrganizations(keys);
  ASSERT_THAT(page, Succeeded());
  ASSERT_FALSE(page.value().organizations.empty());
  EXPECT_EQ(page.value().organizations.front().id, kPayables);
  EXPECT_NE(page.value().organizations.front().name, "");
  EXPECT_EQ(page.value().next_page, "");

  EXPECT_THAT(this->SignOut(keys), Succeeded());
  EXPECT_THAT(this->ListOrganizations(keys), HasVerdict(Verdict::kSessionInvalid));
}

TYPED_TEST(BillContractTest, HealthNeedsNoSession) {
  const auto health = this->GetHealth();
  ASSERT_THAT(health, Succeeded());
  EXPECT_EQ(health.value().http_status, 200);
  EXPECT_EQ(health.value().code, "");
  EXPECT_EQ(health.value().body, BodyKind::kJson);
  EXPECT_TRUE(health.value().IsGood());
}

TYPED_TEST(BillContractTest, RefusedHealthCheckHasTheShapeOfTheRefusal) {
  this->bill_.RefuseHealthChecks();
  const auto health = this->GetHealth();
  ASSERT_THAT(health, Succeeded());
  EXPECT_EQ(health.value().http_status, 403);
  EXPECT_EQ(health.value().code, "");
  EXPECT_EQ(health.value().body, BodyKind::kHtml);
}

TYPED_TEST(BillContractTest, LostHealthCheckFails) {
  this->bill_.DropHealthChecks();
  EXPECT_THAT(this->GetHealth(), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(this->GetHealth(), HasHttpStatus(0));
}

}  // namespace
}  // namespace billbroker

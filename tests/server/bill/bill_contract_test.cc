// What every BillApi keeps: FakeBill, and CurlBillApi before a simulated BILL.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "tests/server/bill/curl_fixture.h"
#include "tests/simulator/bill_simulator.h"
#include "tests/support/fake_bill.h"
#include "vault/base/executor.h"

namespace billbroker {
namespace {

// Of the simulator's sample.
constexpr char kPayables[] = "00801ACMEPAYABLES0001";
constexpr char kReceivables[] = "00801ACMERECEIVE00002";
constexpr char kBakery[] = "00801CLIENTBAKERY0003";

CredentialPtr AcmeUser() {
  auto user = std::make_shared<Credential>();
  user->name = "acme";
  user->environment = "test";
  user->username = "payables@acme.example";
  user->dev_key = SecretString::CopyOf("devkey-acme-0001");
  user->password = SecretString::CopyOf("correct-horse-battery");
  user->organizations.push_back({kPayables, SecretString()});
  user->organizations.push_back({kReceivables, SecretString()});
  return user;
}

CredentialPtr Accountant() {
  auto console = std::make_shared<Credential>();
  console->name = "books";
  console->environment = "test";
  console->kind = CredentialKind::kConsole;
  console->username = "books@accountants.example";
  console->console_api_token = SecretString::CopyOf("console-token-0001");
  console->organizations.push_back({kBakery, SecretString::CopyOf("devkey-client-0001")});
  return console;
}

CredentialPtr Partner() {
  auto partner = std::make_shared<Credential>();
  partner->name = "partner";
  partner->environment = "test";
  partner->kind = CredentialKind::kPartner;
  partner->username = "api@partner.example";
  partner->password = SecretString::CopyOf("partner-password-0001");
  partner->app_key = SecretString::CopyOf("appkey-partner-0001");
  partner->dev_key = SecretString::CopyOf("devkey-acme-0001");
  partner->organizations.push_back({kPayables, SecretString(), "00601ACMEUSER00000001"});
  return partner;
}

// A BillApi and what it stands on.
class Bill {
 public:
  virtual ~Bill() = default;
  virtual BillApi& api() = 0;
};

class Fake final : public Bill {
 public:
  BillApi& api() override { return fake_; }

 private:
  std::unique_ptr<ThreadExecutor> executor_ = std::make_unique<ThreadExecutor>(1);
  FakeBill fake_{*executor_};
};

class Simulated final : public Bill {
 public:
  BillApi& api() override { return api_; }

 private:
  std::unique_ptr<billsim::BillSimulator> simulator_ =
      std::move(billsim::BillSimulator::StartSample().value());
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
  bool SignOut(const SessionKeys& keys) {
    Answer<SignedOut> answer;
    bill_.api().SignOut(keys, answer.done());
    return answer.Wait().ok();
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
    return std::is_same_v<Kind, Fake> ? "Fake" : "Simulated";
  }
};

using Kinds = ::testing::Types<Fake, Simulated>;
TYPED_TEST_SUITE(BillContractTest, Kinds, KindName);

TYPED_TEST(BillContractTest, ASessionLivesFromSignInToSignOut) {
  const auto session = this->SignIn(AcmeUser(), kPayables);
  ASSERT_TRUE(session.ok()) << session.error().detail;
  EXPECT_EQ(session.value().organization_id, kPayables);
  const SessionKeys keys = this->Keys(session.value(), "devkey-acme-0001");

  const auto info = this->GetInfo(keys);
  ASSERT_TRUE(info.ok()) << info.error().detail;
  EXPECT_EQ(info.value().organization_id, kPayables);
  EXPECT_EQ(info.value().user_id, session.value().user_id);
  EXPECT_EQ(info.value().trusted, session.value().trusted);

  EXPECT_TRUE(this->SignOut(keys));
  EXPECT_EQ(this->GetInfo(keys).error().verdict, Verdict::kSessionInvalid);
  EXPECT_EQ(this->GetInfo(keys).error().code, "BDC_1109");
  EXPECT_TRUE(this->SignOut(keys));
}

TYPED_TEST(BillContractTest, EachSignInMakesASessionOfItsOwn) {
  const auto payables = this->SignIn(AcmeUser(), kPayables);
  const auto receivables = this->SignIn(AcmeUser(), kReceivables);
  ASSERT_TRUE(payables.ok() && receivables.ok());
  EXPECT_FALSE(payables.value().session_id == receivables.value().session_id);
  EXPECT_EQ(receivables.value().organization_id, kReceivables);
  EXPECT_TRUE(this->SignOut(this->Keys(payables.value(), "devkey-acme-0001")));
  EXPECT_TRUE(this->GetInfo(this->Keys(receivables.value(), "devkey-acme-0001")).ok());
}

TYPED_TEST(BillContractTest, ASessionIsOfNoUseWithAnotherDevKey) {
  const auto session = this->SignIn(AcmeUser(), kPayables);
  ASSERT_TRUE(session.ok());
  const auto info = this->GetInfo(this->Keys(session.value(), "devkey-client-0001"));
  EXPECT_EQ(info.error().verdict, Verdict::kSessionInvalid);
  EXPECT_TRUE(this->GetInfo(this->Keys(session.value(), "devkey-acme-0001")).ok());
}

TYPED_TEST(BillContractTest, AnAccountantSignsInWithTheOrganizationsDevKey) {
  const auto session = this->SignIn(Accountant(), kBakery);
  ASSERT_TRUE(session.ok()) << session.error().detail;
  EXPECT_TRUE(this->GetInfo(this->Keys(session.value(), "devkey-client-0001")).ok());
}

TYPED_TEST(BillContractTest, APartnerSignsInAsAUserWhoseSessionGoesWithTheDevKey) {
  const auto partner = this->PartnerSignIn(Partner());
  ASSERT_TRUE(partner.ok()) << partner.error().detail;
  const auto session = this->SignInAsUser(Partner(), partner.value().session_id.Reveal());
  ASSERT_TRUE(session.ok()) << session.error().detail;
  EXPECT_EQ(session.value().organization_id, kPayables);
  EXPECT_TRUE(this->GetInfo(this->Keys(session.value(), "devkey-acme-0001")).ok());
}

TYPED_TEST(BillContractTest, ADeadSessionOfAPartnerSignsInAsNobody) {
  EXPECT_EQ(this->SignInAsUser(Partner(), "nonsense").error().verdict, Verdict::kSessionInvalid);
}

TYPED_TEST(BillContractTest, ALiveSessionListsItsOwnOrganizationAndADeadOneNone) {
  const auto session = this->SignIn(AcmeUser(), kPayables);
  ASSERT_TRUE(session.ok()) << session.error().detail;
  const SessionKeys keys = this->Keys(session.value(), "devkey-acme-0001");
  const auto page = this->ListOrganizations(keys);
  ASSERT_TRUE(page.ok()) << page.error().detail;
  ASSERT_FALSE(page.value().organizations.empty());
  EXPECT_EQ(page.value().organizations.front().id, kPayables);
  EXPECT_NE(page.value().organizations.front().name, "");
  EXPECT_EQ(page.value().next_page, "");

  EXPECT_TRUE(this->SignOut(keys));
  EXPECT_EQ(this->ListOrganizations(keys).error().verdict, Verdict::kSessionInvalid);
}

}  // namespace
}  // namespace billbroker

#include "server/session/rules/partner_first.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/session/session_slot.h"
#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class PartnerFirstTest : public ::testing::Test {
 protected:
  static DevKeyLimits DefaultLimits() { return DevKeyLimits(DevKeyBudgetOptions()); }

  static SignInCandidate AsUser(absl::string_view organization_id = kFirstOrganization,
                                ProbeId probe = {}) {
    SignInCandidate candidate = SampleCandidate(organization_id);
    auto credential = std::make_shared<CredentialInfo>(*candidate.credential);
    credential->kind = CredentialKind::kPartner;
    credential->fingerprints["app_key"] = "app-key-fingerprint-of-acme";
    candidate.partner = ToPartnerId(*credential, probe);
    candidate.step = SignInStep::kSignInAsUser;
    candidate.credential = std::move(credential);
    return candidate;
  }
  // Gives the partner of `candidate` a session that ends after `lasts`.
  void SignPartnerIn(const SignInCandidate& candidate, absl::Duration lasts = absl::Minutes(30)) {
    auto session = std::make_shared<PartnerSession>();
    session->deadline = now + lasts;
    partners.FindOrCreate(*candidate.partner, candidate.credential).session = std::move(session);
  }

  absl::Duration now = absl::Hours(50);
  FixedRandom random{0};
  FairShare shares{DefaultLimits(), random};
  DevKeyBudget budget{DefaultLimits(), shares, random};
  PartnerTable partners;
  PartnerFirst rule{partners, budget};
};

TEST_F(PartnerFirstTest, IgnoresOtherCredentials) {
  EXPECT_TRUE(rule.Check(SampleCandidate(), now).ok());
  EXPECT_THAT(rule.TakeWanted(), IsEmpty());
}

TEST_F(PartnerFirstTest, UserWaitsForThePartner) {
  const RuleAnswer answer = rule.Check(AsUser(), now);
  EXPECT_EQ(answer.kind(), RuleAnswer::Kind::kWait);
  EXPECT_EQ(answer.until(), absl::InfiniteDuration());
  EXPECT_EQ(answer.blocks(), RuleAnswer::Blocks::kThisOne);
}

TEST_F(PartnerFirstTest, UserGoesWithALivePartner) {
  SignPartnerIn(AsUser());
  EXPECT_TRUE(rule.Check(AsUser(), now).ok());
  EXPECT_TRUE(rule.Check(AsUser(kSecondOrganization), now).ok());
  EXPECT_THAT(rule.TakeWanted(), IsEmpty());
}

TEST_F(PartnerFirstTest, UserWaitsAtTheEndOfThePartnersSession) {
  SignPartnerIn(AsUser());
  now += absl::Minutes(30);
  EXPECT_FALSE(rule.Check(AsUser(), now).ok());
  EXPECT_THAT(rule.TakeWanted(), SizeIs(1));
}

TEST_F(PartnerFirstTest, CollectsEachPartnerOnce) {
  (void)rule.Check(AsUser(kSecondOrganization), now);
  (void)rule.Check(AsUser(kFirstOrganization), now);
  const std::vector<SignInCandidate> wanted = rule.TakeWanted();
  ASSERT_THAT(wanted, SizeIs(1));
  EXPECT_EQ(wanted[0].slot.organization_id, kSecondOrganization);
  EXPECT_EQ(wanted[0].partner, AsUser().partner);
  EXPECT_THAT(rule.TakeWanted(), IsEmpty());
}

TEST_F(PartnerFirstTest, ProbeHasAPartnerSessionOfItsOwn) {
  SignPartnerIn(AsUser());
  const SignInCandidate probe = AsUser(kFirstOrganization, ProbeId{7});
  EXPECT_FALSE(rule.Check(probe, now).ok());
  SignPartnerIn(probe);
  EXPECT_TRUE(rule.Check(probe, now).ok());
}

TEST_F(PartnerFirstTest, UserWaitsWhileTheAppKeyIsSuspended) {
  SignPartnerIn(AsUser());
  const DevKeyBudgetId app_key = ToAppKeyBudgetId(*AsUser().credential);
  budget.Suspend(app_key, now + absl::Minutes(10));
  const RuleAnswer answer = rule.Check(AsUser(), now);
  EXPECT_EQ(answer.kind(), RuleAnswer::Kind::kWait);
  EXPECT_EQ(answer.until(), now + absl::Minutes(10));
  EXPECT_THAT(rule.Explain(AsUser(), now), HasRetryAfter(absl::Minutes(10)));
  now += absl::Minutes(10);
  EXPECT_TRUE(rule.Check(AsUser(), now).ok());
}

}  // namespace
}  // namespace billbroker

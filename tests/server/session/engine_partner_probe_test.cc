// How the engine proves a candidate of a partner.
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "tests/server/session/partner_fixture.h"

namespace billbroker {
namespace {

class EnginePartnerProbeTest : public EnginePartnerTest {
 protected:
  static Credential Candidate() {
    Credential candidate = MakePartner("firm");
    candidate.version = 2;
    candidate.password = SecretString::CopyOf("new");
    return candidate;
  }

  ProbeResult Probe(Credential candidate) {
    ProbeRequest request;
    request.info = InfoOf(candidate, Fingerprinter(*vault.MasterKey()));
    request.candidate = std::make_shared<const Credential>(std::move(candidate));
    request.organization_id = Id(0);
    absl::optional<ProbeResult> result;
    engine.Probe(std::move(request), [&result](ProbeResult given) { result = std::move(given); });
    executor.RunUntilIdle();
    return *result;
  }
};

TEST_F(EnginePartnerProbeTest, ACandidateIsProvedByASignInOfItsOwn) {
  EXPECT_TRUE(GetOf(0).ok());
  const ProbeResult proved = Probe(Candidate());
  EXPECT_EQ(proved.verdict, ProbeVerdict::kAccepted) << proved.status;
  ASSERT_EQ(PartnerSignIns(), 2U);
  EXPECT_EQ(bill.partner_sign_ins()[1].password, "new");
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(2));
  EXPECT_TRUE(GetOf(1).ok());
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(1)) << "callers notice nothing";
}

TEST_F(EnginePartnerProbeTest, WhatProvedItIsInUseOnceItIsInForce) {
  EXPECT_TRUE(GetOf(0).ok());
  const ProbeResult proved = Probe(Candidate());
  Replace(Candidate());
  engine.AdoptProbed("uid-of-firm", proved.session);
  EXPECT_EQ(*GetOf(0), proved.session);
  EXPECT_TRUE(GetOf(1).ok());
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(2));
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(EnginePartnerProbeTest, VerifyingSignsThePartnerInAfresh) {
  EXPECT_TRUE(GetOf(0).ok());
  EXPECT_EQ(Probe(MakePartner("firm")).verdict, ProbeVerdict::kAccepted);
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(EnginePartnerProbeTest, ARefusedCandidateLeavesTheOneInForceAlone) {
  EXPECT_TRUE(GetOf(0).ok());
  bill.FailNextPartnerSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  const ProbeResult refused = Probe(Candidate());
  EXPECT_EQ(refused.verdict, ProbeVerdict::kRefused);
  EXPECT_TRUE(HasReason(refused.status, Reason::kCredentialRejected)) << refused.status;
  EXPECT_EQ(DetailsOf(refused.status)->metadata["bill_code"], "BDC_1101");
  EXPECT_TRUE(GetOf(1).ok());
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(EnginePartnerProbeTest, ALostAnswerIsUnclear) {
  BillError lost;
  lost.detail = "connection reset";
  bill.FailNextPartnerSignIns(1, lost);
  EXPECT_EQ(Probe(Candidate()).verdict, ProbeVerdict::kUnclear);
  lost.delivery = Delivery::kNotSent;
  bill.FailNextPartnerSignIns(1, lost);
  EXPECT_EQ(Probe(Candidate()).verdict, ProbeVerdict::kNotTried);
}

}  // namespace
}  // namespace billbroker

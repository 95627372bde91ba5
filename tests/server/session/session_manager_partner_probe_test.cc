// SessionManager::Probe() with the candidate of a partner.
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "tests/server/session/partner_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

class SessionManagerPartnerProbeTest : public SessionManagerPartnerTest {
 protected:
  static Credential Candidate() {
    Credential candidate = MakePartner(kFirm);
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
    manager.Probe(std::move(request), [&result](ProbeResult given) { result = std::move(given); });
    executor.RunUntilIdle();
    return *result;
  }
};

TEST_F(SessionManagerPartnerProbeTest, ProvesCandidateByItsOwnSignIn) {
  EXPECT_THAT(GetOf(0), IsOk());
  const ProbeResult proved = Probe(Candidate());
  EXPECT_EQ(proved.verdict, ProbeVerdict::kAccepted) << proved.status;
  ASSERT_EQ(PartnerSignIns(), 2U);
  EXPECT_EQ(bill.partner_sign_ins()[1].password, "new");
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(2));
  EXPECT_THAT(GetOf(1), IsOk());
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(1)) << "the probe does not affect callers";
}

TEST_F(SessionManagerPartnerProbeTest, AdoptedProbeSessionIsUsed) {
  EXPECT_THAT(GetOf(0), IsOk());
  const ProbeResult proved = Probe(Candidate());
  Replace(Candidate());
  manager.AdoptProbed(UidOf(kFirm), proved.session);
  EXPECT_EQ(*GetOf(0), proved.session);
  EXPECT_THAT(GetOf(1), IsOk());
  EXPECT_EQ(LastPartner(), FakeBill::PartnerSessionId(2));
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(SessionManagerPartnerProbeTest, VerifyingSignsPartnerInAgain) {
  EXPECT_THAT(GetOf(0), IsOk());
  EXPECT_EQ(Probe(MakePartner(kFirm)).verdict, ProbeVerdict::kAccepted);
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(SessionManagerPartnerProbeTest, RefusedCandidateLeavesCurrentSecretAlone) {
  EXPECT_THAT(GetOf(0), IsOk());
  bill.FailNextPartnerSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  const ProbeResult refused = Probe(Candidate());
  EXPECT_EQ(refused.verdict, ProbeVerdict::kRefused);
  EXPECT_THAT(refused.status, HasReason(Reason::kCredentialRejected));
  EXPECT_THAT(refused.status, HasMetadata("bill_code", "BDC_1101"));
  EXPECT_THAT(GetOf(1), IsOk());
  EXPECT_EQ(PartnerSignIns(), 2U);
}

TEST_F(SessionManagerPartnerProbeTest, LostAnswerIsUnclear) {
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

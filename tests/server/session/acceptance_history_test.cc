#include "server/session/acceptance_history.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/server/session/rules/sample_candidate.h"

namespace billbroker {
namespace {

constexpr char kRotatedSecret[] = "secret-fingerprint-after-rotation";

class AcceptanceHistoryTest : public ::testing::Test {
 protected:
  void Accept(absl::string_view organization_id, absl::string_view secret_id = kSampleSecret) {
    history.NoteAccepted(SampleCandidate(organization_id, secret_id), now);
  }
  void RefuseDevKey(absl::string_view organization_id) {
    history.NoteDevKeyRefused(SampleCandidate(organization_id));
  }
  SignInHistory Find(absl::string_view organization_id,
                     absl::string_view secret_id = kSampleSecret) const {
    return history.Find(SampleCandidate(organization_id, secret_id), now);
  }

  absl::Duration now = absl::Hours(50);
  AcceptanceHistory history;
};

TEST_F(AcceptanceHistoryTest, IsEmptyAtFirst) {
  const SignInHistory found = Find(kFirstOrganization);
  EXPECT_FALSE(found.secret_accepted);
  EXPECT_FALSE(found.secret_accepted_elsewhere);
  EXPECT_FALSE(found.dev_key_worked_here);
  EXPECT_FALSE(found.dev_key_worked_anywhere);
  EXPECT_FALSE(found.dev_key_refused_elsewhere);
}

TEST_F(AcceptanceHistoryTest, LeavesFactsOfOtherPartsFalse) {
  Accept(kFirstOrganization);
  EXPECT_FALSE(Find(kFirstOrganization).secret_accepted);
  EXPECT_FALSE(Find(kFirstOrganization).dev_key_worked_here);
}

// --- secrets --------------------------------------------------------------------------------

TEST_F(AcceptanceHistoryTest, SecretIsAcceptedElsewhere) {
  Accept(kFirstOrganization);
  EXPECT_FALSE(Find(kFirstOrganization).secret_accepted_elsewhere);
  EXPECT_TRUE(Find(kSecondOrganization).secret_accepted_elsewhere);
}

TEST_F(AcceptanceHistoryTest, AcceptanceCountsForAnHour) {
  Accept(kFirstOrganization);
  now += absl::Hours(1) - absl::Nanoseconds(1);
  EXPECT_TRUE(Find(kSecondOrganization).secret_accepted_elsewhere);
  now += absl::Nanoseconds(1);
  EXPECT_FALSE(Find(kSecondOrganization).secret_accepted_elsewhere);
}

TEST_F(AcceptanceHistoryTest, RepeatedAcceptanceCountsAgain) {
  Accept(kFirstOrganization);
  now += absl::Minutes(30);
  Accept(kFirstOrganization);
  now += absl::Minutes(59);
  EXPECT_TRUE(Find(kSecondOrganization).secret_accepted_elsewhere);
}

TEST_F(AcceptanceHistoryTest, SecretsAreIndependent) {
  Accept(kFirstOrganization, kRotatedSecret);
  EXPECT_FALSE(Find(kSecondOrganization).secret_accepted_elsewhere);
  EXPECT_TRUE(Find(kSecondOrganization, kRotatedSecret).secret_accepted_elsewhere);
}

TEST_F(AcceptanceHistoryTest, AnyOfManyOrganizationsHasAnotherOne) {
  Accept(kFirstOrganization);
  Accept(kSecondOrganization);
  Accept(kThirdOrganization);
  Accept(kSecondOrganization);
  for (const char* organization_id :
       {kFirstOrganization, kSecondOrganization, kThirdOrganization}) {
    EXPECT_TRUE(Find(organization_id).secret_accepted_elsewhere) << organization_id;
  }
}

TEST_F(AcceptanceHistoryTest, OnlyTheOtherOrganizationsTimeCounts) {
  Accept(kFirstOrganization);
  now += absl::Minutes(59);
  Accept(kSecondOrganization);
  now += absl::Minutes(1);
  EXPECT_FALSE(Find(kSecondOrganization).secret_accepted_elsewhere);
  EXPECT_TRUE(Find(kFirstOrganization).secret_accepted_elsewhere);
}

// --- devKeys --------------------------------------------------------------------------------

TEST_F(AcceptanceHistoryTest, AcceptedDevKeyHasWorked) {
  Accept(kFirstOrganization);
  now += absl::Hours(1000);
  EXPECT_TRUE(Find(kSecondOrganization).dev_key_worked_anywhere);
}

TEST_F(AcceptanceHistoryTest, RestoredDevKeyHasWorked) {
  history.RestoreDevKey({"production", kSampleDevKey});
  EXPECT_FALSE(Find(kFirstOrganization).dev_key_worked_anywhere);
  history.RestoreDevKey(SampleCandidate().dev_key);
  EXPECT_TRUE(Find(kFirstOrganization).dev_key_worked_anywhere);
}

TEST_F(AcceptanceHistoryTest, DevKeyIsRefusedElsewhere) {
  RefuseDevKey(kFirstOrganization);
  EXPECT_FALSE(Find(kFirstOrganization).dev_key_refused_elsewhere);
  EXPECT_TRUE(Find(kSecondOrganization).dev_key_refused_elsewhere);
  EXPECT_FALSE(Find(kSecondOrganization, kRotatedSecret).dev_key_refused_elsewhere);
}

TEST_F(AcceptanceHistoryTest, EachOfTwoRefusedOrganizationsHasAnother) {
  RefuseDevKey(kFirstOrganization);
  RefuseDevKey(kSecondOrganization);
  RefuseDevKey(kSecondOrganization);
  EXPECT_TRUE(Find(kFirstOrganization).dev_key_refused_elsewhere);
  EXPECT_TRUE(Find(kSecondOrganization).dev_key_refused_elsewhere);
}

TEST_F(AcceptanceHistoryTest, AcceptanceEndsRefusalsOfTheDevKey) {
  RefuseDevKey(kFirstOrganization);
  Accept(kThirdOrganization);
  EXPECT_FALSE(Find(kSecondOrganization).dev_key_refused_elsewhere);
}

TEST_F(AcceptanceHistoryTest, AcceptanceOfAnotherSecretKeepsRefusals) {
  RefuseDevKey(kFirstOrganization);
  Accept(kThirdOrganization, kRotatedSecret);
  EXPECT_TRUE(Find(kSecondOrganization).dev_key_refused_elsewhere);
}

}  // namespace
}  // namespace billbroker

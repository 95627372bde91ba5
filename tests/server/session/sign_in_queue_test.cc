#include "server/session/sign_in_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/server/session/rules/sample_candidate.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Next = SignInQueue::Next;

// In this file a number stands for the slot whose organization id ends with it.
CandidateId SlotAt(int number) {
  return SlotId{"uid-of-acme-accounts-payable", absl::StrCat("0080000000000000000", number)};
}

class SignInQueueTest : public ::testing::Test {
 protected:
  static SignInCandidate Candidate(int number, SignInPurpose purpose = SignInPurpose::kCaller) {
    SignInCandidate candidate = SampleCandidate(absl::StrCat("0080000000000000000", number));
    candidate.purpose = purpose;
    return candidate;
  }
  static SignInCandidate CandidateOf(int number, absl::string_view principal) {
    SignInCandidate candidate = Candidate(number);
    candidate.principal = std::string(principal);
    return candidate;
  }
  static SignInCandidate CandidateOn(int number, const DevKeyBudgetId& dev_key) {
    SignInCandidate candidate = Candidate(number);
    candidate.dev_key = dev_key;
    return candidate;
  }
  void Put(int number, SignInPurpose purpose = SignInPurpose::kCaller, std::uint64_t place = 0) {
    queue.Put(SlotAt(number), Candidate(number, purpose), place);
  }
  void Claim(const CandidateId& id, absl::Duration until) {
    queue.Promise(id, until);
    queue.MakeClaim(id);
  }
  // Returns the numbers of the entries that a walk visits. `next`: how it goes on after each.
  std::vector<int> Visited(Next next = Next::kNextInLane) const {
    std::vector<int> numbers;
    queue.Walk([&](const SignInQueue::Entry& entry) {
      numbers.push_back(entry.candidate.slot.organization_id.back() - '0');
      return next;
    });
    return numbers;
  }
  std::int64_t RankOf(int number) const { return queue.RankOf(*queue.Find(SlotAt(number))); }

  const DevKeyBudgetId dev_key = SampleCandidate().dev_key;
  const DevKeyBudgetId other_dev_key = {"sandbox", "dev-key-fingerprint-of-zenith"};
  SignInQueue queue;
};

TEST_F(SignInQueueTest, IsEmptyAtFirst) {
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.Find(SlotAt(1)), nullptr);
  EXPECT_EQ(queue.CountOn(dev_key), 0);
  EXPECT_EQ(queue.CountSlots(), 0);
  EXPECT_THAT(Visited(), IsEmpty());
  EXPECT_THAT(queue.TakeExpiredClaims(absl::InfiniteDuration()), IsEmpty());
}

// --- order and promotion --------------------------------------------------------------------

TEST_F(SignInQueueTest, FirstComeFirstServed) {
  Put(3);
  Put(1);
  Put(2);
  EXPECT_THAT(Visited(), ElementsAre(3, 1, 2));
}

TEST_F(SignInQueueTest, OrdersByPurposeFirst) {
  Put(1, SignInPurpose::kPrewarm);
  Put(2, SignInPurpose::kWarm);
  Put(3, SignInPurpose::kCaller);
  Put(4, SignInPurpose::kProof);
  EXPECT_THAT(Visited(), ElementsAre(4, 3, 2, 1));
}

TEST_F(SignInQueueTest, RepeatedPutKeepsThePlace) {
  Put(1);
  Put(2);
  Put(1);
  EXPECT_THAT(Visited(), ElementsAre(1, 2));
  EXPECT_EQ(queue.CountOn(dev_key), 2);
}

TEST_F(SignInQueueTest, WeakerPurposeKeepsPlaceAndPurpose) {
  Put(1, SignInPurpose::kCaller);
  Put(2, SignInPurpose::kCaller);
  Put(1, SignInPurpose::kPrewarm);
  EXPECT_THAT(Visited(), ElementsAre(1, 2));
  EXPECT_EQ(queue.Find(SlotAt(1))->candidate.purpose, SignInPurpose::kCaller);
}

TEST_F(SignInQueueTest, StrongerPurposeGoesToTheEndOfIt) {
  Put(1, SignInPurpose::kPrewarm);
  Put(2, SignInPurpose::kCaller);
  Put(1, SignInPurpose::kCaller);
  Put(3, SignInPurpose::kCaller);
  EXPECT_THAT(Visited(), ElementsAre(2, 1, 3));
  EXPECT_EQ(queue.Find(SlotAt(1))->candidate.purpose, SignInPurpose::kCaller);
  EXPECT_EQ(queue.CountCallersOn(dev_key), 3);
}

TEST_F(SignInQueueTest, PutReplacesTheCandidate) {
  Put(1);
  queue.Put(SlotAt(1), CandidateOf(1, "unix:another-principal"));
  EXPECT_EQ(queue.Find(SlotAt(1))->candidate.principal, "unix:another-principal");
}

TEST_F(SignInQueueTest, RestoredPlacesKeepTheirOrder) {
  Put(1, SignInPurpose::kCaller, 70);
  Put(2, SignInPurpose::kCaller, 50);
  Put(3);
  EXPECT_THAT(Visited(), ElementsAre(2, 1, 3));
}

TEST_F(SignInQueueTest, EntryGoesBackIntoItsPlace) {
  Put(1);
  Put(2);
  const std::uint64_t place = queue.Find(SlotAt(1))->order.second;
  queue.Remove(SlotAt(1));
  Put(3);
  Put(1, SignInPurpose::kCaller, place);
  EXPECT_THAT(Visited(), ElementsAre(1, 2, 3));
}

TEST_F(SignInQueueTest, RemoveForgetsTheEntry) {
  Put(1);
  queue.Remove(SlotAt(1));
  queue.Remove(SlotAt(2));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.CountOn(dev_key), 0);
  EXPECT_EQ(queue.CountSlots(), 0);
  EXPECT_THAT(queue.FindOnDevKey(dev_key), IsEmpty());
}

TEST_F(SignInQueueTest, UpdateMovesAnEntryToAnotherDevKey) {
  Put(1);
  queue.Update(SlotAt(1), CandidateOn(1, other_dev_key));
  EXPECT_EQ(queue.CountOn(dev_key), 0);
  EXPECT_EQ(queue.CountSlotsOn(dev_key), 0);
  EXPECT_EQ(queue.CountSlotsOn(other_dev_key), 1);
  EXPECT_THAT(queue.FindOnDevKey(other_dev_key), ElementsAre(SlotAt(1)));
  EXPECT_THAT(Visited(), ElementsAre(1));
}

// --- claims ---------------------------------------------------------------------------------

TEST_F(SignInQueueTest, ClaimIsSkippedAndCounted) {
  Put(1);
  Put(2);
  Claim(SlotAt(1), absl::Minutes(5));
  EXPECT_TRUE(queue.Find(SlotAt(1))->is_claim);
  EXPECT_THAT(Visited(), ElementsAre(2));
  EXPECT_EQ(queue.CountOn(dev_key), 2);
  EXPECT_EQ(queue.CountSlots(), 2);
  EXPECT_EQ(queue.CountSlotsOn(dev_key), 2);
  EXPECT_EQ(RankOf(2), 1);
}

TEST_F(SignInQueueTest, CallerThatIsBackTakesTheClaimedPlace) {
  Put(1);
  Put(2);
  Claim(SlotAt(1), absl::Minutes(5));
  Put(1);
  EXPECT_FALSE(queue.Find(SlotAt(1))->is_claim);
  EXPECT_THAT(Visited(), ElementsAre(1, 2));
  EXPECT_THAT(queue.TakeExpiredClaims(absl::Minutes(5)), IsEmpty());
}

TEST_F(SignInQueueTest, CallerThatIsBackAndLeavesKeepsThePromise) {
  Put(1);
  Claim(SlotAt(1), absl::Minutes(5));
  Put(1);
  queue.Promise(SlotAt(1), absl::Minutes(4));
  queue.MakeClaim(SlotAt(1));
  EXPECT_THAT(queue.TakeExpiredClaims(absl::Minutes(4)), IsEmpty());
  EXPECT_THAT(queue.TakeExpiredClaims(absl::Minutes(5)), ElementsAre(SlotAt(1)));
}

TEST_F(SignInQueueTest, PromotionKeepsThePromise) {
  Put(1, SignInPurpose::kWarm);
  queue.Promise(SlotAt(1), absl::Minutes(5));
  Put(1, SignInPurpose::kCaller);
  EXPECT_EQ(queue.Find(SlotAt(1))->promised_until, absl::Minutes(5));
}

TEST_F(SignInQueueTest, ClaimExpiresAtItsTime) {
  Put(1);
  Put(2);
  Claim(SlotAt(1), absl::Minutes(6));
  Claim(SlotAt(2), absl::Minutes(5));
  EXPECT_THAT(queue.TakeExpiredClaims(absl::Minutes(5) - absl::Nanoseconds(1)), IsEmpty());
  EXPECT_THAT(queue.TakeExpiredClaims(absl::Minutes(6)), ElementsAre(SlotAt(2), SlotAt(1)));
  EXPECT_TRUE(queue.empty());
}

TEST_F(SignInQueueTest, ClaimCanBeProlonged) {
  Put(1);
  Claim(SlotAt(1), absl::Minutes(5));
  Claim(SlotAt(1), absl::Minutes(7));
  EXPECT_THAT(queue.TakeExpiredClaims(absl::Minutes(6)), IsEmpty());
  EXPECT_THAT(queue.TakeExpiredClaims(absl::Minutes(7)), ElementsAre(SlotAt(1)));
}

// --- ranks and counts -----------------------------------------------------------------------

TEST_F(SignInQueueTest, RanksEntriesOfTheDevKey) {
  Put(1);
  queue.Put(SlotAt(2), CandidateOn(2, other_dev_key));
  Put(3);
  Put(4, SignInPurpose::kProof);
  EXPECT_EQ(RankOf(4), 0);
  EXPECT_EQ(RankOf(1), 1);
  EXPECT_EQ(RankOf(3), 2);
  EXPECT_EQ(RankOf(2), 0);
}

TEST_F(SignInQueueTest, CallersRankBeforeEarlierWarmWatches) {
  Put(1, SignInPurpose::kWarm);
  Put(2, SignInPurpose::kCaller);
  EXPECT_EQ(RankOf(2), 0);
  EXPECT_EQ(RankOf(1), 1);
}

TEST_F(SignInQueueTest, CountsProofsAndCallersApart) {
  Put(1, SignInPurpose::kProof);
  Put(2, SignInPurpose::kCaller);
  Put(3, SignInPurpose::kWarm);
  Put(4, SignInPurpose::kPrewarm);
  EXPECT_EQ(queue.CountOn(dev_key), 4);
  EXPECT_EQ(queue.CountCallersOn(dev_key), 2);
  queue.Remove(SlotAt(2));
  EXPECT_EQ(queue.CountCallersOn(dev_key), 1);
}

TEST_F(SignInQueueTest, CountsSlotsWithoutPartnersAndProbes) {
  Put(1);
  queue.Put(ProbeId{7}, Candidate(2));
  queue.Put(PartnerId{"uid-of-acme-partner", "user-secret", "app-key", {}}, Candidate(3));
  EXPECT_EQ(queue.CountOn(dev_key), 3);
  EXPECT_EQ(queue.CountSlots(), 1);
  EXPECT_EQ(queue.CountSlotsOn(dev_key), 1);
}

TEST_F(SignInQueueTest, FindsEntriesByUserDevKeyAndPartner) {
  const PartnerId partner = {"uid-of-acme-partner", "user-secret", "app-key", {}};
  SignInCandidate behind = Candidate(1);
  behind.partner = partner;
  queue.Put(SlotAt(1), behind);
  SignInCandidate of_other = CandidateOn(2, other_dev_key);
  of_other.user.username = "another.user@acme.example";
  queue.Put(SlotAt(2), of_other);
  Put(3);
  Claim(SlotAt(3), absl::Minutes(5));
  EXPECT_THAT(queue.FindOfUser(behind.user), UnorderedElementsAre(SlotAt(1), SlotAt(3)));
  EXPECT_THAT(queue.FindOnDevKey(dev_key), UnorderedElementsAre(SlotAt(1), SlotAt(3)));
  EXPECT_THAT(queue.FindOnDevKey(other_dev_key), ElementsAre(SlotAt(2)));
  EXPECT_THAT(queue.FindBehind(partner), ElementsAre(SlotAt(1)));
  queue.Remove(SlotAt(1));
  EXPECT_THAT(queue.FindBehind(partner), IsEmpty());
}

// --- the walk -------------------------------------------------------------------------------

// Two lanes on one devKey, then another devKey: 1 and 3, 2 and 4, 5.
class SignInQueueWalkTest : public SignInQueueTest {
 protected:
  SignInQueueWalkTest() {
    queue.Put(SlotAt(1), CandidateOf(1, "unix:first-principal"));
    queue.Put(SlotAt(2), CandidateOf(2, "unix:second-principal"));
    queue.Put(SlotAt(3), CandidateOf(3, "unix:first-principal"));
    queue.Put(SlotAt(4), CandidateOf(4, "unix:second-principal"));
    queue.Put(SlotAt(5), CandidateOn(5, other_dev_key));
  }
};

TEST_F(SignInQueueWalkTest, VisitsLaneByLane) {
  EXPECT_THAT(Visited(), ElementsAre(1, 3, 2, 4, 5));
}

TEST_F(SignInQueueWalkTest, LeavesALane) {
  EXPECT_THAT(Visited(Next::kNextLane), ElementsAre(1, 2, 5));
}

TEST_F(SignInQueueWalkTest, LeavesADevKey) {
  EXPECT_THAT(Visited(Next::kNextDevKey), ElementsAre(1, 5));
}

TEST_F(SignInQueueWalkTest, Stops) { EXPECT_THAT(Visited(Next::kStop), ElementsAre(1)); }

TEST_F(SignInQueueWalkTest, LaneMovesBackWhenItsFirstEntryLeaves) {
  queue.Remove(SlotAt(1));
  EXPECT_THAT(Visited(Next::kNextLane), ElementsAre(2, 3, 5));
}

TEST_F(SignInQueueWalkTest, DevKeyMovesBackWhenItsFirstEntriesLeave) {
  queue.Put(SlotAt(6), CandidateOf(6, "unix:first-principal"));
  for (const int number : {1, 2, 3}) queue.Remove(SlotAt(number));
  Claim(SlotAt(4), absl::Minutes(5));
  EXPECT_THAT(Visited(Next::kNextDevKey), ElementsAre(5, 6));
}

TEST_F(SignInQueueWalkTest, UsersHaveLanesOfTheirOwn) {
  SignInCandidate of_other = CandidateOf(6, "unix:first-principal");
  of_other.user.username = "another.user@acme.example";
  queue.Put(SlotAt(6), of_other);
  EXPECT_THAT(Visited(Next::kNextLane), ElementsAre(1, 2, 6, 5));
}

}  // namespace
}  // namespace billbroker

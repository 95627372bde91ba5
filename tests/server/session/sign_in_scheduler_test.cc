// The scheduler with rules that answer by script: it has no policy of its own.
#include "server/session/sign_in_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Blocks = RuleAnswer::Blocks;

// Answers by a script, "go" at first, and logs each event as "rule event last-digit".
class ScriptedRule final : public SignInRule {
 public:
  ScriptedRule(std::string name, std::vector<std::string>& log)
      : name_(std::move(name)), log_(log) {}

  std::function<RuleAnswer(int)> script = [](int) { return RuleAnswer::Go(); };

  RuleAnswer Check(const SignInCandidate& candidate, absl::Duration) override {
    asked_.push_back(NumberOf(candidate));
    return script(asked_.back());
  }
  absl::Status Explain(const SignInCandidate&, absl::Duration) override {
    return absl::FailedPreconditionError(name_);
  }
  void Joined(const SignInCandidate& candidate, absl::Duration) override {
    Log("joined", candidate);
  }
  void Left(const SignInCandidate& candidate, absl::Duration) override { Log("left", candidate); }
  void Started(const SignInCandidate& candidate, absl::Duration) override {
    Log("started", candidate);
  }
  void Released(const SignInCandidate& candidate, absl::Duration) override {
    Log("released", candidate);
  }
  void Ended(const SignInCandidate& candidate, const SignInOutcome&, absl::Duration) override {
    Log("ended", candidate);
  }

  // Returns the candidates that the rule was asked about since the last call.
  std::vector<int> TakeAsked() { return std::exchange(asked_, {}); }

 private:
  static int NumberOf(const SignInCandidate& candidate) {
    return candidate.slot.organization_id.back() - '0';
  }
  void Log(absl::string_view event, const SignInCandidate& candidate) {
    log_.push_back(absl::StrCat(name_, " ", event, " ", NumberOf(candidate)));
  }

  const std::string name_;
  std::vector<std::string>& log_;
  std::vector<int> asked_;
};

class SignInSchedulerTest : public ::testing::Test {
 protected:
  // 3 callers an hour.
  static DevKeyLimits FewAnHour() {
    DevKeyBudgetOptions options;
    options.sign_ins_per_hour = 4;
    return DevKeyLimits(options);
  }
  static std::string OrganizationAt(int number) {
    return absl::StrCat("0080000000000000000", number);
  }
  static CandidateId IdAt(int number) {
    return SlotId{"uid-of-acme-accounts-payable", OrganizationAt(number)};
  }

  void Enqueue(int number, absl::string_view principal = kSamplePrincipal,
               absl::string_view dev_key = kSampleDevKey) {
    SignInCandidate candidate = SampleCandidate(OrganizationAt(number));
    candidate.principal = std::string(principal);
    candidate.dev_key.dev_key_id = std::string(dev_key);
    scheduler.Enqueue(IdAt(number), std::move(candidate), now);
  }
  // Lets the last caller leave after it received the retry time `retry`.
  void Claim(const CandidateId& id, absl::Duration retry) {
    scheduler.Promise(id, retry);
    scheduler.StopWaiting(id, now);
  }
  // Returns the number of the next candidate; 0 if no turn has come.
  int Next() {
    const absl::optional<SignInScheduler::Due> due = scheduler.Next(now);
    if (!due.has_value()) return 0;
    EXPECT_THAT(due->refusal, IsOk());
    return due->entry.candidate.slot.organization_id.back() - '0';
  }

  absl::Duration now = absl::Hours(50);
  FixedRandom random{0};
  FairShare shares{FewAnHour(), random};
  DevKeyBudget budget{FewAnHour(), shares, random};
  std::vector<std::string> log;
  ScriptedRule first{"first", log};
  ScriptedRule second{"second", log};
  SignInScheduler scheduler{{&first, &second}, budget};
};

// --- the rules ------------------------------------------------------------------------------

TEST_F(SignInSchedulerTest, AsksRulesInOrder) {
  Enqueue(1);
  EXPECT_EQ(Next(), 1);
  EXPECT_THAT(first.TakeAsked(), ElementsAre(1));
  EXPECT_THAT(second.TakeAsked(), ElementsAre(1));
}

TEST_F(SignInSchedulerTest, FirstObjectionDecides) {
  first.script = [](int) { return RuleAnswer::WaitForAnother(Blocks::kThisOne); };
  second.script = [](int) { return RuleAnswer::Refuse(); };
  Enqueue(1);
  EXPECT_EQ(Next(), 0);
  EXPECT_THAT(second.TakeAsked(), IsEmpty());
}

TEST_F(SignInSchedulerTest, RefusedCandidateLeavesWithTheError) {
  second.script = [](int) { return RuleAnswer::Refuse(); };
  Enqueue(1);
  const absl::optional<SignInScheduler::Due> due = scheduler.Next(now);
  ASSERT_TRUE(due.has_value());
  EXPECT_EQ(due->entry.id, IdAt(1));
  EXPECT_EQ(due->refusal, absl::FailedPreconditionError("second"));
  EXPECT_TRUE(scheduler.queue().empty());
  EXPECT_THAT(log,
              ElementsAre("first joined 1", "second joined 1", "first left 1", "second left 1"));
}

TEST_F(SignInSchedulerTest, CheckAllowedReturnsTheFirstRefusal) {
  first.script = [](int) { return RuleAnswer::WaitForAnother(Blocks::kAll); };
  EXPECT_THAT(scheduler.CheckAllowed(SampleCandidate(), now), IsOk());
  second.script = [](int) { return RuleAnswer::Refuse(); };
  EXPECT_EQ(scheduler.CheckAllowed(SampleCandidate(), now),
            absl::FailedPreconditionError("second"));
  EXPECT_THAT(log, IsEmpty());
}

TEST_F(SignInSchedulerTest, ReportsTheLifeOfASignIn) {
  Enqueue(1);
  EXPECT_EQ(Next(), 1);
  EXPECT_THAT(log, ElementsAre("first joined 1", "second joined 1", "first left 1", "second left 1",
                               "first started 1", "second started 1"));
  log.clear();
  scheduler.Ended(SampleCandidate(OrganizationAt(1)), AcceptedOutcome(), now);
  scheduler.Released(SampleCandidate(OrganizationAt(2)), now);
  EXPECT_THAT(
      log, ElementsAre("first ended 1", "second ended 1", "first released 2", "second released 2"));
}

TEST_F(SignInSchedulerTest, RepeatedEnqueueIsCountedOnce) {
  Enqueue(1);
  log.clear();
  Enqueue(1);
  EXPECT_THAT(log,
              ElementsAre("first left 1", "second left 1", "first joined 1", "second joined 1"));
}

TEST_F(SignInSchedulerTest, WithdrawLeavesTheQueue) {
  Enqueue(1);
  log.clear();
  scheduler.Withdraw(IdAt(1), now);
  scheduler.Withdraw(IdAt(2), now);
  EXPECT_THAT(log, ElementsAre("first left 1", "second left 1"));
  EXPECT_EQ(Next(), 0);
}

// --- blocks ---------------------------------------------------------------------------------

struct BlocksRow {
  const char* name;
  Blocks blocks;
  int next;  // the candidate that starts instead of 1
};

std::ostream& operator<<(std::ostream& out, const BlocksRow& row) { return out << row.name; }

class SignInSchedulerBlocksTest : public SignInSchedulerTest,
                                  public ::testing::WithParamInterface<BlocksRow> {};

// 2 is in the lane of 1, 3 in another lane of the devKey, 4 on another devKey.
TEST_P(SignInSchedulerBlocksTest, SkipsTheBlockedCandidates) {
  first.script = [](int number) {
    return number == 1 ? RuleAnswer::WaitForAnother(GetParam().blocks) : RuleAnswer::Go();
  };
  Enqueue(1);
  Enqueue(2);
  Enqueue(3, "unix:another-principal");
  Enqueue(4, kSamplePrincipal, "dev-key-fingerprint-of-zenith");
  EXPECT_EQ(Next(), GetParam().next);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, SignInSchedulerBlocksTest,
    ::testing::Values(BlocksRow{"ThisOne", Blocks::kThisOne, 2},
                      BlocksRow{"PrincipalOnDevKey", Blocks::kPrincipalOnDevKey, 3},
                      BlocksRow{"User", Blocks::kUser, 3}, BlocksRow{"DevKey", Blocks::kDevKey, 4},
                      BlocksRow{"Environment", Blocks::kEnvironment, 4},
                      BlocksRow{"All", Blocks::kAll, 0}),
    [](const auto& tested) { return std::string(tested.param.name); });

// --- wake time ------------------------------------------------------------------------------

TEST_F(SignInSchedulerTest, WakesAtTheEarliestTime) {
  first.script = [this](int number) {
    return RuleAnswer::WaitUntil(now + absl::Seconds(number == 1 ? 20 : 10), Blocks::kThisOne);
  };
  Enqueue(1);
  Enqueue(2);
  EXPECT_EQ(Next(), 0);
  EXPECT_EQ(scheduler.wake_time(), now + absl::Seconds(10));
}

TEST_F(SignInSchedulerTest, NeverWakesForAnEndOfAnother) {
  first.script = [](int) { return RuleAnswer::WaitForAnother(Blocks::kThisOne); };
  Enqueue(1);
  EXPECT_EQ(Next(), 0);
  EXPECT_EQ(scheduler.wake_time(), absl::InfiniteDuration());
}

TEST_F(SignInSchedulerTest, EmptyQueueNeverWakes) {
  first.script = [this](int) {
    return RuleAnswer::WaitUntil(now + absl::Seconds(1), Blocks::kAll);
  };
  Enqueue(1);
  EXPECT_EQ(Next(), 0);
  scheduler.Withdraw(IdAt(1), now);
  EXPECT_EQ(Next(), 0);
  EXPECT_EQ(scheduler.wake_time(), absl::InfiniteDuration());
}

// --- claims ---------------------------------------------------------------------------------

TEST_F(SignInSchedulerTest, ClaimIsNotStarted) {
  Enqueue(1);
  Enqueue(2);
  log.clear();
  Claim(IdAt(1), now + absl::Minutes(5));
  EXPECT_THAT(log, ElementsAre("first left 1", "second left 1"));
  EXPECT_EQ(Next(), 2);
  EXPECT_EQ(Next(), 0);
}

TEST_F(SignInSchedulerTest, ClaimLastsAMinuteLongerThanTheRetryTime) {
  Enqueue(1);
  Claim(IdAt(1), now + absl::Minutes(5));
  log.clear();
  EXPECT_THAT(scheduler.TakeExpiredClaims(now + absl::Minutes(6) - absl::Nanoseconds(1)),
              IsEmpty());
  EXPECT_THAT(scheduler.TakeExpiredClaims(now + absl::Minutes(6)), ElementsAre(IdAt(1)));
  EXPECT_THAT(log, IsEmpty());  // the rules were notified when it became a claim
}

TEST_F(SignInSchedulerTest, CandidateWithoutPromiseLeavesNoClaim) {
  Enqueue(1);
  Enqueue(2);
  scheduler.Promise(IdAt(2), now - absl::Minutes(1));
  scheduler.StopWaiting(IdAt(1), now);
  scheduler.StopWaiting(IdAt(2), now);
  EXPECT_TRUE(scheduler.queue().empty());
}

TEST_F(SignInSchedulerTest, ClaimThatIsLeftTwiceIsCountedOnce) {
  Enqueue(1);
  Claim(IdAt(1), now + absl::Minutes(5));
  log.clear();
  scheduler.StopWaiting(IdAt(1), now);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_TRUE(scheduler.queue().Find(IdAt(1))->is_claim);
}

TEST_F(SignInSchedulerTest, CallerThatIsBackJoinsAgain) {
  Enqueue(1);
  Enqueue(2);
  Claim(IdAt(1), now + absl::Minutes(5));
  log.clear();
  Enqueue(1);
  EXPECT_THAT(log, ElementsAre("first joined 1", "second joined 1"));
  EXPECT_EQ(Next(), 1);
}

TEST_F(SignInSchedulerTest, WithdrawnClaimIsNotCountedTwice) {
  Enqueue(1);
  Claim(IdAt(1), now + absl::Minutes(5));
  log.clear();
  scheduler.Withdraw(IdAt(1), now);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_TRUE(scheduler.queue().empty());
}

TEST_F(SignInSchedulerTest, UnknownCandidateMakesNoClaim) {
  Claim(IdAt(1), now + absl::Minutes(5));
  EXPECT_TRUE(scheduler.queue().empty());
}

// --- estimates ------------------------------------------------------------------------------

TEST_F(SignInSchedulerTest, EstimatesNowIfNothingObjects) {
  Enqueue(1);
  const SignInScheduler::Estimate estimate = scheduler.EstimateStart(IdAt(1), now);
  EXPECT_EQ(estimate.start, now);
  EXPECT_THAT(estimate.explanation, IsOk());
}

TEST_F(SignInSchedulerTest, LatestWaitDecidesTheEstimate) {
  first.script = [this](int) {
    return RuleAnswer::WaitUntil(now + absl::Seconds(20), Blocks::kThisOne);
  };
  second.script = [this](int) {
    return RuleAnswer::WaitUntil(now + absl::Seconds(10), Blocks::kThisOne);
  };
  Enqueue(1);
  const SignInScheduler::Estimate estimate = scheduler.EstimateStart(IdAt(1), now);
  EXPECT_EQ(estimate.start, now + absl::Seconds(20));
  EXPECT_EQ(estimate.explanation, absl::FailedPreconditionError("first"));
}

TEST_F(SignInSchedulerTest, EstimateIgnoresWaitsWithoutATime) {
  first.script = [](int) { return RuleAnswer::WaitForAnother(Blocks::kAll); };
  Enqueue(1);
  EXPECT_EQ(scheduler.EstimateStart(IdAt(1), now).start, now);
}

// The hour of the devKey is spent; sign-ins are forgotten in 10, 20 and 30 minutes.
class SignInSchedulerBudgetTest : public SignInSchedulerTest {
 protected:
  SignInSchedulerBudgetTest() {
    for (const int minutes : {50, 40, 30}) {
      budget.Restore(SampleCandidate().dev_key, now - absl::Minutes(minutes));
    }
  }
};

TEST_F(SignInSchedulerBudgetTest, EstimatesTheTurnInTheBudget) {
  Enqueue(1);
  Enqueue(2);
  const SignInScheduler::Estimate estimate = scheduler.EstimateStart(IdAt(2), now);
  EXPECT_EQ(estimate.start, now + absl::Minutes(20));
  EXPECT_THAT(estimate.explanation, HasReason(Reason::kLoginBudgetSpent));
}

TEST_F(SignInSchedulerBudgetTest, EstimateCountsClaims) {
  Enqueue(1);
  Enqueue(2);
  Enqueue(3);
  Claim(IdAt(1), now + absl::Minutes(10));
  Claim(IdAt(2), now + absl::Minutes(20));
  EXPECT_EQ(scheduler.EstimateStart(IdAt(3), now).start, now + absl::Minutes(30));
}

TEST_F(SignInSchedulerBudgetTest, LaterWaitOfARuleExplainsTheEstimate) {
  second.script = [this](int) {
    return RuleAnswer::WaitUntil(now + absl::Minutes(15), Blocks::kThisOne);
  };
  Enqueue(1);
  const SignInScheduler::Estimate estimate = scheduler.EstimateStart(IdAt(1), now);
  EXPECT_EQ(estimate.start, now + absl::Minutes(15));
  EXPECT_EQ(estimate.explanation, absl::FailedPreconditionError("second"));
}

}  // namespace
}  // namespace billbroker

#include "server/session/slot_session.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_ids.h"

namespace billbroker {
namespace {

// --- the deadline ---------------------------------------------------------------------------

struct DeadlineRow {
  const char* name;
  absl::Duration max_session_age;
  bool sliding;
  absl::Duration confirmed;  // after the sign-in
  absl::Duration deadline;   // likewise
};

std::ostream& operator<<(std::ostream& out, const DeadlineRow& row) { return out << row.name; }

// The idle window is 35 minutes, the safety margin one minute.
constexpr DeadlineRow kDeadlineRows[] = {
    {"SignIn", absl::InfiniteDuration(), true, absl::ZeroDuration(), absl::Minutes(34)},
    {"LaterCall", absl::InfiniteDuration(), true, absl::Minutes(20), absl::Minutes(54)},
    {"LaterCallThatDoesNotSlide", absl::InfiniteDuration(), false, absl::Minutes(20),
     absl::Minutes(34)},
    {"OldSession", absl::Minutes(50), true, absl::Minutes(20), absl::Minutes(49)},
    {"ShortAge", absl::Minutes(10), false, absl::ZeroDuration(), absl::Minutes(9)},
};

class SessionDeadlineTest : public ::testing::TestWithParam<DeadlineRow> {};

TEST_P(SessionDeadlineTest, IsTheEarlierLimitMinusTheMargin) {
  const DeadlineRow& row = GetParam();
  const SessionLimits limits = {absl::Minutes(35), row.max_session_age, absl::Minutes(1),
                                row.sliding, true};
  const absl::Duration signed_in = absl::Hours(100);
  EXPECT_EQ(limits.DeadlineFor(signed_in, signed_in + row.confirmed), signed_in + row.deadline);
}

INSTANTIATE_TEST_SUITE_P(Rows, SessionDeadlineTest, ::testing::ValuesIn(kDeadlineRows),
                         [](const auto& tested) { return std::string(tested.param.name); });

// --- the session ----------------------------------------------------------------------------

class SlotSessionTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kGeneration = 1'000'000;

  // A session that was signed in now and ends in 34 minutes.
  SessionPtr NewSession(absl::string_view session_id = "session-id-of-first-sign-in") {
    auto session = std::make_shared<Session>();
    session->keys.session_id =
        std::make_shared<const SecretString>(SecretString::CopyOf(session_id));
    session->organization_id = kFirstOrganization;
    session->generation = session->first_generation = kGeneration;
    session->signed_in = clock.SinceBoot();
    session->sign_in_time = session->verified_time = clock.Now();
    session->deadline = clock.SinceBoot() + absl::Minutes(34);
    session->expire_time = clock.Now() + absl::Minutes(34);
    return session;
  }
  void Renew() { held.Renew(SessionInfo{}, clock.SinceBoot(), limits, clock); }

  ManualClock clock;
  SessionLimits limits = {absl::Minutes(35), absl::InfiniteDuration(), absl::Minutes(1)};
  SlotSession held;
};

TEST_F(SlotSessionTest, HoldsNothingAtFirst) {
  EXPECT_EQ(held.get(), nullptr);
  EXPECT_FALSE(held.IsLive(clock.SinceBoot()));
  EXPECT_EQ(held.generation(), 0U);
}

TEST_F(SlotSessionTest, IsLiveUntilItsDeadline) {
  held.Adopt(NewSession());
  const absl::Duration deadline = held.get()->deadline;
  EXPECT_TRUE(held.IsLive(deadline - absl::Nanoseconds(1)));
  EXPECT_FALSE(held.IsLive(deadline));
  EXPECT_NE(held.get(), nullptr);
}

TEST_F(SlotSessionTest, TakeLeavesNothing) {
  const SessionPtr session = NewSession();
  held.Adopt(session);
  EXPECT_EQ(held.Take(), session);
  EXPECT_EQ(held.get(), nullptr);
}

TEST_F(SlotSessionTest, NewSessionNeedsNoCheck) {
  held.Adopt(NewSession());
  EXPECT_FALSE(held.NeedsCheck(clock.Now()));
}

TEST_F(SlotSessionTest, RestoredSessionNeedsCheckUntilRenewed) {
  held.AdoptUnconfirmed(NewSession(), false);
  EXPECT_TRUE(held.NeedsCheck(clock.Now()));
  Renew();
  EXPECT_FALSE(held.NeedsCheck(clock.Now()));
}

TEST_F(SlotSessionTest, ExpiredWallClockNeedsCheck) {
  held.Adopt(NewSession());
  clock.JumpWall(absl::Minutes(34));
  EXPECT_TRUE(held.NeedsCheck(clock.Now()));
  EXPECT_TRUE(held.FollowWallClock(clock.SinceBoot(), clock.Now()));
  EXPECT_FALSE(held.NeedsCheck(clock.Now()));
  EXPECT_EQ(held.get()->expire_time, clock.Now() + absl::Minutes(34));
}

TEST_F(SlotSessionTest, IgnoresASlewedWallClock) {
  const SessionPtr session = NewSession();
  held.Adopt(session);
  clock.JumpWall(absl::Seconds(1));
  EXPECT_FALSE(held.FollowWallClock(clock.SinceBoot(), clock.Now()));
  EXPECT_EQ(held.get(), session);
  clock.JumpWall(absl::Seconds(1));
  EXPECT_TRUE(held.FollowWallClock(clock.SinceBoot(), clock.Now()));
  EXPECT_FALSE(held.FollowWallClock(clock.SinceBoot(), clock.Now()));
}

TEST_F(SlotSessionTest, NextSessionAfterAnUnconfirmedOneIsConfirmed) {
  held.AdoptUnconfirmed(NewSession(), false);
  held.Take();
  held.Adopt(NewSession());
  EXPECT_FALSE(held.NeedsCheck(clock.Now()));
}

// --- sessions of the store ------------------------------------------------------------------

TEST_F(SlotSessionTest, ServesRestoredSessionUnverified) {
  held.RestoreGeneration(kGeneration);
  held.AdoptUnconfirmed(NewSession(), true);
  EXPECT_FALSE(held.IsUnverified());
  const absl::Time verified = held.get()->verified_time;
  clock.Advance(absl::Seconds(2));
  ASSERT_TRUE(held.ServeUnverified(clock.Now()));
  EXPECT_FALSE(held.NeedsCheck(clock.Now()));
  EXPECT_TRUE(held.IsUnverified());
  EXPECT_GT(held.get()->generation, kGeneration);
  EXPECT_EQ(held.get()->verified_time, verified);
  EXPECT_FALSE(held.ServeUnverified(clock.Now()));
}

TEST_F(SlotSessionTest, CheckOfAServedSessionKeepsItsGeneration) {
  held.AdoptUnconfirmed(NewSession(), true);
  ASSERT_TRUE(held.ServeUnverified(clock.Now()));
  const std::uint64_t served = held.get()->generation;
  Renew();
  EXPECT_FALSE(held.IsUnverified());
  EXPECT_EQ(held.get()->generation, served);
}

TEST_F(SlotSessionTest, ServesNoOtherSessionUnverified) {
  EXPECT_FALSE(held.ServeUnverified(clock.Now()));
  held.Adopt(NewSession());
  EXPECT_FALSE(held.ServeUnverified(clock.Now()));
  held.AdoptUnconfirmed(NewSession(), false);
  EXPECT_FALSE(held.ServeUnverified(clock.Now()));
  EXPECT_TRUE(held.NeedsCheck(clock.Now()));
}

TEST_F(SlotSessionTest, SignInCheckAndLostCheckCountAsAsked) {
  held.Adopt(NewSession());
  EXPECT_EQ(held.last_asked(), clock.SinceBoot());
  clock.Advance(absl::Seconds(10));
  EXPECT_LT(held.last_asked(), clock.SinceBoot());
  Renew();
  EXPECT_EQ(held.last_asked(), clock.SinceBoot());
  clock.Advance(absl::Seconds(10));
  held.NoteAsked(clock.SinceBoot());
  EXPECT_EQ(held.last_asked(), clock.SinceBoot());
}

// --- reports --------------------------------------------------------------------------------

TEST_F(SlotSessionTest, ReportsOfItsGenerationAreAboutIt) {
  held.Adopt(NewSession());
  const absl::Duration now = clock.SinceBoot();
  EXPECT_FALSE(held.IsReportedDead(0, now));
  EXPECT_FALSE(held.IsReportedDead(kGeneration - 1, now));
  EXPECT_TRUE(held.IsReportedDead(kGeneration, now));
}

TEST_F(SlotSessionTest, ReportsOfAnEarlierNumberAreAboutIt) {
  held.AdoptUnconfirmed(NewSession(), false);
  Renew();
  ASSERT_GT(held.get()->generation, kGeneration);
  clock.Advance(absl::Seconds(1));
  EXPECT_TRUE(held.IsReportedDead(kGeneration, clock.SinceBoot()));
}

TEST_F(SlotSessionTest, FreshCheckAnswersReports) {
  held.Adopt(NewSession());
  Renew();
  clock.Advance(absl::Seconds(1) - absl::Milliseconds(1));
  EXPECT_FALSE(held.IsReportedDead(kGeneration, clock.SinceBoot()));
  clock.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(held.IsReportedDead(kGeneration, clock.SinceBoot()));
}

// --- renewal --------------------------------------------------------------------------------

TEST_F(SlotSessionTest, RenewalCountsFromTheSendingOfTheCheck) {
  held.Adopt(NewSession());
  clock.Advance(absl::Minutes(20));
  const absl::Duration sent = clock.SinceBoot();
  clock.Advance(absl::Seconds(10));
  SessionInfo info;
  info.trusted = true;
  held.Renew(info, sent, limits, clock);
  EXPECT_EQ(held.get()->deadline, sent + absl::Minutes(34));
  EXPECT_EQ(held.get()->expire_time, clock.Now() + absl::Minutes(34) - absl::Seconds(10));
  EXPECT_EQ(held.get()->verified_time, clock.Now());
  EXPECT_TRUE(held.get()->trusted);
  EXPECT_EQ(held.get()->generation, kGeneration);
}

TEST_F(SlotSessionTest, RenewalKeepsDeadlineIfChecksDoNotExtend) {
  held.Adopt(NewSession());
  const absl::Duration deadline = held.get()->deadline;
  limits.check_slides = false;
  clock.Advance(absl::Minutes(20));
  Renew();
  EXPECT_EQ(held.get()->deadline, deadline);
  EXPECT_EQ(held.get()->verified_time, clock.Now());
}

TEST_F(SlotSessionTest, RenewalDoesNotChangeTheSessionOfReaders) {
  const SessionPtr session = NewSession();
  const absl::Duration deadline = session->deadline;
  held.Adopt(session);
  clock.Advance(absl::Minutes(1));
  Renew();
  held.SetTrusted(true);
  EXPECT_EQ(session->deadline, deadline);
  EXPECT_FALSE(session->trusted);
  EXPECT_TRUE(held.get()->trusted);
}

TEST_F(SlotSessionTest, RenewedSessionIsTheSameAtBill) {
  const SessionPtr session = NewSession();
  held.Adopt(session);
  Renew();
  EXPECT_NE(held.get(), session);
  EXPECT_TRUE(held.IsSameAtBill(*session));
  held.Adopt(NewSession("session-id-of-second-sign-in"));
  EXPECT_FALSE(held.IsSameAtBill(*session));
  held.Take();
  EXPECT_FALSE(held.IsSameAtBill(*session));
}

// --- the generation -------------------------------------------------------------------------

TEST_F(SlotSessionTest, GenerationIsTheWallClock) {
  const auto micros = static_cast<std::uint64_t>(absl::ToUnixMicros(clock.Now()));
  EXPECT_EQ(held.ReserveGeneration(clock.Now()), micros);
  EXPECT_EQ(held.generation(), micros);
}

TEST_F(SlotSessionTest, GenerationGrowsAtTheSameTime) {
  const std::uint64_t first = held.ReserveGeneration(clock.Now());
  EXPECT_EQ(held.ReserveGeneration(clock.Now()), first + 1);
}

TEST_F(SlotSessionTest, GenerationGrowsWhenTheClockGoesBack) {
  const std::uint64_t first = held.ReserveGeneration(clock.Now());
  clock.JumpWall(-absl::Hours(1));
  EXPECT_EQ(held.ReserveGeneration(clock.Now()), first + 1);
}

TEST_F(SlotSessionTest, RestoredGenerationNeverLowersIt) {
  held.RestoreGeneration(kGeneration);
  EXPECT_EQ(held.generation(), kGeneration);
  held.RestoreGeneration(kGeneration - 1);
  EXPECT_EQ(held.generation(), kGeneration);
}

TEST_F(SlotSessionTest, FirstConfirmationOfARestoredSessionIsNew) {
  held.RestoreGeneration(kGeneration);
  held.AdoptUnconfirmed(NewSession(), false);
  Renew();
  const std::uint64_t confirmed = held.get()->generation;
  EXPECT_GT(confirmed, kGeneration);
  EXPECT_EQ(held.get()->first_generation, kGeneration);
  Renew();
  EXPECT_EQ(held.get()->generation, confirmed);
}

// --- early ends -----------------------------------------------------------------------------

TEST_F(SlotSessionTest, CountsEndsWithinAMinuteOfTheSignIn) {
  held.Adopt(NewSession());
  clock.Advance(absl::Minutes(1) - absl::Milliseconds(1));
  EXPECT_EQ(held.CountEarlyEnd(clock.SinceBoot()), 1);
  held.Adopt(NewSession());
  EXPECT_EQ(held.CountEarlyEnd(clock.SinceBoot()), 2);
}

TEST_F(SlotSessionTest, LaterEndStartsCountingAgain) {
  held.Adopt(NewSession());
  EXPECT_EQ(held.CountEarlyEnd(clock.SinceBoot()), 1);
  held.Adopt(NewSession());
  clock.Advance(absl::Minutes(1));
  EXPECT_EQ(held.CountEarlyEnd(clock.SinceBoot()), 0);
}

TEST_F(SlotSessionTest, ConfirmedSessionStartsCountingAgain) {
  held.Adopt(NewSession());
  EXPECT_EQ(held.CountEarlyEnd(clock.SinceBoot()), 1);
  held.Adopt(NewSession());
  Renew();
  EXPECT_EQ(held.CountEarlyEnd(clock.SinceBoot()), 1);
}

}  // namespace
}  // namespace billbroker

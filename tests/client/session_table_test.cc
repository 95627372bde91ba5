#include "client/session_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/manual_time.h"

namespace billbroker {
namespace {

class SessionTableTest : public ::testing::Test {
 protected:
  SessionTableTest() { table_.Add(kAcme, 3); }

  // Returns a session that the broker has just confirmed for 34 minutes.
  ClientSession Session(std::uint64_t generation, const std::string& id = "session") const {
    ClientSession session;
    session.session_id = SecretString::CopyOf(id);
    session.dev_key = SecretString::CopyOf("dev-key");
    session.headers.push_back({"devKey", SecretString::CopyOf("dev-key")});
    session.organization_id = "00800000000000000081";
    session.generation = generation;
    session.verify_time = clock_.Now();
    session.expire_time = clock_.Now() + absl::Minutes(34);
    session.remaining = absl::Minutes(34);
    return session;
  }

  // Returns the generation that the table returns; 0 if the broker must be asked.
  std::uint64_t Generation(const GetSessionOptions& options = {}) {
    const absl::optional<ClientSession> session = table_.Find(kAcme, options);
    return session.has_value() ? session->generation : 0;
  }

  const WatchedOrganization kAcme = {"00800000000000000081"};
  ManualClock clock_;
  SessionTable table_{clock_, {.dev_key = true, .headers = true}};
};

TEST_F(SessionTableTest, ReturnsSessionUntilItsDeadline) {
  EXPECT_EQ(Generation(), 0U);
  table_.Tell(kAcme, Session(7));
  clock_.Advance(absl::Minutes(30));
  const absl::optional<ClientSession> session = table_.Find(kAcme, {});
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->session_id.Reveal(), "session");
  EXPECT_EQ(session->remaining, absl::Minutes(4));
  clock_.Advance(absl::Minutes(4) - absl::Nanoseconds(1));
  EXPECT_EQ(Generation(), 7U);
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(Generation(), 0U);
}

TEST_F(SessionTableTest, SubtractsTimeInTransit) {
  ClientSession session = Session(7);
  clock_.Advance(absl::Minutes(10));
  table_.Tell(kAcme, std::move(session));
  EXPECT_EQ(table_.Find(kAcme, {})->remaining, absl::Minutes(24));
}

TEST_F(SessionTableTest, ClockSetBackExtendsNothing) {
  ClientSession session = Session(7);
  clock_.JumpWall(-absl::Hours(1));
  table_.Tell(kAcme, std::move(session));
  EXPECT_EQ(table_.Find(kAcme, {})->remaining, absl::Minutes(34));
}

TEST_F(SessionTableTest, ErrorAndLostStreamRemoveSession) {
  table_.Tell(kAcme, Session(7));
  table_.Lose();
  EXPECT_EQ(Generation(), 0U);
  table_.Tell(kAcme, Session(7));
  EXPECT_EQ(Generation(), 7U);
  table_.Tell(kAcme, absl::NotFoundError("none is live"));
  EXPECT_EQ(Generation(), 0U);
}

TEST_F(SessionTableTest, UnmetOptionsAreAMiss) {
  table_.Tell(kAcme, Session(7));
  EXPECT_EQ(Generation({.min_remaining = absl::Minutes(34)}), 7U);
  EXPECT_EQ(Generation({.min_remaining = absl::Minutes(35)}), 0U);
  EXPECT_EQ(Generation({.require_trusted = true}), 0U);
  EXPECT_EQ(Generation({.cached_only = true}), 7U);
  ClientSession trusted = Session(8);
  trusted.trusted = true;
  table_.Tell(kAcme, std::move(trusted));
  EXPECT_EQ(Generation({.require_trusted = true}), 8U);
  EXPECT_FALSE(table_.Find({"00800000000000000081", "other"}, {}).has_value());
}

TEST_F(SessionTableTest, ReturnsSecretsOnlyIfKeptAndRequested) {
  table_.Tell(kAcme, Session(7));
  EXPECT_TRUE(table_.Find(kAcme, {})->dev_key.empty());
  EXPECT_EQ(table_.Find(kAcme, {.include_dev_key = true})->dev_key.Reveal(), "dev-key");
  EXPECT_TRUE(table_.Find(kAcme, {})->headers.empty());
  const auto with_headers = table_.Find(kAcme, {.include_headers = true});
  ASSERT_EQ(with_headers->headers.size(), 1U);
  EXPECT_EQ(with_headers->headers[0].name, "devKey");
  EXPECT_EQ(with_headers->headers[0].value.Reveal(), "dev-key");
  SessionTable without(clock_, {});
  without.Add(kAcme, 1);
  without.Tell(kAcme, Session(7));
  EXPECT_TRUE(without.Find(kAcme, {}).has_value());
  EXPECT_FALSE(without.Find(kAcme, {.include_dev_key = true}).has_value());
  EXPECT_FALSE(without.Find(kAcme, {.include_headers = true}).has_value());
}

TEST_F(SessionTableTest, ReportedSessionIsBlockedUntilConfirmed) {
  const absl::Time told = clock_.Now();
  table_.Tell(kAcme, Session(7));
  EXPECT_EQ(Generation({.stale_generation = 7}), 0U);
  EXPECT_EQ(Generation(), 0U);
  clock_.Advance(absl::Minutes(1));
  ClientSession again = Session(7);
  again.verify_time = told;
  table_.Lose();
  table_.Tell(kAcme, std::move(again));
  EXPECT_EQ(Generation(), 0U) << "that was the verify_time at the report";
  table_.Tell(kAcme, Session(7));
  EXPECT_EQ(Generation(), 7U);
}

TEST_F(SessionTableTest, ReportOfOldSessionDoesNotBlockNewOne) {
  table_.Tell(kAcme, Session(7, "old"));
  EXPECT_EQ(Generation({.stale_generation = 7}), 0U);
  table_.Tell(kAcme, Session(9, "new"));
  EXPECT_EQ(Generation(), 9U);
  EXPECT_EQ(Generation({.stale_generation = 7}), 9U) << "a late report costs nothing";
  EXPECT_EQ(Generation({.stale_generation = 10}), 0U) << "a newer one than is known";
}

TEST_F(SessionTableTest, KeepsReportOfLaterUpdate) {
  table_.Tell(kAcme, Session(7, "old"));
  EXPECT_EQ(Generation({.stale_generation = 9}), 0U);
  table_.Tell(kAcme, Session(9, "new"));
  EXPECT_EQ(Generation(), 0U);
}

TEST_F(SessionTableTest, RenumberedSessionStaysBlocked) {
  table_.Tell(kAcme, Session(7, "taken-over"));
  table_.Tell(kAcme, Session(9, "taken-over"));
  EXPECT_EQ(Generation({.stale_generation = 7}), 0U);
}

TEST_F(SessionTableTest, ResponseToReportConfirmsSession) {
  table_.Tell(kAcme, Session(7));
  EXPECT_EQ(Generation({.stale_generation = 7}), 0U);
  table_.Confirm(kAcme, Session(8, "another"));
  EXPECT_EQ(Generation(), 0U);
  table_.Confirm(kAcme, Session(7));
  EXPECT_EQ(Generation(), 7U);
}

TEST_F(SessionTableTest, LimitsAddedOrganizations) {
  EXPECT_FALSE(table_.Add(kAcme, 3)) << "it is there";
  EXPECT_TRUE(table_.Add({"00800000000000000081", "other"}, 3));
  EXPECT_TRUE(table_.Add({"00800000000000000082"}, 3));
  EXPECT_FALSE(table_.Add({"00800000000000000083"}, 3));
  EXPECT_EQ(table_.All().size(), 3U);
  table_.Tell({"00800000000000000083"}, Session(7));
  EXPECT_FALSE(table_.Find({"00800000000000000083"}, {}).has_value());
}

TEST_F(SessionTableTest, ReadersRaceWithTheStream) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const absl::optional<ClientSession> session = table_.Find(kAcme, {});
        if (!session.has_value()) continue;
        EXPECT_EQ(session->session_id.Reveal(), absl::StrCat("session-", session->generation));
      }
    });
  }
  for (std::uint64_t generation = 1; generation <= 500; ++generation) {
    table_.Tell(kAcme, Session(generation, absl::StrCat("session-", generation)));
    if (generation % 10 == 0) table_.Lose();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace billbroker

#include "server/session/end_reports.h"

#include <gtest/gtest.h>

namespace billbroker {
namespace {

class EndReportsTest : public ::testing::Test {
 protected:
  // Notes ends of sessions that were just checked.
  void Note(int ends) {
    for (int n = 0; n < ends; ++n) reports.Note(dev_key, now, now);
  }
  bool IsSuspected(const DevKeyBudgetId& id) const {
    return reports.SuspectedSince(id) != -absl::InfiniteDuration();
  }

  const DevKeyBudgetId dev_key = {"sandbox", "dev-key-fingerprint-of-acme"};
  const DevKeyBudgetId other_dev_key = {"sandbox", "dev-key-fingerprint-of-zenith"};
  absl::Duration now = absl::Hours(50);
  EndReports reports;
};

TEST_F(EndReportsTest, SuspectsADevKeyAtTheThirdEnd) {
  Note(2);
  EXPECT_FALSE(IsSuspected(dev_key));
  now += absl::Seconds(10);
  Note(1);
  EXPECT_EQ(reports.SuspectedSince(dev_key), now);
}

TEST_F(EndReportsTest, IgnoresEndsThatAreFarApart) {
  Note(2);
  now += absl::Seconds(10) + absl::Nanoseconds(1);
  Note(2);
  EXPECT_FALSE(IsSuspected(dev_key));
  Note(1);
  EXPECT_TRUE(IsSuspected(dev_key));
}

TEST_F(EndReportsTest, DevKeysAreIndependent) {
  Note(2);
  reports.Note(other_dev_key, now, now);
  EXPECT_FALSE(IsSuspected(dev_key));
  Note(1);
  EXPECT_FALSE(IsSuspected(other_dev_key));
}

TEST_F(EndReportsTest, EndsOfSuspectedSessionsKeepTheTime) {
  Note(3);
  const absl::Duration since = now;
  now += absl::Seconds(5);
  for (int n = 0; n < 3; ++n) reports.Note(dev_key, since - absl::Seconds(1), now);
  EXPECT_EQ(reports.SuspectedSince(dev_key), since);
}

TEST_F(EndReportsTest, ThreeEndsOfCheckedSessionsMoveTheTime) {
  Note(3);
  const absl::Duration since = now;
  now += absl::Seconds(5);
  Note(2);
  EXPECT_EQ(reports.SuspectedSince(dev_key), since);
  Note(1);
  EXPECT_EQ(reports.SuspectedSince(dev_key), now);
}

TEST_F(EndReportsTest, IsQuietUntilADevKeyIsSuspected) {
  Note(2);
  EXPECT_TRUE(reports.IsQuietSince(now));
  Note(1);
  EXPECT_FALSE(reports.IsQuietSince(now));
  EXPECT_TRUE(reports.IsQuietSince(now + absl::Nanoseconds(1)));
}

}  // namespace
}  // namespace billbroker

#include "tests/bench/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/bench/bounds.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

CheckedFigure Check(const std::string& bench, const std::string& figure, const Figures& figures) {
  for (const CheckedFigure& checked : CheckFigures(bench, figures)) {
    if (checked.name == figure) return checked;
  }
  ADD_FAILURE() << "no figure " << figure;
  return {};
}

TEST(BoundsTest, UpperBoundIncludesTheLimit) {
  EXPECT_TRUE(Check("memory", "bytes_per_session", {{"bytes_per_session", 2048}}).ok);
  EXPECT_FALSE(Check("memory", "bytes_per_session", {{"bytes_per_session", 2049}}).ok);
}

TEST(BoundsTest, LowerBoundIncludesTheLimit) {
  EXPECT_TRUE(Check("residue", "residue_unwiped", {{"residue_unwiped", 1}}).ok);
  EXPECT_FALSE(Check("residue", "residue_unwiped", {{"residue_unwiped", 0}}).ok);
}

TEST(BoundsTest, ExactBoundRejectsLessAndMore) {
  for (const double sign_ins : {0, 2}) {
    EXPECT_FALSE(Check("stampede", "sign_ins", {{"sign_ins", sign_ins}}).ok) << sign_ins;
  }
  EXPECT_TRUE(Check("stampede", "sign_ins", {{"sign_ins", 1}}).ok);
}

TEST(BoundsTest, MachineNoiseWidensALowerBound) {
  EXPECT_FALSE(Check("hit", "ratio_16", {{"ratio_16", 0.93}, {"aa_16_least", 0.98}}).ok);
  const CheckedFigure noisy = Check("hit", "ratio_16", {{"ratio_16", 0.93}, {"aa_16_least", 0.9}});
  EXPECT_TRUE(noisy.ok);
  EXPECT_EQ(noisy.bound, ">= 0.9");
}

TEST(BoundsTest, MachineNoiseWidensAnUpperBound) {
  EXPECT_FALSE(Check("hit", "p99_ratio_16", {{"p99_ratio_16", 1.3}}).ok);
  EXPECT_TRUE(
      Check("hit", "p99_ratio_16", {{"p99_ratio_16", 1.3}, {"aa_p99_16_greatest", 1.32}}).ok);
}

TEST(BoundsTest, MissingFigureIsAMiss) {
  const CheckedFigure missing = Check("watch", "all_told_ms", {});
  EXPECT_FALSE(missing.ok);
  EXPECT_EQ(missing.value, std::nullopt);
}

TEST(BoundsTest, FigureWithoutBoundIsOk) {
  const CheckedFigure unbounded = Check("rotate", "rotate_ms", {{"rotate_ms", 1e6}});
  EXPECT_TRUE(unbounded.ok);
  EXPECT_EQ(unbounded.bound, "");
}

absl::StatusOr<Figures> FastWatch(const BenchOptions&) { return Figures{{"all_told_ms", 16}}; }
absl::StatusOr<Figures> SlowWatch(const BenchOptions&) { return Figures{{"all_told_ms", 251}}; }
absl::StatusOr<Figures> Failing(const BenchOptions&) { return absl::UnavailableError("gone"); }

int RunAll(const std::vector<Bench>& benches, std::string& table) {
  std::ostringstream out;
  const int exit_code = RunAllBenches(benches, {}, out);
  table = out.str();
  return exit_code;
}

TEST(RunAllBenchesTest, ReturnsZeroIfAllBoundsHold) {
  std::string table;
  EXPECT_EQ(RunAll({{"watch", "", FastWatch}}, table), 0) << table;
}

TEST(RunAllBenchesTest, ReturnsOneIfABoundIsMissed) {
  std::string table;
  EXPECT_EQ(RunAll({{"watch", "", SlowWatch}}, table), 1);
  EXPECT_THAT(table, HasSubstr("FAIL"));
}

TEST(RunAllBenchesTest, ContinuesAfterABenchThatFails) {
  std::string table;
  EXPECT_EQ(RunAll({{"cold", "", Failing}, {"watch", "", FastWatch}}, table), 1);
  EXPECT_THAT(table, HasSubstr("UNAVAILABLE"));
  EXPECT_THAT(table, HasSubstr("all_told_ms"));
}

}  // namespace
}  // namespace billbroker

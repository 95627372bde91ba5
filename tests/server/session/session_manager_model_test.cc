// Random walks over the session manager, checked against a small model: see walk/random_walk.h.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/server/session/walk/random_walk.h"

namespace billbroker {
namespace {

// A sanitizer makes a step ten times as expensive. CI takes all steps without one.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BILLBROKER_SHORT_WALK
#endif
#endif
#ifdef BILLBROKER_SHORT_WALK
constexpr int kSteps = 2'000;
#else
constexpr int kSteps = 20'000;
#endif
constexpr int kStepsToPlantedBug = 20'000;
constexpr std::uint64_t kSeeds = 10;

// Returns the number in the environment variable `name`; `otherwise` if it is not set.
std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  std::uint64_t number = otherwise;
  if (value != nullptr) (void)absl::SimpleAtoi(value, &number);
  return number;
}

std::vector<std::uint64_t> Seeds() {
  const std::uint64_t only = FromEnvironment("BILLBROKER_WALK_SEED", 0);
  if (only != 0) return {only};
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) seeds.push_back(seed);
  return seeds;
}

std::string NameOfSeed(const ::testing::TestParamInfo<std::uint64_t>& seed) {
  return absl::StrCat("Seed", seed.param);
}

class RandomWalkTest : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomWalkTest, KeepsInvariants) {
  const int steps = static_cast<int>(FromEnvironment("BILLBROKER_WALK_STEPS", kSteps));
  RandomWalk walk(GetParam());
  EXPECT_EQ(walk.Run(steps), "") << "repeat it with BILLBROKER_WALK_SEED=" << GetParam();
  // The walk reaches the limits that it checks.
  EXPECT_GT(walk.sign_ins().sent(), steps / 200);
  EXPECT_GT(walk.sign_ins().failed(), steps / 2000);
  EXPECT_GT(walk.sessions().handed_out(), steps / 50);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomWalkTest, ::testing::ValuesIn(Seeds()), NameOfSeed);

class PlantedBugTest : public ::testing::TestWithParam<PlantedBug> {};

TEST_P(PlantedBugTest, FindsPlantedBug) {
  std::string found;
  for (std::uint64_t seed = 1; seed <= kSeeds && found.empty(); ++seed) {
    found = RandomWalk(seed, GetParam()).Run(kStepsToPlantedBug);
  }
  EXPECT_NE(found, "");
}

INSTANTIATE_TEST_SUITE_P(Bugs, PlantedBugTest,
                         ::testing::Values(PlantedBug::kStoreForgetsAttempts,
                                           PlantedBug::kStoreForgetsGenerations,
                                           PlantedBug::kStoreDropsAttempts,
                                           PlantedBug::kSignInIsSentTwice));

}  // namespace
}  // namespace billbroker

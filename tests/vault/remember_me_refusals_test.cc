#include "vault/remember_me_refusals.h"

#include <gtest/gtest.h>

namespace billbroker {
namespace {

CredentialInfo InfoWith(const char* remember_me_fingerprint) {
  CredentialInfo info;
  info.name = "acme-payables-user";
  info.uid = "uid-of-acme-payables-user";
  info.fingerprints["remember_me_id"] = remember_me_fingerprint;
  return info;
}

class RememberMeRefusalsTest : public ::testing::Test {
 protected:
  const CredentialInfo refused_ = InfoWith("fingerprint-of-the-first-id");
  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  RememberMeRefusals refusals_;
};

TEST_F(RememberMeRefusalsTest, ReturnsTheTimeOfTheFirstRefusal) {
  EXPECT_EQ(refusals_.FindRefusalTime(refused_), absl::nullopt);
  EXPECT_TRUE(refusals_.Note(refused_, false, now_));
  EXPECT_FALSE(refusals_.Note(refused_, false, now_ + absl::Hours(1)));
  EXPECT_EQ(refusals_.FindRefusalTime(refused_), now_);
}

TEST_F(RememberMeRefusalsTest, NewIdIsNotRefused) {
  refusals_.Note(refused_, false, now_);
  EXPECT_EQ(refusals_.FindRefusalTime(InfoWith("fingerprint-of-the-second-id")), absl::nullopt);
}

TEST_F(RememberMeRefusalsTest, AcceptanceEndsTheRefusal) {
  refusals_.Note(refused_, false, now_);
  EXPECT_FALSE(refusals_.Note(refused_, true, now_));
  EXPECT_EQ(refusals_.FindRefusalTime(refused_), absl::nullopt);
}

TEST_F(RememberMeRefusalsTest, CredentialWithoutIdIsNotRefused) {
  CredentialInfo without = refused_;
  without.fingerprints.clear();
  EXPECT_FALSE(refusals_.Note(without, false, now_));
  EXPECT_EQ(refusals_.FindRefusalTime(without), absl::nullopt);
}

}  // namespace
}  // namespace billbroker

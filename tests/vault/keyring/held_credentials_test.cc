#include "vault/keyring/held_credentials.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/sample_credentials.h"

namespace billbroker {
namespace {

constexpr absl::Duration kStart = absl::Hours(1);

CredentialPtr Sample(absl::string_view name) {
  return std::make_shared<Credential>(SampleUser(name));
}

TEST(HeldCredentialsTest, IsHeldForATimeAfterItsLastUse) {
  HeldCredentials held(absl::Seconds(1));
  const CredentialPtr acme = Sample("acme");
  held.Put(acme, kStart);
  EXPECT_EQ(held.Find("acme", kStart + absl::Milliseconds(900)), acme);
  EXPECT_EQ(held.Find("acme", kStart + absl::Milliseconds(1800)), acme);
  EXPECT_EQ(held.Find("acme", kStart + absl::Milliseconds(2800)), nullptr);
}

TEST(HeldCredentialsTest, SweepLetsGoOfWhatIsNotUsed) {
  HeldCredentials held(absl::Seconds(1));
  CredentialPtr acme = Sample("acme");
  const std::weak_ptr<const Credential> watched = acme;
  held.Put(std::move(acme), kStart);
  held.Put(Sample("mill"), kStart + absl::Milliseconds(500));
  EXPECT_TRUE(held.Sweep(kStart + absl::Seconds(1)));
  EXPECT_TRUE(watched.expired());
  EXPECT_FALSE(held.Sweep(kStart + absl::Seconds(2)));
}

TEST(HeldCredentialsTest, DropLetsGoOfOne) {
  HeldCredentials held(absl::Seconds(1));
  held.Put(Sample("acme"), kStart);
  held.Put(Sample("mill"), kStart);
  held.Drop("acme");
  held.Drop("nothing");
  EXPECT_EQ(held.Find("acme", kStart), nullptr);
  EXPECT_NE(held.Find("mill", kStart), nullptr);
  held.DropAll();
  EXPECT_EQ(held.Find("mill", kStart), nullptr);
}

}  // namespace
}  // namespace billbroker

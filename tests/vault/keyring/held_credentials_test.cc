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

TEST(HeldCredentialsTest, EntryExpiresAfterItsLastUse) {
  HeldCredentials held(absl::Seconds(1));
  const CredentialPtr acme = Sample("acme-payables-user");
  held.Put(acme, kStart);
  EXPECT_EQ(held.Find("acme-payables-user", kStart + absl::Milliseconds(900)), acme);
  EXPECT_EQ(held.Find("acme-payables-user", kStart + absl::Milliseconds(1800)), acme);
  EXPECT_EQ(held.Find("acme-payables-user", kStart + absl::Milliseconds(2800)), nullptr);
}

TEST(HeldCredentialsTest, SweepRemovesUnusedEntries) {
  HeldCredentials held(absl::Seconds(1));
  CredentialPtr acme = Sample("acme-payables-user");
  const std::weak_ptr<const Credential> watched = acme;
  held.Put(std::move(acme), kStart);
  held.Put(Sample("mill-payables-user"), kStart + absl::Milliseconds(500));
  EXPECT_TRUE(held.Sweep(kStart + absl::Seconds(1)));
  EXPECT_TRUE(watched.expired());
  EXPECT_FALSE(held.Sweep(kStart + absl::Seconds(2)));
}

TEST(HeldCredentialsTest, DropRemovesOneEntry) {
  HeldCredentials held(absl::Seconds(1));
  held.Put(Sample("acme-payables-user"), kStart);
  held.Put(Sample("mill-payables-user"), kStart);
  held.Drop("acme-payables-user");
  held.Drop("unknown-credential");
  EXPECT_EQ(held.Find("acme-payables-user", kStart), nullptr);
  EXPECT_NE(held.Find("mill-payables-user", kStart), nullptr);
  held.DropAll();
  EXPECT_EQ(held.Find("mill-payables-user", kStart), nullptr);
}

}  // namespace
}  // namespace billbroker

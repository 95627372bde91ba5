// The contract of Vault, as a suite of tests that the fake and the real thing both pass:
//
//   INSTANTIATE_TEST_SUITE_P(Fake, VaultContract, testing::Values(VaultKind{"fake", MakeFake}));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/sample_credentials.h"
#include "vault/base/error.h"
#include "vault/vault.h"

namespace billbroker {

// A vault, empty and ready, and what a person or another program can do to what is behind it.
class VaultUnderTest {
 public:
  virtual ~VaultUnderTest() = default;
  virtual Vault& vault() = 0;
  virtual void Lock() = 0;
  virtual void Unlock() = 0;
  virtual void PutForeign(absl::string_view name) = 0;
};

struct VaultKind {
  std::string name;
  std::function<std::unique_ptr<VaultUnderTest>()> make;
};

inline void PrintTo(const VaultKind& kind, std::ostream* out) { *out << kind.name; }

class VaultContract : public testing::TestWithParam<VaultKind> {
 protected:
  Vault& vault() { return under_test_->vault(); }
  VaultUnderTest& under_test() { return *under_test_; }

  void ExpectStored(const Credential& expected) {
    const absl::StatusOr<CredentialPtr> stored = vault().Load(expected.name);
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_TRUE(SameCredential(**stored, expected));
  }

 private:
  std::unique_ptr<VaultUnderTest> under_test_ = GetParam().make();
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VaultContract);

inline Credential NextVersionOf(const Credential& credential) {
  Credential next = credential.Clone();
  ++next.version;
  next.password = SecretString::CopyOf("another s3cret");
  next.organizations.push_back({"00800000000000000099", SecretString()});
  next.update_time += absl::Minutes(1);
  return next;
}

TEST_P(VaultContract, IsReady) { EXPECT_EQ(vault().Probe(), VaultState::kReady); }

TEST_P(VaultContract, NothingIsStoredAtFirst) {
  EXPECT_TRUE(HasReason(vault().Load("acme").status(), Reason::kUnknownCredential));
  const absl::StatusOr<VaultContents> contents = vault().LoadAll();
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_TRUE(contents->credentials.empty());
  EXPECT_TRUE(contents->invalid_documents.empty());
}

TEST_P(VaultContract, WhatWasCreatedIsLoadedWhole) {
  const Credential user = SampleUser("acme");
  const Credential console = SampleConsole("firm");
  ASSERT_EQ(vault().Create(user), absl::OkStatus());
  ASSERT_EQ(vault().Create(console), absl::OkStatus());
  ExpectStored(user);
  ExpectStored(console);
}

TEST_P(VaultContract, LoadAllIsOrderedByNameAndHasNoMasterKeyInIt) {
  ASSERT_TRUE(vault().MasterKey().ok());
  for (const char* name : {"zebra", "acme", "mill"}) {
    ASSERT_EQ(vault().Create(SampleUser(name)), absl::OkStatus());
  }
  const absl::StatusOr<VaultContents> contents = vault().LoadAll();
  ASSERT_TRUE(contents.ok()) << contents.status();
  std::vector<std::string> names;
  for (const CredentialPtr& credential : contents->credentials) names.push_back(credential->name);
  EXPECT_THAT(names, testing::ElementsAre("acme", "mill", "zebra"));
  EXPECT_TRUE(contents->invalid_documents.empty());
}

TEST_P(VaultContract, ATakenNameIsNotCreatedAgain) {
  const Credential first = SampleUser("acme");
  ASSERT_EQ(vault().Create(first), absl::OkStatus());
  Credential second = SampleConsole("acme");
  second.uid = "another";
  EXPECT_TRUE(HasReason(vault().Create(second), Reason::kCredentialExists));
  ExpectStored(first);
}

TEST_P(VaultContract, OfManyWhoCreateOneNameOneWins) {
  std::vector<std::thread> threads;
  std::vector<absl::Status> outcomes(8);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    threads.emplace_back([this, i, &outcomes] {
      Credential credential = SampleUser("acme");
      credential.uid = std::string(1, static_cast<char>('a' + i));
      outcomes[i] = vault().Create(credential);
    });
  }
  for (std::thread& thread : threads) thread.join();
  int created = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i].ok()) {
      EXPECT_TRUE(HasReason(outcomes[i], Reason::kCredentialExists)) << outcomes[i];
      continue;
    }
    ++created;
    EXPECT_EQ((*vault().Load("acme"))->uid, std::string(1, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(created, 1);
}

TEST_P(VaultContract, WhatIsMalformedIsNotStored) {
  Credential credential = SampleUser("acme");
  credential.password = SecretString();
  EXPECT_TRUE(HasReason(vault().Create(credential), Reason::kMalformedRequest));
  credential = SampleUser("acme");
  credential.uid = "";
  EXPECT_TRUE(HasReason(vault().Create(credential), Reason::kMalformedRequest));
  EXPECT_TRUE(HasReason(vault().Load("acme").status(), Reason::kUnknownCredential));
}

TEST_P(VaultContract, ReplaceChangesTheWholeDocument) {
  const Credential first = SampleUser("acme");
  ASSERT_EQ(vault().Create(first), absl::OkStatus());
  ExpectStored(first);
  const Credential second = NextVersionOf(first);
  ASSERT_EQ(vault().Replace(second), absl::OkStatus());
  ExpectStored(second);
  const absl::StatusOr<VaultContents> contents = vault().LoadAll();
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->credentials.size(), 1u);
}

TEST_P(VaultContract, ReplaceComparesUidAndVersion) {
  const Credential first = SampleUser("acme");
  ASSERT_EQ(vault().Create(first), absl::OkStatus());
  Credential other = NextVersionOf(first);
  other.uid = "another";
  EXPECT_TRUE(HasReason(vault().Replace(other), Reason::kVersionConflict));
  EXPECT_TRUE(HasReason(vault().Replace(first), Reason::kVersionConflict));
  Credential too_new = NextVersionOf(first);
  ++too_new.version;
  EXPECT_TRUE(HasReason(vault().Replace(too_new), Reason::kVersionConflict));
  ExpectStored(first);
}

TEST_P(VaultContract, RestageKeepsTheVersionAndComparesIt) {
  Credential first = SampleUser("acme");
  first.version = 4;  // as AddRotations() has it
  ASSERT_EQ(vault().Create(first), absl::OkStatus());
  EXPECT_TRUE(HasReason(vault().Restage(NextVersionOf(first)), Reason::kVersionConflict));
  AddRotations(first);
  ASSERT_EQ(vault().Restage(first), absl::OkStatus());
  ExpectStored(first);
  Credential other = first.Clone();
  other.uid = "another";
  EXPECT_TRUE(HasReason(vault().Restage(other), Reason::kVersionConflict));
  ASSERT_EQ(vault().Replace(NextVersionOf(first)), absl::OkStatus());
  EXPECT_TRUE(HasReason(vault().Restage(first), Reason::kVersionConflict));
}

TEST_P(VaultContract, NothingCannotBeReplacedOrDeleted) {
  EXPECT_TRUE(
      HasReason(vault().Replace(NextVersionOf(SampleUser("acme"))), Reason::kUnknownCredential));
  EXPECT_TRUE(HasReason(vault().Delete("acme", "uid", 1), Reason::kUnknownCredential));
}

TEST_P(VaultContract, DeleteComparesUidAndVersion) {
  const Credential credential = SampleUser("acme");
  ASSERT_EQ(vault().Create(credential), absl::OkStatus());
  EXPECT_TRUE(HasReason(vault().Delete("acme", "another", 1), Reason::kVersionConflict));
  EXPECT_TRUE(HasReason(vault().Delete("acme", credential.uid, 2), Reason::kVersionConflict));
  ExpectStored(credential);
  EXPECT_EQ(vault().Delete("acme", credential.uid, 1), absl::OkStatus());
  EXPECT_TRUE(HasReason(vault().Load("acme").status(), Reason::kUnknownCredential));
}

TEST_P(VaultContract, ADeletedNameMayBeUsedAgain) {
  Credential credential = SampleUser("acme");
  ASSERT_EQ(vault().Create(credential), absl::OkStatus());
  ASSERT_EQ(vault().Delete("acme", credential.uid, 1), absl::OkStatus());
  credential.uid = "another";
  EXPECT_EQ(vault().Create(credential), absl::OkStatus());
  ExpectStored(credential);
}

TEST_P(VaultContract, TheMasterKeyIsMadeOnce) {
  const absl::StatusOr<SecretString> key = vault().MasterKey();
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->size(), 32u);
  const absl::StatusOr<SecretString> again = vault().MasterKey();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(*key == *again);
}

TEST_P(VaultContract, WhatIsLockedIsNeverTakenForEmpty) {
  const Credential credential = SampleUser("acme");
  ASSERT_EQ(vault().Create(credential), absl::OkStatus());
  const absl::StatusOr<SecretString> key = vault().MasterKey();
  ASSERT_TRUE(key.ok()) << key.status();
  under_test().Lock();
  EXPECT_EQ(vault().Probe(), VaultState::kLocked);
  EXPECT_TRUE(HasReason(vault().Load("acme").status(), Reason::kVaultLocked));
  EXPECT_TRUE(HasReason(vault().Load("nothing").status(), Reason::kVaultLocked));
  EXPECT_TRUE(HasReason(vault().LoadAll().status(), Reason::kVaultLocked));
  EXPECT_TRUE(HasReason(vault().Create(SampleUser("mill")), Reason::kVaultLocked));
  EXPECT_TRUE(HasReason(vault().Replace(NextVersionOf(credential)), Reason::kVaultLocked));
  EXPECT_TRUE(HasReason(vault().Delete("acme", credential.uid, 1), Reason::kVaultLocked));
  EXPECT_TRUE(HasReason(vault().MasterKey().status(), Reason::kVaultLocked));
  under_test().Unlock();
  EXPECT_EQ(vault().Probe(), VaultState::kReady);
  ExpectStored(credential);
  EXPECT_TRUE(HasReason(vault().Load("mill").status(), Reason::kUnknownCredential));
  EXPECT_TRUE(*vault().MasterKey() == *key);
}

TEST_P(VaultContract, AForeignDocumentIsReportedAndLeftAlone) {
  const Credential good = SampleUser("acme");
  ASSERT_EQ(vault().Create(good), absl::OkStatus());
  under_test().PutForeign("mill");
  const Credential credential = SampleUser("mill");
  EXPECT_TRUE(HasReason(vault().Load("mill").status(), Reason::kVaultDocumentInvalid));
  EXPECT_TRUE(HasReason(vault().Create(credential), Reason::kVaultDocumentInvalid));
  EXPECT_TRUE(HasReason(vault().Replace(NextVersionOf(credential)), Reason::kVaultDocumentInvalid));
  EXPECT_TRUE(HasReason(vault().Delete("mill", credential.uid, 1), Reason::kVaultDocumentInvalid));
  const absl::StatusOr<VaultContents> contents = vault().LoadAll();
  ASSERT_TRUE(contents.ok()) << contents.status();
  ASSERT_EQ(contents->invalid_documents.size(), 1u);
  EXPECT_EQ(contents->invalid_documents[0].name, "mill");
  EXPECT_TRUE(HasReason(contents->invalid_documents[0].why, Reason::kVaultDocumentInvalid));
  ASSERT_EQ(contents->credentials.size(), 1u);
  EXPECT_TRUE(SameCredential(*contents->credentials[0], good));
}

}  // namespace billbroker

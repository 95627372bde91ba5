// The contract of Vault, as a suite of tests for the fake and for the real implementation:
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
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"
#include "vault/vault.h"

namespace billbroker {

// A vault that is empty but for its trusted master key, and ready; and the actions of other
// programs on its storage.
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
    ASSERT_THAT(stored, IsOk());
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

TEST_P(VaultContract, IsReady) { EXPECT_THAT(vault().Probe(), IsOk()); }

TEST_P(VaultContract, IsEmptyAtFirst) {
  EXPECT_THAT(vault().Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
  const absl::StatusOr<VaultContents> contents = vault().LoadAll();
  ASSERT_THAT(contents, IsOk());
  EXPECT_TRUE(contents->credentials.empty());
  EXPECT_TRUE(contents->invalid_documents.empty());
}

TEST_P(VaultContract, LoadsACreatedCredential) {
  const Credential user = SampleUser("acme-payables-user");
  const Credential console = SampleConsole("accounting-firm-user");
  ASSERT_THAT(vault().Create(user), IsOk());
  ASSERT_THAT(vault().Create(console), IsOk());
  ExpectStored(user);
  ExpectStored(console);
}

TEST_P(VaultContract, LoadAllIsOrderedAndOmitsTheMasterKey) {
  ASSERT_THAT(vault().MasterKey(), IsOk());
  for (const char* name : {"zebra-payables-user", "acme-payables-user", "mill-payables-user"}) {
    ASSERT_THAT(vault().Create(SampleUser(name)), IsOk());
  }
  const absl::StatusOr<VaultContents> contents = vault().LoadAll();
  ASSERT_THAT(contents, IsOk());
  std::vector<std::string> names;
  for (const CredentialPtr& credential : contents->credentials) names.push_back(credential->name);
  EXPECT_THAT(names, testing::ElementsAre("acme-payables-user", "mill-payables-user",
                                          "zebra-payables-user"));
  EXPECT_TRUE(contents->invalid_documents.empty());
}

TEST_P(VaultContract, CreateRejectsDuplicateName) {
  const Credential first = SampleUser("acme-payables-user");
  ASSERT_THAT(vault().Create(first), IsOk());
  Credential second = SampleConsole("acme-payables-user");
  second.uid = "another-unique-id-0001";
  EXPECT_THAT(vault().Create(second), HasReason(Reason::kCredentialExists));
  ExpectStored(first);
}

TEST_P(VaultContract, OneOfManyConcurrentCreatesWins) {
  std::vector<std::thread> threads;
  std::vector<absl::Status> outcomes(8);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    threads.emplace_back([this, i, &outcomes] {
      Credential credential = SampleUser("acme-payables-user");
      credential.uid = std::string(1, static_cast<char>('a' + i));
      outcomes[i] = vault().Create(credential);
    });
  }
  for (std::thread& thread : threads) thread.join();
  int created = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i].ok()) {
      EXPECT_THAT(outcomes[i], HasReason(Reason::kCredentialExists));
      continue;
    }
    ++created;
    EXPECT_EQ((*vault().Load("acme-payables-user"))->uid,
              std::string(1, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(created, 1);
}

TEST_P(VaultContract, CreateRejectsMalformedCredential) {
  Credential credential = SampleUser("acme-payables-user");
  credential.password = SecretString();
  EXPECT_THAT(vault().Create(credential), HasReason(Reason::kMalformedRequest));
  credential = SampleUser("acme-payables-user");
  credential.uid = "";
  EXPECT_THAT(vault().Create(credential), HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(vault().Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
}

TEST_P(VaultContract, ReplaceChangesTheWholeDocument) {
  const Credential first = SampleUser("acme-payables-user");
  ASSERT_THAT(vault().Create(first), IsOk());
  ExpectStored(first);
  const Credential second = NextVersionOf(first);
  ASSERT_THAT(vault().Replace(second), IsOk());
  ExpectStored(second);
  const absl::StatusOr<VaultContents> contents = vault().LoadAll();
  ASSERT_THAT(contents, IsOk());
  EXPECT_EQ(contents->credentials.size(), 1u);
}

TEST_P(VaultContract, ReplaceComparesUidAndVersion) {
  const Credential first = SampleUser("acme-payables-user");
  ASSERT_THAT(vault().Create(first), IsOk());
  Credential other = NextVersionOf(first);
  other.uid = "another-unique-id-0001";
  EXPECT_THAT(vault().Replace(other), HasReason(Reason::kVersionConflict));
  EXPECT_THAT(vault().Replace(first), HasReason(Reason::kVersionConflict));
  Credential too_new = NextVersionOf(first);
  ++too_new.version;
  EXPECT_THAT(vault().Replace(too_new), HasReason(Reason::kVersionConflict));
  ExpectStored(first);
}

TEST_P(VaultContract, RestageKeepsTheVersionAndComparesIt) {
  Credential first = SampleUser("acme-payables-user");
  first.version = 4;  // as AddRotations() has it
  ASSERT_THAT(vault().Create(first), IsOk());
  EXPECT_THAT(vault().Restage(NextVersionOf(first)), HasReason(Reason::kVersionConflict));
  AddRotations(first);
  ASSERT_THAT(vault().Restage(first), IsOk());
  ExpectStored(first);
  Credential other = first.Clone();
  other.uid = "another-unique-id-0001";
  EXPECT_THAT(vault().Restage(other), HasReason(Reason::kVersionConflict));
  ASSERT_THAT(vault().Replace(NextVersionOf(first)), IsOk());
  EXPECT_THAT(vault().Restage(first), HasReason(Reason::kVersionConflict));
}

TEST_P(VaultContract, ReplaceAndDeleteRejectUnknownName) {
  EXPECT_THAT(vault().Replace(NextVersionOf(SampleUser("acme-payables-user"))),
              HasReason(Reason::kUnknownCredential));
  EXPECT_THAT(vault().Delete("acme-payables-user", "uid", 1),
              HasReason(Reason::kUnknownCredential));
}

TEST_P(VaultContract, DeleteComparesUidAndVersion) {
  const Credential credential = SampleUser("acme-payables-user");
  ASSERT_THAT(vault().Create(credential), IsOk());
  EXPECT_THAT(vault().Delete("acme-payables-user", "another-unique-id-0001", 1),
              HasReason(Reason::kVersionConflict));
  EXPECT_THAT(vault().Delete("acme-payables-user", credential.uid, 2),
              HasReason(Reason::kVersionConflict));
  ExpectStored(credential);
  EXPECT_THAT(vault().Delete("acme-payables-user", credential.uid, 1), IsOk());
  EXPECT_THAT(vault().Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
}

TEST_P(VaultContract, DeletedNameCanBeReused) {
  Credential credential = SampleUser("acme-payables-user");
  ASSERT_THAT(vault().Create(credential), IsOk());
  ASSERT_THAT(vault().Delete("acme-payables-user", credential.uid, 1), IsOk());
  credential.uid = "another-unique-id-0001";
  EXPECT_THAT(vault().Create(credential), IsOk());
  ExpectStored(credential);
}

TEST_P(VaultContract, MasterKeyIsCreatedOnce) {
  const absl::StatusOr<SecretString> key = vault().MasterKey();
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->size(), 32u);
  const absl::StatusOr<SecretString> again = vault().CreateMasterKey();
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(*key == *again);
}

TEST_P(VaultContract, LockedVaultIsNotEmpty) {
  const Credential credential = SampleUser("acme-payables-user");
  ASSERT_THAT(vault().Create(credential), IsOk());
  const absl::StatusOr<SecretString> key = vault().MasterKey();
  ASSERT_THAT(key, IsOk());
  under_test().Lock();
  EXPECT_EQ(VaultStateOf(vault().Probe()), VaultState::kLocked);
  EXPECT_THAT(vault().Load("acme-payables-user"), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(vault().Load("unknown-credential"), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(vault().LoadAll(), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(vault().Create(SampleUser("mill-payables-user")), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(vault().Replace(NextVersionOf(credential)), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(vault().Delete("acme-payables-user", credential.uid, 1),
              HasReason(Reason::kVaultLocked));
  EXPECT_THAT(vault().MasterKey(), HasReason(Reason::kVaultLocked));
  under_test().Unlock();
  EXPECT_THAT(vault().Probe(), IsOk());
  ExpectStored(credential);
  EXPECT_THAT(vault().Load("mill-payables-user"), HasReason(Reason::kUnknownCredential));
  EXPECT_TRUE(*vault().MasterKey() == *key);
}

TEST_P(VaultContract, ReportsForeignDocumentAndKeepsIt) {
  const Credential good = SampleUser("acme-payables-user");
  ASSERT_THAT(vault().Create(good), IsOk());
  under_test().PutForeign("mill-payables-user");
  const Credential credential = SampleUser("mill-payables-user");
  EXPECT_THAT(vault().Load("mill-payables-user"), HasReason(Reason::kVaultDocumentInvalid));
  EXPECT_THAT(vault().Create(credential), HasReason(Reason::kVaultDocumentInvalid));
  EXPECT_THAT(vault().Replace(NextVersionOf(credential)), HasReason(Reason::kVaultDocumentInvalid));
  EXPECT_THAT(vault().Delete("mill-payables-user", credential.uid, 1),
              HasReason(Reason::kVaultDocumentInvalid));
  const absl::StatusOr<VaultContents> contents = vault().LoadAll();
  ASSERT_THAT(contents, IsOk());
  ASSERT_EQ(contents->invalid_documents.size(), 1u);
  EXPECT_EQ(contents->invalid_documents[0].name, "mill-payables-user");
  EXPECT_THAT(contents->invalid_documents[0].why, HasReason(Reason::kVaultDocumentInvalid));
  ASSERT_EQ(contents->credentials.size(), 1u);
  EXPECT_TRUE(SameCredential(*contents->credentials[0], good));
}

}  // namespace billbroker

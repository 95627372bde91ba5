#include "vault/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/sample_credentials.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

CredentialInfoPtr Info(absl::string_view name, std::uint64_t version = 1,
                       const std::vector<std::string>& organizations = {"0081"}) {
  auto info = std::make_shared<CredentialInfo>();
  info->name = std::string(name);
  info->uid = absl::StrCat("uid-of-", name);
  info->version = version;
  info->environment = "sandbox";
  info->username = absl::StrCat(name, "@acme.example");
  for (const std::string& id : organizations) info->organizations[id] = "";
  return info;
}

class Recorder final : public DirectoryObserver {
 public:
  void CredentialChanged(const CredentialInfoPtr& before, const CredentialInfoPtr& after) override {
    changes_.push_back(absl::StrCat(Show(before), " -> ", Show(after)));
  }
  std::vector<std::string> Take() { return std::exchange(changes_, {}); }

 private:
  static std::string Show(const CredentialInfoPtr& info) {
    return info == nullptr ? "none" : absl::StrCat(info->name, " ", info->version);
  }
  std::vector<std::string> changes_;
};

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() { directory_.SetObserver(&recorder_); }

  std::string Find(absl::string_view organization, absl::string_view credential = "") const {
    const absl::StatusOr<CredentialInfoPtr> found = directory_.Find(organization, credential);
    return found.ok() ? (*found)->name : std::string(ReasonName(DetailsOf(found.status())->reason));
  }

  Recorder recorder_;
  Directory directory_;
};

TEST_F(DirectoryTest, BeforeItIsCompleteNothingIsUnknown) {
  EXPECT_EQ(Find("0081"), "VAULT_UNREACHABLE");
  directory_.set_vault_state(VaultState::kLocked);
  EXPECT_EQ(Find("0081"), "VAULT_LOCKED");
  EXPECT_EQ(Find("0081", "acme"), "VAULT_LOCKED");
  EXPECT_TRUE(HasReason(directory_.Get("acme").status(), Reason::kVaultLocked));
  directory_.set_vault_state(VaultState::kReady);
  EXPECT_EQ(Find("0081"), "VAULT_UNREACHABLE");
  EXPECT_FALSE(directory_.complete());
}

TEST_F(DirectoryTest, WhatIsKnownIsFoundBeforeItIsComplete) {
  directory_.Put(Info("acme"));
  EXPECT_EQ(Find("0081"), "acme");
  EXPECT_EQ(Find("0082", "acme"), "UNKNOWN_ORGANIZATION");
}

TEST_F(DirectoryTest, OnceCompleteItAnswersWhateverTheVaultsState) {
  directory_.Reset({Info("acme")}, {});
  directory_.set_vault_state(VaultState::kLocked);
  EXPECT_TRUE(directory_.complete());
  EXPECT_EQ(Find("0081"), "acme");
  EXPECT_EQ(Find("0082"), "UNKNOWN_ORGANIZATION");
  EXPECT_EQ(Find("0081", "mill"), "UNKNOWN_CREDENTIAL");
}

TEST_F(DirectoryTest, OfSeveralThatServeTheCallerNamesOne) {
  directory_.Reset({Info("mill"), Info("acme", 1, {"0081", "0082"})}, {});
  const absl::Status status = directory_.Find("0081", "").status();
  ASSERT_TRUE(HasReason(status, Reason::kAmbiguousCredential));
  EXPECT_EQ(DetailsOf(status)->metadata["credentials"], "acme,mill");
  EXPECT_EQ(Find("0081", "mill"), "mill");
  EXPECT_EQ(Find("0082"), "acme");
  directory_.Remove("mill", "uid-of-mill");
  EXPECT_EQ(Find("0081"), "acme");
}

TEST_F(DirectoryTest, AChangeIsIndexedAndTold) {
  directory_.Put(Info("acme", 1, {"0081"}));
  directory_.Put(Info("acme", 2, {"0082"}));
  EXPECT_THAT(recorder_.Take(), ElementsAre("none -> acme 1", "acme 1 -> acme 2"));
  EXPECT_EQ(Find("0082"), "acme");
  directory_.Reset({Info("acme", 2, {"0082"})}, {});
  EXPECT_EQ(Find("0081"), "UNKNOWN_ORGANIZATION");
  EXPECT_THAT(recorder_.Take(), IsEmpty());
}

TEST_F(DirectoryTest, AnOlderVersionIsIgnored) {
  directory_.Put(Info("acme", 2));
  directory_.Put(Info("acme", 1));
  directory_.Put(Info("acme", 2));
  EXPECT_EQ((*directory_.Get("acme"))->version, 2u);
  EXPECT_EQ(recorder_.Take().size(), 1u);
  auto reborn = std::make_shared<CredentialInfo>(*Info("acme", 1));
  reborn->uid = "another";
  directory_.Put(reborn);
  EXPECT_EQ((*directory_.Get("acme"))->uid, "another");
}

TEST_F(DirectoryTest, OnlyTheSameUidIsRemoved) {
  directory_.Reset({Info("acme")}, {});
  recorder_.Take();
  directory_.Remove("acme", "another");
  directory_.Remove("mill", "another");
  EXPECT_THAT(recorder_.Take(), IsEmpty());
  directory_.Remove("acme", "uid-of-acme");
  EXPECT_THAT(recorder_.Take(), ElementsAre("acme 1 -> none"));
  EXPECT_EQ(Find("0081"), "UNKNOWN_ORGANIZATION");
}

TEST_F(DirectoryTest, ResetTellsWhatChanged) {
  directory_.Reset({Info("acme"), Info("mill"), Info("stays")}, {});
  recorder_.Take();
  directory_.Reset({Info("acme", 2), Info("stays"), Info("zebra")}, {});
  EXPECT_THAT(recorder_.Take(), testing::UnorderedElementsAre("acme 1 -> acme 2", "mill 1 -> none",
                                                              "none -> zebra 1"));
}

TEST_F(DirectoryTest, WhatWasReadBeforeAChangeDoesNotReplaceIt) {
  directory_.Reset({}, {});
  const std::uint64_t before = directory_.changes();
  directory_.Put(Info("acme"));
  EXPECT_FALSE(directory_.ResetIf(before, {}, {}));
  EXPECT_EQ(Find("0081"), "acme");
  EXPECT_TRUE(directory_.ResetIf(directory_.changes(), {}, {"mill"}));
  EXPECT_EQ(Find("0081"), "UNKNOWN_ORGANIZATION");
}

TEST_F(DirectoryTest, ThatBillDoesNotTakeARememberMeIdIsKnownUntilThereIsAnotherOne) {
  auto old = std::make_shared<CredentialInfo>(*Info("acme"));
  EXPECT_FALSE(directory_.NoteTrust(*old, false, absl::UnixEpoch()));  // it has none
  EXPECT_EQ(directory_.TrustRefusedSince(*old), absl::nullopt);
  old->fingerprints["remember_me_id"] = "f1";
  auto renewed = std::make_shared<CredentialInfo>(*old);
  renewed->fingerprints["remember_me_id"] = "f2";

  EXPECT_TRUE(directory_.NoteTrust(*old, false, absl::UnixEpoch()));
  EXPECT_FALSE(directory_.NoteTrust(*old, false, absl::UnixEpoch() + absl::Hours(1)));
  EXPECT_EQ(directory_.TrustRefusedSince(*old), absl::UnixEpoch());
  EXPECT_EQ(directory_.TrustRefusedSince(*renewed), absl::nullopt);
  EXPECT_FALSE(directory_.NoteTrust(*old, true, absl::UnixEpoch()));
  EXPECT_EQ(directory_.TrustRefusedSince(*old), absl::nullopt);
}

TEST_F(DirectoryTest, ABrokenDocumentIsNotUnknown) {
  directory_.Reset({}, {"mill"});
  EXPECT_TRUE(HasReason(directory_.Get("mill").status(), Reason::kVaultDocumentInvalid));
  EXPECT_THAT(directory_.invalid_documents(), ElementsAre("mill"));
}

TEST_F(DirectoryTest, UsersAreFoundWithoutCaseInTheirEnvironment) {
  directory_.Put(Info("acme"));
  EXPECT_EQ(directory_.FindUser("sandbox", "ACME@acme.example")->name, "acme");
  EXPECT_EQ(directory_.FindUser("production", "acme@acme.example"), nullptr);
}

TEST_F(DirectoryTest, ListIsOrderedByName) {
  directory_.Put(Info("mill"));
  directory_.Put(Info("acme"));
  ASSERT_EQ(directory_.List().size(), 2u);
  EXPECT_EQ(directory_.List()[0]->name, "acme");
}

TEST(CredentialInfoTest, ShowsWhichSecretsThereAreAndNoneOfThem) {
  const Fingerprinter fingerprinter(SecretString::CopyOf(std::string(32, 'k')));
  const Credential user = SampleUser("acme");
  const CredentialInfoPtr info = InfoOf(user, fingerprinter);
  EXPECT_EQ(info->fingerprints.size(), 3u);
  EXPECT_EQ(info->fingerprints.at("password"), fingerprinter.Of(user.password));
  EXPECT_EQ(info->DevKeyIdFor("00800000000000000081"), fingerprinter.Of(user.dev_key));
  EXPECT_EQ(info->DevKeyIdFor("00800000000000000082"),
            fingerprinter.Of(user.organizations[1].dev_key));
  EXPECT_EQ(InfoOf(SampleConsole("firm"), fingerprinter)->DevKeyIdFor("unknown"), "");
}

TEST(CredentialInfoTest, OfAPartnerShowsWhomItSignsInAs) {
  const Fingerprinter fingerprinter(SecretString::CopyOf(std::string(32, 'k')));
  const Credential partner = SamplePartner("firm");
  const CredentialInfoPtr info = InfoOf(partner, fingerprinter);
  EXPECT_EQ(info->fingerprints.at("app_key"), fingerprinter.Of(partner.app_key));
  EXPECT_EQ(info->user_ids.at("00800000000000000096"), "0060000000000000000b");
  EXPECT_TRUE(InfoOf(SampleUser("acme"), fingerprinter)->user_ids.empty());
}

TEST(CredentialInfoTest, AUserNameInOtherCaseIsNoOtherUser) {
  const Fingerprinter fingerprinter(SecretString::CopyOf(std::string(32, 'k')));
  Credential user = SampleUser("acme");
  const std::string id = InfoOf(user, fingerprinter)->user_secret_id;
  user.username = "ACME@acme.example";
  EXPECT_EQ(InfoOf(user, fingerprinter)->user_secret_id, id);
  user.environment = "production";
  EXPECT_NE(InfoOf(user, fingerprinter)->user_secret_id, id);
}

}  // namespace
}  // namespace billbroker

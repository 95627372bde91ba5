#include "vault/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::IsEmpty;

// The organizations of SampleUser().
constexpr char kFirst[] = "00800000000000000081";
constexpr char kSecond[] = "00800000000000000082";

CredentialInfoPtr Info(absl::string_view name, std::uint64_t version = 1,
                       const std::vector<std::string>& organizations = {kFirst}) {
  auto info = std::make_shared<CredentialInfo>();
  info->name = std::string(name);
  info->uid = absl::StrCat("uid-of-", name);
  info->version = version;
  info->environment = "sandbox";
  info->username = info->folded_username = absl::StrCat(name, "@acme.example");
  for (const std::string& id : organizations) info->organizations[id] = "";
  return info;
}

class DirectoryRecorder final : public DirectoryObserver {
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

  DirectoryRecorder recorder_;
  Directory directory_;
};

TEST_F(DirectoryTest, ReportsVaultStateUntilComplete) {
  EXPECT_EQ(Find(kFirst), "VAULT_UNREACHABLE");
  directory_.set_vault_state(VaultState::kLocked);
  EXPECT_EQ(Find(kFirst), "VAULT_LOCKED");
  EXPECT_EQ(Find(kFirst, "acme-payables-user"), "VAULT_LOCKED");
  EXPECT_THAT(directory_.Get("acme-payables-user"), HasReason(Reason::kVaultLocked));
  directory_.set_vault_state(VaultState::kReady);
  EXPECT_EQ(Find(kFirst), "VAULT_UNREACHABLE");
  EXPECT_FALSE(directory_.complete());
}

TEST_F(DirectoryTest, FindsKnownCredentialsBeforeComplete) {
  directory_.Put(Info("acme-payables-user"));
  EXPECT_EQ(Find(kFirst), "acme-payables-user");
  EXPECT_EQ(Find(kSecond, "acme-payables-user"), "UNKNOWN_ORGANIZATION");
}

TEST_F(DirectoryTest, AnswersInAnyVaultStateOnceComplete) {
  directory_.Reset({Info("acme-payables-user")}, {});
  directory_.set_vault_state(VaultState::kLocked);
  EXPECT_TRUE(directory_.complete());
  EXPECT_EQ(Find(kFirst), "acme-payables-user");
  EXPECT_EQ(Find(kSecond), "UNKNOWN_ORGANIZATION");
  EXPECT_EQ(Find(kFirst, "mill-payables-user"), "UNKNOWN_CREDENTIAL");
}

TEST_F(DirectoryTest, SeveralCredentialsAreAmbiguous) {
  directory_.Reset({Info("mill-payables-user"), Info("acme-payables-user", 1, {kFirst, kSecond})},
                   {});
  EXPECT_THAT(directory_.Find(kFirst, ""),
              AllOf(HasReason(Reason::kAmbiguousCredential),
                    HasMetadata("credentials", "acme-payables-user,mill-payables-user")));
  EXPECT_EQ(Find(kFirst, "mill-payables-user"), "mill-payables-user");
  EXPECT_EQ(Find(kSecond), "acme-payables-user");
  directory_.Remove("mill-payables-user", "uid-of-mill-payables-user");
  EXPECT_EQ(Find(kFirst), "acme-payables-user");
}

TEST_F(DirectoryTest, NotifiesAndIndexesChanges) {
  directory_.Put(Info("acme-payables-user", 1, {kFirst}));
  directory_.Put(Info("acme-payables-user", 2, {kSecond}));
  EXPECT_THAT(recorder_.Take(), ElementsAre("none -> acme-payables-user 1",
                                            "acme-payables-user 1 -> acme-payables-user 2"));
  EXPECT_EQ(Find(kSecond), "acme-payables-user");
  directory_.Reset({Info("acme-payables-user", 2, {kSecond})}, {});
  EXPECT_EQ(Find(kFirst), "UNKNOWN_ORGANIZATION");
  EXPECT_THAT(recorder_.Take(), IsEmpty());
}

TEST_F(DirectoryTest, IgnoresOlderVersions) {
  directory_.Put(Info("acme-payables-user", 2));
  directory_.Put(Info("acme-payables-user", 1));
  directory_.Put(Info("acme-payables-user", 2));
  EXPECT_EQ((*directory_.Get("acme-payables-user"))->version, 2u);
  EXPECT_EQ(recorder_.Take().size(), 1u);
  auto reborn = std::make_shared<CredentialInfo>(*Info("acme-payables-user", 1));
  reborn->uid = "another-unique-id-0001";
  directory_.Put(reborn);
  EXPECT_EQ((*directory_.Get("acme-payables-user"))->uid, "another-unique-id-0001");
}

TEST_F(DirectoryTest, RemoveComparesTheUid) {
  directory_.Reset({Info("acme-payables-user")}, {});
  recorder_.Take();
  directory_.Remove("acme-payables-user", "another-unique-id-0001");
  directory_.Remove("mill-payables-user", "another-unique-id-0001");
  EXPECT_THAT(recorder_.Take(), IsEmpty());
  directory_.Remove("acme-payables-user", "uid-of-acme-payables-user");
  EXPECT_THAT(recorder_.Take(), ElementsAre("acme-payables-user 1 -> none"));
  EXPECT_EQ(Find(kFirst), "UNKNOWN_ORGANIZATION");
}

TEST_F(DirectoryTest, ResetNotifiesOfChanges) {
  directory_.Reset(
      {Info("acme-payables-user"), Info("mill-payables-user"), Info("unchanged-credential")}, {});
  recorder_.Take();
  directory_.Reset(
      {Info("acme-payables-user", 2), Info("unchanged-credential"), Info("zebra-payables-user")},
      {});
  EXPECT_THAT(recorder_.Take(),
              testing::UnorderedElementsAre("acme-payables-user 1 -> acme-payables-user 2",
                                            "mill-payables-user 1 -> none",
                                            "none -> zebra-payables-user 1"));
}

TEST_F(DirectoryTest, ResetIfIgnoresOutdatedReads) {
  directory_.Reset({}, {});
  const std::uint64_t before = directory_.changes();
  directory_.Put(Info("acme-payables-user"));
  EXPECT_FALSE(directory_.ResetIf(before, {}, {}));
  EXPECT_EQ(Find(kFirst), "acme-payables-user");
  EXPECT_TRUE(directory_.ResetIf(directory_.changes(), {}, {"mill-payables-user"}));
  EXPECT_EQ(Find(kFirst), "UNKNOWN_ORGANIZATION");
}

TEST_F(DirectoryTest, RemembersRefusedRememberMeIdUntilReplaced) {
  auto old = std::make_shared<CredentialInfo>(*Info("acme-payables-user"));
  EXPECT_FALSE(directory_.NoteTrust(*old, false, absl::UnixEpoch()));  // it has no rememberMeId
  EXPECT_EQ(directory_.TrustRefusedSince(*old), absl::nullopt);
  old->fingerprints["remember_me_id"] = "fingerprint-of-the-first-id";
  auto renewed = std::make_shared<CredentialInfo>(*old);
  renewed->fingerprints["remember_me_id"] = "fingerprint-of-the-second-id";

  EXPECT_TRUE(directory_.NoteTrust(*old, false, absl::UnixEpoch()));
  EXPECT_FALSE(directory_.NoteTrust(*old, false, absl::UnixEpoch() + absl::Hours(1)));
  EXPECT_EQ(directory_.TrustRefusedSince(*old), absl::UnixEpoch());
  EXPECT_EQ(directory_.TrustRefusedSince(*renewed), absl::nullopt);
  EXPECT_FALSE(directory_.NoteTrust(*old, true, absl::UnixEpoch()));
  EXPECT_EQ(directory_.TrustRefusedSince(*old), absl::nullopt);
}

TEST_F(DirectoryTest, InvalidDocumentIsNotUnknown) {
  directory_.Reset({}, {"mill-payables-user"});
  EXPECT_THAT(directory_.Get("mill-payables-user"), HasReason(Reason::kVaultDocumentInvalid));
  EXPECT_THAT(directory_.invalid_documents(), ElementsAre("mill-payables-user"));
}

TEST_F(DirectoryTest, FindUserIgnoresSpelling) {
  directory_.Put(Info("acme-payables-user"));
  for (const char* spelling :
       {"ACME-PAYABLES-USER@acme.example", "ａcme-payables-user@acme.example"}) {
    ASSERT_NE(directory_.FindUser("sandbox", spelling), nullptr) << spelling;
    EXPECT_EQ(directory_.FindUser("sandbox", spelling)->name, "acme-payables-user");
  }
  EXPECT_EQ(directory_.FindUser("production", "acme-payables-user@acme.example"), nullptr);
}

TEST_F(DirectoryTest, CountsEachOrganizationOnce) {
  directory_.Put(Info("acme-payables-user", 1, {kFirst, kSecond}));
  directory_.Put(Info("globex-payables-user", 1, {kSecond}));
  EXPECT_EQ(directory_.Counts().credentials, 2);
  EXPECT_EQ(directory_.Counts().organizations, 2);
  directory_.Remove("acme-payables-user", "uid-of-acme-payables-user");
  EXPECT_EQ(directory_.Counts().credentials, 1);
  EXPECT_EQ(directory_.Counts().organizations, 1);
}

TEST_F(DirectoryTest, ListIsOrderedByName) {
  directory_.Put(Info("mill-payables-user"));
  directory_.Put(Info("acme-payables-user"));
  ASSERT_EQ(directory_.List().size(), 2u);
  EXPECT_EQ(directory_.List()[0]->name, "acme-payables-user");
}

TEST(CredentialInfoTest, HasFingerprintsOfTheSecrets) {
  const Fingerprinter fingerprinter(SecretString::CopyOf(std::string(32, 'k')));
  const Credential user = SampleUser("acme-payables-user");
  const CredentialInfoPtr info = InfoOf(user, fingerprinter);
  EXPECT_EQ(info->fingerprints.size(), 3u);
  EXPECT_EQ(info->fingerprints.at("password"), fingerprinter.Of(user.password));
  EXPECT_EQ(info->DevKeyIdFor(kFirst), fingerprinter.Of(user.dev_key));
  EXPECT_EQ(info->DevKeyIdFor(kSecond), fingerprinter.Of(user.organizations[1].dev_key));
  EXPECT_EQ(InfoOf(SampleConsole("accounting-firm-user"), fingerprinter)->DevKeyIdFor("unknown"),
            "");
}

TEST(CredentialInfoTest, HasTheUsersOfAPartner) {
  const Fingerprinter fingerprinter(SecretString::CopyOf(std::string(32, 'k')));
  const Credential partner = SamplePartner("accounting-firm-user");
  const CredentialInfoPtr info = InfoOf(partner, fingerprinter);
  EXPECT_EQ(info->fingerprints.at("app_key"), fingerprinter.Of(partner.app_key));
  EXPECT_EQ(info->user_ids.at("00800000000000000096"), "0060000000000000000b");
  EXPECT_TRUE(InfoOf(SampleUser("acme-payables-user"), fingerprinter)->user_ids.empty());
}

TEST(CredentialInfoTest, UserSecretIdIgnoresCase) {
  const Fingerprinter fingerprinter(SecretString::CopyOf(std::string(32, 'k')));
  Credential user = SampleUser("acme-payables-user");
  const std::string id = InfoOf(user, fingerprinter)->user_secret_id;
  user.username = "ACME-PAYABLES-USER@acme.example";
  EXPECT_EQ(InfoOf(user, fingerprinter)->user_secret_id, id);
  user.environment = "production";
  EXPECT_NE(InfoOf(user, fingerprinter)->user_secret_id, id);
}

}  // namespace
}  // namespace billbroker

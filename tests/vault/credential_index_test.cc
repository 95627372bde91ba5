#include "vault/credential_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"
#include "vault/document.h"

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

class CredentialRecorder final : public CredentialObserver {
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

InvalidDocument Broken(absl::string_view name) {
  return {std::string(name), BrokenDocument(name, "is foreign")};
}

class CredentialIndexTest : public testing::Test {
 protected:
  CredentialIndexTest() { credentials_.SetObserver(&recorder_); }

  std::string Find(absl::string_view organization, absl::string_view credential = "") const {
    const absl::StatusOr<CredentialInfoPtr> found = credentials_.Find(organization, credential);
    return found.ok() ? (*found)->name : std::string(ReasonName(DetailsOf(found.status())->reason));
  }

  CredentialRecorder recorder_;
  VaultHealth health_;
  CredentialIndex credentials_{health_};
};

TEST_F(CredentialIndexTest, ReportsVaultStateUntilComplete) {
  EXPECT_EQ(Find(kFirst), "VAULT_UNREACHABLE");
  health_.Set(VaultError(VaultState::kLocked));
  EXPECT_EQ(Find(kFirst), "VAULT_LOCKED");
  EXPECT_EQ(Find(kFirst, "acme-payables-user"), "VAULT_LOCKED");
  EXPECT_THAT(credentials_.Get("acme-payables-user"), HasReason(Reason::kVaultLocked));
  health_.Set(absl::OkStatus());
  EXPECT_EQ(Find(kFirst), "VAULT_UNREACHABLE");
  EXPECT_FALSE(credentials_.complete());
}

TEST_F(CredentialIndexTest, FindsKnownCredentialsBeforeComplete) {
  credentials_.Put(Info("acme-payables-user"));
  EXPECT_EQ(Find(kFirst), "acme-payables-user");
  EXPECT_EQ(Find(kSecond, "acme-payables-user"), "UNKNOWN_ORGANIZATION");
}

TEST_F(CredentialIndexTest, AnswersInAnyVaultStateOnceComplete) {
  credentials_.Reset({Info("acme-payables-user")}, {});
  health_.Set(VaultError(VaultState::kLocked));
  EXPECT_TRUE(credentials_.complete());
  EXPECT_EQ(Find(kFirst), "acme-payables-user");
  EXPECT_EQ(Find(kSecond), "UNKNOWN_ORGANIZATION");
  EXPECT_EQ(Find(kFirst, "mill-payables-user"), "UNKNOWN_CREDENTIAL");
}

TEST_F(CredentialIndexTest, SeveralCredentialsAreAmbiguous) {
  credentials_.Reset({Info("mill-payables-user"), Info("acme-payables-user", 1, {kFirst, kSecond})},
                     {});
  EXPECT_THAT(credentials_.Find(kFirst, ""),
              AllOf(HasReason(Reason::kAmbiguousCredential),
                    HasMetadata("credentials", "acme-payables-user,mill-payables-user")));
  EXPECT_EQ(Find(kFirst, "mill-payables-user"), "mill-payables-user");
  EXPECT_EQ(Find(kSecond), "acme-payables-user");
  credentials_.Remove("mill-payables-user", "uid-of-mill-payables-user");
  EXPECT_EQ(Find(kFirst), "acme-payables-user");
}

TEST_F(CredentialIndexTest, NotifiesAndIndexesChanges) {
  credentials_.Put(Info("acme-payables-user", 1, {kFirst}));
  credentials_.Put(Info("acme-payables-user", 2, {kSecond}));
  EXPECT_THAT(recorder_.Take(), ElementsAre("none -> acme-payables-user 1",
                                            "acme-payables-user 1 -> acme-payables-user 2"));
  EXPECT_EQ(Find(kSecond), "acme-payables-user");
  credentials_.Reset({Info("acme-payables-user", 2, {kSecond})}, {});
  EXPECT_EQ(Find(kFirst), "UNKNOWN_ORGANIZATION");
  EXPECT_THAT(recorder_.Take(), IsEmpty());
}

TEST_F(CredentialIndexTest, IgnoresOlderVersions) {
  credentials_.Put(Info("acme-payables-user", 2));
  credentials_.Put(Info("acme-payables-user", 1));
  credentials_.Put(Info("acme-payables-user", 2));
  EXPECT_EQ((*credentials_.Get("acme-payables-user"))->version, 2u);
  EXPECT_EQ(recorder_.Take().size(), 1u);
  auto reborn = std::make_shared<CredentialInfo>(*Info("acme-payables-user", 1));
  reborn->uid = "another-unique-id-0001";
  credentials_.Put(reborn);
  EXPECT_EQ((*credentials_.Get("acme-payables-user"))->uid, "another-unique-id-0001");
}

TEST_F(CredentialIndexTest, RemoveComparesTheUid) {
  credentials_.Reset({Info("acme-payables-user")}, {});
  recorder_.Take();
  credentials_.Remove("acme-payables-user", "another-unique-id-0001");
  credentials_.Remove("mill-payables-user", "another-unique-id-0001");
  EXPECT_THAT(recorder_.Take(), IsEmpty());
  credentials_.Remove("acme-payables-user", "uid-of-acme-payables-user");
  EXPECT_THAT(recorder_.Take(), ElementsAre("acme-payables-user 1 -> none"));
  EXPECT_EQ(Find(kFirst), "UNKNOWN_ORGANIZATION");
}

TEST_F(CredentialIndexTest, ResetNotifiesOfChanges) {
  credentials_.Reset(
      {Info("acme-payables-user"), Info("mill-payables-user"), Info("unchanged-credential")}, {});
  recorder_.Take();
  credentials_.Reset(
      {Info("acme-payables-user", 2), Info("unchanged-credential"), Info("zebra-payables-user")},
      {});
  EXPECT_THAT(recorder_.Take(),
              testing::UnorderedElementsAre("acme-payables-user 1 -> acme-payables-user 2",
                                            "mill-payables-user 1 -> none",
                                            "none -> zebra-payables-user 1"));
}

TEST_F(CredentialIndexTest, ResetIfIgnoresOutdatedReads) {
  credentials_.Reset({}, {});
  const std::uint64_t before = credentials_.changes();
  credentials_.Put(Info("acme-payables-user"));
  EXPECT_FALSE(credentials_.ResetIf(before, {}, {}));
  EXPECT_EQ(Find(kFirst), "acme-payables-user");
  EXPECT_TRUE(credentials_.ResetIf(credentials_.changes(), {}, {Broken("mill-payables-user")}));
  EXPECT_EQ(Find(kFirst), "VAULT_DOCUMENT_INVALID") << "the document may be of its credential";
}

TEST_F(CredentialIndexTest, InvalidDocumentIsNotUnknown) {
  credentials_.Reset({}, {Broken("mill-payables-user")});
  EXPECT_THAT(credentials_.Get("mill-payables-user"), HasReason(Reason::kVaultDocumentInvalid));
  ASSERT_EQ(credentials_.invalid_documents().size(), 1U);
  EXPECT_EQ(credentials_.invalid_documents()[0].name, "mill-payables-user");
}

TEST_F(CredentialIndexTest, DocumentThatIsNotReturnedIsAFaultOfTheVault) {
  credentials_.Reset({}, {{"acme-payables-user", VaultError(VaultState::kTimedOut)}});
  const absl::Status found = credentials_.Find(kFirst, "").status();
  EXPECT_THAT(found, HasReason(Reason::kVaultUnreachable));
  EXPECT_EQ(VaultStateOf(found), VaultState::kTimedOut);
}

TEST_F(CredentialIndexTest, MissingCredentialIsNotUnknown) {
  credentials_.Reset({Info("acme-payables-user")}, {});
  credentials_.SetMissing({{kSecond, "uid-of-mill-payables-user"}});
  for (const absl::Status& absent :
       {credentials_.Find(kSecond, "").status(), credentials_.Get("mill-payables-user").status(),
        credentials_.Find(kSecond, "mill-payables-user").status()}) {
    EXPECT_THAT(absent,
                AllOf(HasReason(Reason::kVaultUnreachable), HasRetryAfter(absl::Seconds(2))));
  }
  EXPECT_THAT(credentials_.Find(kFirst, ""), IsOk());
  credentials_.SetMissing({});
  EXPECT_THAT(credentials_.Find(kSecond, ""), HasReason(Reason::kUnknownOrganization));
}

TEST_F(CredentialIndexTest, OrganizationOfAMissingCredentialMayBeAmbiguous) {
  credentials_.Reset({Info("acme-payables-user")}, {});
  credentials_.SetMissing({{kFirst, "uid-of-mill-payables-user"}});
  EXPECT_THAT(credentials_.Find(kFirst, ""), HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(credentials_.Find(kFirst, "acme-payables-user"), IsOk());
  credentials_.SetMissing({{kFirst, "uid-of-acme-payables-user"}});
  EXPECT_THAT(credentials_.Find(kFirst, ""), IsOk());
}

TEST_F(CredentialIndexTest, FindUserIgnoresSpelling) {
  credentials_.Put(Info("acme-payables-user"));
  for (const char* spelling :
       {"ACME-PAYABLES-USER@acme.example", "ａcme-payables-user@acme.example"}) {
    ASSERT_NE(credentials_.FindUser("sandbox", spelling), nullptr) << spelling;
    EXPECT_EQ(credentials_.FindUser("sandbox", spelling)->name, "acme-payables-user");
  }
  EXPECT_EQ(credentials_.FindUser("production", "acme-payables-user@acme.example"), nullptr);
}

TEST_F(CredentialIndexTest, CountsEachOrganizationOnce) {
  credentials_.Put(Info("acme-payables-user", 1, {kFirst, kSecond}));
  credentials_.Put(Info("globex-payables-user", 1, {kSecond}));
  EXPECT_EQ(credentials_.Counts().credentials, 2);
  EXPECT_EQ(credentials_.Counts().organizations, 2);
  credentials_.Remove("acme-payables-user", "uid-of-acme-payables-user");
  EXPECT_EQ(credentials_.Counts().credentials, 1);
  EXPECT_EQ(credentials_.Counts().organizations, 1);
}

TEST_F(CredentialIndexTest, ListIsOrderedByName) {
  credentials_.Put(Info("mill-payables-user"));
  credentials_.Put(Info("acme-payables-user"));
  ASSERT_EQ(credentials_.List().size(), 2u);
  EXPECT_EQ(credentials_.List()[0]->name, "acme-payables-user");
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

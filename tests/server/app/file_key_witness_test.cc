// The evidence of the master key in the broker's files: for each content of a file, with the key
// that the keyring has, and without one.
#include "server/app/file_key_witness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "server/access/audit/audit_line.h"
#include "server/access/audit/audit_seal.h"
#include "server/session/sqlite/store_seal.h"
#include "tests/server/app/sealed_files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/vault.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

enum class Content { kNoFile, kEmpty, kOwn, kOther, kDamaged, kUnreadable };

constexpr Content kContents[] = {Content::kNoFile, Content::kEmpty,   Content::kOwn,
                                 Content::kOther,  Content::kDamaged, Content::kUnreadable};

std::string NameOf(Content content) {
  constexpr const char* kNames[] = {"NoFile", "Empty", "Own", "Other", "Damaged", "Unreadable"};
  return kNames[static_cast<int>(content)];
}

// Makes a folder instead of a file that must not be read: root may read every file.
void Write(Content content, bool store, const std::string& path) {
  switch (content) {
    case Content::kNoFile:
      return;
    case Content::kEmpty:
      std::ofstream(path).flush();
      return;
    case Content::kOwn:
    case Content::kOther: {
      const SecretString key = content == Content::kOwn ? OwnKey() : OtherKey();
      return store ? WriteStore(path, key) : WriteAudit(path, key);
    }
    case Content::kDamaged:
      std::ofstream(path) << std::string(5000, '#');
      return;
    case Content::kUnreadable:
      std::filesystem::create_directory(path);
      return;
  }
}

SealState Expected(Content content, bool with_key) {
  switch (content) {
    case Content::kNoFile:
    case Content::kEmpty:
      return SealState::kNothing;
    case Content::kOwn:
      return with_key ? SealState::kOpens : SealState::kOtherKey;
    case Content::kOther:
      return SealState::kOtherKey;
    case Content::kDamaged:
    case Content::kUnreadable:
      return SealState::kUnknown;
  }
  return SealState::kUnknown;
}

using SealParam = std::tuple<Content, bool>;

class SealTest : public ::testing::TestWithParam<SealParam> {
 protected:
  [[nodiscard]] const SecretString* key() const { return with_key_ ? &own_ : nullptr; }

  const Content content_ = std::get<0>(GetParam());
  const bool with_key_ = std::get<1>(GetParam());
  const SecretString own_ = OwnKey();
  TempFolder folder_;
  const std::string path_ = folder_ / "sealed-file-of-the-broker";
};

TEST_P(SealTest, StoreShowsItsKey) {
  Write(content_, /*store=*/true, path_);
  EXPECT_EQ(CheckStoreSeal(path_, key()), Expected(content_, with_key_));
}

TEST_P(SealTest, AuditLogShowsItsKey) {
  Write(content_, /*store=*/false, path_);
  EXPECT_EQ(CheckAuditSeal(path_, key()), Expected(content_, with_key_));
}

INSTANTIATE_TEST_SUITE_P(All, SealTest,
                         ::testing::Combine(::testing::ValuesIn(kContents), ::testing::Bool()),
                         [](const ::testing::TestParamInfo<SealParam>& row) {
                           return NameOf(std::get<0>(row.param)) +
                                  (std::get<1>(row.param) ? "WithKey" : "WithoutKey");
                         });

using WitnessParam = std::tuple<Content, Content, bool>;

class WitnessTest : public ::testing::TestWithParam<WitnessParam> {};

// One file that opens is enough. Without a key, each file with a content contradicts.
TEST_P(WitnessTest, OneOpeningFileIsEnough) {
  const auto [store, audit, with_key] = GetParam();
  const TempFolder folder;
  const std::string store_path = folder / "sessions.db";
  const std::string audit_path = folder / "audit.jsonl";
  Write(store, true, store_path);
  Write(audit, false, audit_path);
  const SecretString key = OwnKey();
  const absl::Status status =
      FileKeyWitness(store_path, audit_path).Check(with_key ? &key : nullptr);

  const SealState seals[] = {Expected(store, with_key), Expected(audit, with_key)};
  const auto has = [&seals](SealState state) { return seals[0] == state || seals[1] == state; };
  const bool contradicted = has(SealState::kOtherKey) || (!with_key && has(SealState::kUnknown));
  if (has(SealState::kOpens) || !contradicted) {
    EXPECT_THAT(status, IsOk());
    return;
  }
  EXPECT_EQ(VaultStateOf(status), VaultState::kReplaced);
  EXPECT_THAT(status.message(), HasSubstr(with_key ? "another master key" : "no master key"));
  EXPECT_THAT(status.message(), HasSubstr(folder.path()));
}

INSTANTIATE_TEST_SUITE_P(All, WitnessTest,
                         ::testing::Combine(::testing::ValuesIn(kContents),
                                            ::testing::ValuesIn(kContents), ::testing::Bool()),
                         [](const ::testing::TestParamInfo<WitnessParam>& row) {
                           return absl::StrCat("Store", NameOf(std::get<0>(row.param)), "Audit",
                                               NameOf(std::get<1>(row.param)),
                                               std::get<2>(row.param) ? "WithKey" : "WithoutKey");
                         });

TEST(FileKeyWitnessTest, CheckChangesNoFile) {
  const TempFolder folder;
  WriteStore(folder / "sessions.db", OwnKey());
  WriteAudit(folder / "audit.jsonl", OwnKey());
  const auto size = std::filesystem::file_size(folder / "sessions.db");
  const SecretString other = OtherKey();
  for (const SecretString* key : {&other, static_cast<const SecretString*>(nullptr)}) {
    EXPECT_FALSE(FileKeyWitness(folder / "sessions.db", folder / "audit.jsonl").Check(key).ok());
  }
  EXPECT_EQ(std::filesystem::file_size(folder / "sessions.db"), size);
  const SecretString own = OwnKey();
  EXPECT_EQ(CheckStoreSeal(folder / "sessions.db", &own), SealState::kOpens);
}

TEST(StoreCountsTest, CountsWithoutTheKey) {
  const TempFolder folder;
  WriteStore(folder / "sessions.db", OwnKey());
  const StoreCounts counts = CountStore(folder / "sessions.db");
  EXPECT_EQ(counts.credentials, 1);
  EXPECT_EQ(counts.organizations, 2);
  EXPECT_EQ(counts.sign_ins, 1);
  EXPECT_EQ(CountStore(folder / "missing.db").organizations, 0);
}

}  // namespace
}  // namespace billbroker

#include "server/app/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/pki.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class TlsFilesTest : public ::testing::Test {
 protected:
  static constexpr absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

  absl::Status Load(absl::Time now = kNow) const { return LoadTlsIdentity(files_, now).status(); }

  // Returns a copy that a test may change.
  std::string Copy(const std::string& path, const std::string& more = "") const {
    const std::string copy = folder_.File("copy");
    std::ofstream(copy) << Content(path) << more;
    ::chmod(copy.c_str(), 0600);
    return copy;
  }

  TempFolder folder_;
  Pki pki_;
  Pki::Pair pair_ = pki_.Issue({"broker", "IP:127.0.0.1"});
  TlsFiles files_{pair_.certificate, pair_.key, pki_.Ca()};
};

TEST_F(TlsFilesTest, LoadsMatchingPairAndCa) {
  const absl::StatusOr<TlsIdentity> identity = LoadTlsIdentity(files_, kNow);
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->certificate, Content(files_.certificate));
  EXPECT_EQ(identity->key, Content(files_.key));
  EXPECT_EQ(identity->client_ca, Content(files_.client_ca));
  EXPECT_EQ(identity->expires, absl::FromCivil(absl::CivilDay(2091, 1, 1), absl::UTCTimeZone()));
}

TEST_F(TlsFilesTest, RejectsKeyOfAnotherCertificate) {
  files_.key = pki_.Issue({"other", ""}).key;
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TlsFilesTest, ChecksValidityPeriod) {
  const absl::Time begins = absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone());
  const absl::Time ends = absl::FromCivil(absl::CivilDay(2091, 1, 1), absl::UTCTimeZone());
  EXPECT_THAT(Load(begins - absl::Seconds(1)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Load(begins), IsOk());
  EXPECT_THAT(Load(ends - absl::Seconds(1)), IsOk());
  EXPECT_THAT(Load(ends), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TlsFilesTest, InvalidPemIsNamedButNotQuoted) {
  const std::string garbage = folder_.File("garbage");
  std::ofstream(garbage) << "hunter2";
  ::chmod(garbage.c_str(), 0600);
  TlsFiles all[] = {files_, files_, files_};
  all[0].certificate = garbage;
  all[1].key = garbage;
  all[2].client_ca = garbage;
  for (const TlsFiles& files : all) {
    const std::string error(LoadTlsIdentity(files, kNow).status().message());
    EXPECT_THAT(error, StartsWith(garbage + ": "));
    EXPECT_THAT(error, Not(HasSubstr("hunter2")));
  }
}

TEST_F(TlsFilesTest, RejectsTruncatedCa) {
  const std::string ca = Content(pki_.Ca());
  files_.client_ca = Copy(pki_.Ca(), ca);
  EXPECT_THAT(Load(), IsOk()) << "two authorities are valid";
  files_.client_ca = Copy(pki_.Ca(), ca.substr(0, ca.size() / 2));
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TlsFilesTest, RejectsEncryptedKeyWithoutPrompt) {
  files_.key = folder_.File("sealed.key");
  ASSERT_EQ(std::system(absl::StrCat("openssl ec -aes128 -passout pass:x -in ", pair_.key, " -out ",
                                     files_.key, " 2>/dev/null")
                            .c_str()),
            0);
  ::chmod(files_.key.c_str(), 0600);
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TlsFilesTest, RejectsReadableKeyAndWritableFiles) {
  files_.key = Copy(pair_.key);
  ::chmod(files_.key.c_str(), 0640);
  EXPECT_THAT(Load(), IsOk());
  ::chmod(files_.key.c_str(), 0644);
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kInvalidArgument));
  files_.key = pair_.key;
  files_.client_ca = Copy(pki_.Ca());
  ::chmod(files_.client_ca.c_str(), 0664);
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TlsFilesTest, RejectsMissingFile) {
  files_.key = folder_.File("none");
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TlsFilesTest, StateChangesWithAnyFile) {
  files_ = {Copy(pair_.certificate), pair_.key, pki_.Ca()};
  const std::string before = StateOf(files_);
  EXPECT_EQ(StateOf(files_), before);
  std::filesystem::rename(Copy(pair_.certificate) + "", folder_.File("moved"));
  EXPECT_NE(StateOf(files_), before);
}

}  // namespace
}  // namespace billbroker

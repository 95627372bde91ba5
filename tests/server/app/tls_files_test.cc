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

  std::string Error(absl::Time now = kNow) const {
    return std::string(LoadTlsIdentity(files_, now).status().message());
  }

  // A copy that a test may spoil.
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

TEST_F(TlsFilesTest, AMatchingPairAndACaAreReadWhole) {
  const absl::StatusOr<TlsIdentity> identity = LoadTlsIdentity(files_, kNow);
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->certificate, Content(files_.certificate));
  EXPECT_EQ(identity->key, Content(files_.key));
  EXPECT_EQ(identity->client_ca, Content(files_.client_ca));
  EXPECT_EQ(identity->expires, absl::FromCivil(absl::CivilDay(2091, 1, 1), absl::UTCTimeZone()));
}

TEST_F(TlsFilesTest, TheKeyOfAnotherCertificateIsRefused) {
  files_.key = pki_.Issue({"other", ""}).key;
  EXPECT_EQ(Error(), absl::StrCat(files_.key, ": is not the key of the certificate in ",
                                  files_.certificate, "; put the two of one pair there"));
}

TEST_F(TlsFilesTest, ACertificateIsGoodFromItsFirstMomentToItsLast) {
  const absl::Time begins = absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone());
  const absl::Time ends = absl::FromCivil(absl::CivilDay(2091, 1, 1), absl::UTCTimeZone());
  EXPECT_THAT(Error(begins - absl::Seconds(1)), HasSubstr("is not in force before 2020-01-01T00"));
  EXPECT_EQ(Error(begins), "");
  EXPECT_EQ(Error(ends - absl::Seconds(1)), "");
  EXPECT_THAT(Error(ends), HasSubstr("expired at 2091-01-01T00:00:00+00:00; renew it"));
}

TEST_F(TlsFilesTest, WhatIsNoPemIsNamedAndNotRepeated) {
  const std::string garbage = folder_.File("garbage");
  std::ofstream(garbage) << "hunter2";
  ::chmod(garbage.c_str(), 0600);
  TlsFiles all[] = {files_, files_, files_};
  all[0].certificate = garbage;
  all[1].key = garbage;
  all[2].client_ca = garbage;
  for (const TlsFiles& files : all) {
    const std::string error(LoadTlsIdentity(files, kNow).status().message());
    EXPECT_THAT(error, StartsWith(garbage + ": holds no "));
    EXPECT_THAT(error, ::testing::Not(HasSubstr("hunter2")));
  }
}

TEST_F(TlsFilesTest, AnAuthorityThatIsHalfWrittenIsNotTaken) {
  const std::string ca = Content(pki_.Ca());
  files_.client_ca = Copy(pki_.Ca(), ca);
  EXPECT_EQ(Error(), "") << "two are good";
  files_.client_ca = Copy(pki_.Ca(), ca.substr(0, ca.size() / 2));
  EXPECT_THAT(Error(), HasSubstr("or one that is broken"));
}

TEST_F(TlsFilesTest, AKeyWithAPassphraseIsRefusedAndNobodyIsAsked) {
  files_.key = folder_.File("sealed.key");
  ASSERT_EQ(std::system(absl::StrCat("openssl ec -aes128 -passout pass:x -in ", pair_.key, " -out ",
                                     files_.key, " 2>/dev/null")
                            .c_str()),
            0);
  ::chmod(files_.key.c_str(), 0600);
  EXPECT_THAT(Error(), HasSubstr("holds no private key in PEM that needs no passphrase"));
}

TEST_F(TlsFilesTest, OnlyItsGroupMayReadTheKeyAndNobodyElseMayWriteAnyFile) {
  files_.key = Copy(pair_.key);
  ::chmod(files_.key.c_str(), 0640);
  EXPECT_EQ(Error(), "");
  ::chmod(files_.key.c_str(), 0644);
  EXPECT_EQ(
      Error(),
      absl::StrCat(files_.key, ": every user of this machine may read it; chmod o-r ", files_.key));
  files_.key = pair_.key;
  files_.client_ca = Copy(pki_.Ca());
  ::chmod(files_.client_ca.c_str(), 0664);
  EXPECT_EQ(Error(), absl::StrCat(files_.client_ca, ": its group may write it; chmod g-w ",
                                  files_.client_ca));
}

TEST_F(TlsFilesTest, AFileThatIsNotThereIsNamed) {
  files_.key = folder_.File("none");
  EXPECT_EQ(Error(), files_.key + ": cannot be read: No such file or directory");
}

TEST_F(TlsFilesTest, AnotherStateIsSeenWhicheverFileChanged) {
  files_ = {Copy(pair_.certificate), pair_.key, pki_.Ca()};
  const std::string before = StateOf(files_);
  EXPECT_EQ(StateOf(files_), before);
  std::filesystem::rename(Copy(pair_.certificate) + "", folder_.File("moved"));
  EXPECT_NE(StateOf(files_), before);
}

}  // namespace
}  // namespace billbroker

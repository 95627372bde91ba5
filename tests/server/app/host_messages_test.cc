// Golden texts of errors about files, sockets and folders of the machine.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/app/file_lock.h"
#include "server/app/host_check.h"
#include "server/app/tls_files.h"
#include "server/app/unix_socket.h"
#include "tests/server/app/host_check_fixture.h"
#include "tests/support/manual_time.h"
#include "tests/support/pki.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

TEST(FileLockMessagesTest, HeldByAnotherDaemon) {
  const TempFolder folder;
  const std::string path = folder.File("lock");
  const absl::StatusOr<FileLock> first = FileLock::Take(path, "state folder");
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(FileLock::Take(path, "state folder").status().message(),
            absl::StrCat("another billbrokerd uses the state folder (", path,
                         " is locked); stop it, or configure another state folder"));
}

class UnixSocketMessagesTest : public ::testing::Test {
 protected:
  UnixSocketMessagesTest() { config_.socket = folder_.File("broker.sock"); }

  std::string ClaimMessage() const {
    return std::string(UnixSocket::Claim(config_).status().message());
  }

  TempFolder folder_;
  ListenerConfig config_;
};

TEST_F(UnixSocketMessagesTest, UsedByAnotherDaemon) {
  const absl::StatusOr<std::unique_ptr<UnixSocket>> first = UnixSocket::Claim(config_);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(ClaimMessage(), HasSubstr(config_.socket + ".lock is locked"));
}

TEST_F(UnixSocketMessagesTest, OtherFileAtThePath) {
  std::ofstream(config_.socket) << "precious";
  EXPECT_EQ(ClaimMessage(),
            config_.socket + " is there and is not a socket; remove it or choose another path");
}

TEST_F(UnixSocketMessagesTest, TooLongPath) {
  config_.socket = folder_.File(std::string(110, 'x'));
  EXPECT_THAT(ClaimMessage(), HasSubstr("and a Unix socket has 107; choose a shorter folder"));
}

TEST_F(UnixSocketMessagesTest, UnknownGroup) {
  config_.group = "no-such-group";
  absl::StatusOr<std::unique_ptr<UnixSocket>> socket = UnixSocket::Claim(config_);
  ASSERT_THAT(socket, IsOk());
  EXPECT_THAT(std::string((*socket)->Publish().message()), HasSubstr("no-such-group"));
}

class TlsFilesMessagesTest : public ::testing::Test {
 protected:
  static constexpr absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

  std::string Message(absl::Time now = kNow) const {
    return std::string(LoadTlsIdentity(files_, now).status().message());
  }
  // Writes a file that only its owner may read and returns its path.
  std::string Write(const std::string& text) const {
    const std::string path = folder_.File("written.pem");
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0600);
    return path;
  }

  TempFolder folder_;
  Pki pki_;
  Pki::Pair pair_ = pki_.Issue({"broker", "IP:127.0.0.1"});
  TlsFiles files_{pair_.certificate, pair_.key, pki_.Ca()};
};

TEST_F(TlsFilesMessagesTest, KeyOfAnotherCertificate) {
  files_.key = pki_.Issue({"other", ""}).key;
  EXPECT_EQ(Message(), absl::StrCat(files_.key, ": is not the key of the certificate in ",
                                    files_.certificate, "; put the two of one pair there"));
}

TEST_F(TlsFilesMessagesTest, OutsideTheValidityPeriod) {
  EXPECT_THAT(Message(absl::FromCivil(absl::CivilDay(2019, 1, 1), absl::UTCTimeZone())),
              HasSubstr("is not valid before 2020-01-01T00"));
  EXPECT_THAT(Message(absl::FromCivil(absl::CivilDay(2091, 1, 1), absl::UTCTimeZone())),
              HasSubstr("expired at 2091-01-01T00:00:00+00:00; renew it"));
}

TEST_F(TlsFilesMessagesTest, MalformedPem) {
  files_.key = Write("x");
  EXPECT_THAT(Message(), HasSubstr("holds no private key in PEM that needs no passphrase"));
  std::ostringstream ca;
  ca << std::ifstream(pki_.Ca()).rdbuf();
  files_ = {pair_.certificate, pair_.key, Write(ca.str().substr(0, ca.str().size() / 2))};
  EXPECT_THAT(Message(), HasSubstr("or one that is broken"));
}

TEST_F(TlsFilesMessagesTest, UnsafeOrMissingFile) {
  files_.key = folder_.File("none");
  EXPECT_EQ(Message(), files_.key + ": cannot be read: No such file or directory");
  files_.key = Write("x");
  ASSERT_EQ(::chmod(files_.key.c_str(), 0644), 0);
  EXPECT_EQ(Message(), absl::StrCat(files_.key,
                                    ": every user of this machine may read it; chmod "
                                    "o-r ",
                                    files_.key));
  ASSERT_EQ(::chmod(files_.key.c_str(), 0660), 0);
  EXPECT_EQ(Message(),
            absl::StrCat(files_.key, ": its group may write it; chmod g-w ", files_.key));
}

class HostCheckMessagesTest : public HostCheckFixture {};

TEST_F(HostCheckMessagesTest, UnusableFolders) {
  std::filesystem::create_directory(config_.state_dir);
  ASSERT_EQ(::chmod(config_.state_dir.c_str(), 0777), 0);
  EXPECT_THAT(Message(), HasSubstr("every user of this machine may write to " + config_.state_dir));
  std::filesystem::remove(config_.state_dir);
  std::ofstream(config_.state_dir) << "x";
  EXPECT_THAT(Message(), HasSubstr(config_.state_dir + " is not a folder"));
  config_.state_dir = folder_.File("a/b");
  EXPECT_THAT(Message(), HasSubstr(config_.state_dir + " cannot be made: "));
}

TEST_F(HostCheckMessagesTest, WorldWritableStore) {
  ASSERT_THAT(MakeFolder(config_.state_dir), IsOk());
  std::ofstream(StorePath(config_)) << "x";
  ASSERT_EQ(::chmod(StorePath(config_).c_str(), 0602), 0);
  EXPECT_THAT(Message(), HasSubstr("may write to " + StorePath(config_) + "; chmod o-w it"));
}

TEST_F(HostCheckMessagesTest, UnknownGroupAndMissingCaFile) {
  config_.listeners[0].group = "no-such-group";
  config_.environments["sandbox"] = {"sandbox", "https://a", folder_.File("ca.pem"), ""};
  EXPECT_EQ(Message(),
            "there is no group \"no-such-group\"; make it with 'groupadd --system no-such-group'\n"
            "environments.sandbox.ca_file " +
                folder_.File("ca.pem") + " cannot be read: No such file or directory");
}

TEST_F(HostCheckMessagesTest, UnusablePolicy) {
  std::ofstream(config_.policy_file) << "x";
  EXPECT_THAT(Message(), HasSubstr("policy.toml:1: not valid TOML"));
  std::filesystem::remove(config_.policy_file);
  EXPECT_THAT(Message(), HasSubstr("policy.toml: cannot be read"));
}

}  // namespace
}  // namespace billbroker

#include "server/app/unix_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

sockaddr_un Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

bool CanConnect(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = Address(path);
  const bool connected =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

class UnixSocketTest : public ::testing::Test {
 protected:
  UnixSocketTest() { config_.socket = folder_.File("broker.sock"); }

  absl::Status Claim() const { return UnixSocket::Claim(config_).status(); }

  TempFolder folder_;
  ListenerConfig config_;
};

TEST_F(UnixSocketTest, ReachableOnlyAfterPublish) {
  absl::StatusOr<std::unique_ptr<UnixSocket>> socket = UnixSocket::Claim(config_);
  ASSERT_THAT(socket, IsOk());
  struct stat info {};
  const std::string private_folder =
      std::filesystem::path((*socket)->private_path()).parent_path().string();
  ASSERT_EQ(::stat(private_folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  EXPECT_FALSE(CanConnect(config_.socket));

  ASSERT_THAT((*socket)->Publish(), IsOk());
  EXPECT_TRUE(CanConnect(config_.socket));
  ASSERT_EQ(::stat(config_.socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660U);
  EXPECT_FALSE(std::filesystem::exists(private_folder));

  socket->reset();
  EXPECT_FALSE(std::filesystem::exists(config_.socket)) << "removed at exit";
}

TEST_F(UnixSocketTest, RejectsSecondDaemon) {
  const absl::StatusOr<std::unique_ptr<UnixSocket>> first = UnixSocket::Claim(config_);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT((*first)->Publish(), IsOk());
  EXPECT_THAT(Claim(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(CanConnect(config_.socket));
}

TEST_F(UnixSocketTest, ReplacesStaleSocket) {
  const int crashed = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = Address(config_.socket);
  ASSERT_EQ(::bind(crashed, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(crashed);
  ASSERT_TRUE(std::filesystem::exists(config_.socket));
  const absl::StatusOr<std::unique_ptr<UnixSocket>> socket = UnixSocket::Claim(config_);
  ASSERT_THAT(socket, IsOk());
  ASSERT_THAT((*socket)->Publish(), IsOk());
  EXPECT_TRUE(CanConnect(config_.socket));
}

TEST_F(UnixSocketTest, KeepsFileThatIsNotASocket) {
  std::ofstream(config_.socket) << "precious";
  EXPECT_THAT(Claim(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(std::filesystem::file_size(config_.socket), 8U);
}

TEST_F(UnixSocketTest, RejectsTooLongPath) {
  config_.socket = folder_.File(std::string(110, 'x'));
  EXPECT_THAT(Claim(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(UnixSocketTest, UnknownGroupLeavesSocketUnpublished) {
  config_.group = "no-such-group";
  absl::StatusOr<std::unique_ptr<UnixSocket>> socket = UnixSocket::Claim(config_);
  ASSERT_THAT(socket, IsOk());
  EXPECT_THAT((*socket)->Publish(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(std::filesystem::exists(config_.socket));
  socket->reset();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1)
      << "only the lock file is left";
}

}  // namespace
}  // namespace billbroker

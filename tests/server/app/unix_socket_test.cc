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

using ::testing::HasSubstr;

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

  std::string ClaimError() const {
    return std::string(UnixSocket::Claim(config_).status().message());
  }

  TempFolder folder_;
  ListenerConfig config_;
};

TEST_F(UnixSocketTest, NobodyReachesItBeforeItIsPublishedAndEverybodyAllowedAfter) {
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

TEST_F(UnixSocketTest, ASecondDaemonIsRefusedAndTheFirstOneStaysReachable) {
  const absl::StatusOr<std::unique_ptr<UnixSocket>> first = UnixSocket::Claim(config_);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT((*first)->Publish(), IsOk());
  EXPECT_THAT(ClaimError(), HasSubstr(config_.socket + ".lock is locked"));
  EXPECT_TRUE(CanConnect(config_.socket));
}

TEST_F(UnixSocketTest, AStaleSocketIsReplaced) {
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

TEST_F(UnixSocketTest, WhatIsNoSocketIsNotReplaced) {
  std::ofstream(config_.socket) << "precious";
  EXPECT_EQ(ClaimError(),
            config_.socket + " is there and is not a socket; remove it or choose another path");
  EXPECT_EQ(std::filesystem::file_size(config_.socket), 8U);
}

TEST_F(UnixSocketTest, APathThatNoSocketCanHaveIsRefused) {
  config_.socket = folder_.File(std::string(110, 'x'));
  EXPECT_THAT(ClaimError(), HasSubstr("and a Unix socket has 107; choose a shorter folder"));
}

TEST_F(UnixSocketTest, AGroupThatIsNotThereLeavesTheSocketUnpublished) {
  config_.group = "no-such-group";
  absl::StatusOr<std::unique_ptr<UnixSocket>> socket = UnixSocket::Claim(config_);
  ASSERT_THAT(socket, IsOk());
  EXPECT_THAT(std::string((*socket)->Publish().message()), HasSubstr("no-such-group"));
  EXPECT_FALSE(std::filesystem::exists(config_.socket));
  socket->reset();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1)
      << "the lock file alone is left";
}

}  // namespace
}  // namespace billbroker

#include "server/app/tcp_address.h"

#include <gtest/gtest.h>

#include <string>

namespace billbroker {
namespace {

TEST(TcpAddressTest, ANumberOfEitherKindIsReadAndWrittenAgain) {
  for (const char* text : {"127.0.0.1:8443", "0.0.0.0:0", "[::1]:65535", "[::]:1"}) {
    const absl::optional<TcpAddress> address = ParseTcpAddress(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(TcpAddressText(*address), text);
  }
}

TEST(TcpAddressTest, EverythingElseIsNone) {
  for (const char* text :
       {"", ":", ":1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1",
        "127.0.0.1:+1", "127.1:1", "localhost:1", "::1:1", "[::1]", "[::1]:", "[127.0.0.1]:1",
        "[::1:1", "[]:1", "unix:/a", "127.0.0.1:99999999999999999999"}) {
    EXPECT_FALSE(ParseTcpAddress(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace billbroker

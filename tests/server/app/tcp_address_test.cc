#include "server/app/tcp_address.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace billbroker {
namespace {

TEST(TcpAddressTest, ParsesAndFormatsBothAddressFamilies) {
  for (const char* text : {"127.0.0.1:8443", "0.0.0.0:0", "[::1]:65535", "[::]:1"}) {
    const absl::optional<TcpAddress> address = ParseTcpAddress(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(TcpAddressText(*address), text);
  }
}

TEST(TcpAddressTest, RejectsMalformedAddresses) {
  for (const char* text :
       {"", ":", ":1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1",
        "127.0.0.1:+1", "127.1:1", "localhost:1", "::1:1", "[::1]", "[::1]:", "[127.0.0.1]:1",
        "[::1:1", "[]:1", "unix:/a", "127.0.0.1:99999999999999999999"}) {
    EXPECT_FALSE(ParseTcpAddress(text).has_value()) << text;
  }
}

TEST(TcpAddressTest, ShareCoversAddressesOfOneHost) {
  for (const auto& [text, share] :
       {std::pair("127.0.0.1:80", "127.0.0.0/8"), std::pair("127.9.8.7:81", "127.0.0.0/8"),
        std::pair("[::ffff:127.0.0.2]:80", "127.0.0.0/8"), std::pair("10.1.2.3:80", "10.1.2.3"),
        std::pair("[::ffff:10.1.2.3]:80", "10.1.2.3"),
        std::pair("[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::/64"),
        std::pair("[2001:db8:1:2::9]:80", "2001:db8:1:2::/64"), std::pair("[::1]:80", "::/64")}) {
    EXPECT_EQ(ShareOf(*ParseTcpAddress(text)), share) << text;
  }
}

}  // namespace
}  // namespace billbroker

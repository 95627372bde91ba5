#include "server/app/connections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

// Both ends of a connection.
struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0); }
  ~Pair() {
    for (const int end : ends) ::close(end);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  [[nodiscard]] int ours() const { return ends[0]; }
  [[nodiscard]] std::string name() const { return absl::StrCat("fd:", ours()); }
  void PeerCloses() const { ::shutdown(ends[1], SHUT_RDWR); }

  int ends[2] = {-1, -1};
};

Origin OriginOfUser(std::uint32_t uid) { return {uid, {}, {}}; }

TEST(ConnectionsTest, ConnectionKeepsItsOriginAfterPeerCloses) {
  Connections connections({10, 10});
  const Pair one;
  const Pair other;
  EXPECT_FALSE(connections.Find(one.name()).has_value());
  ASSERT_THAT(connections.Add(one.ours(), "user 1", OriginOfUser(1)), IsOk());
  ASSERT_THAT(connections.Add(other.ours(), "user 2", OriginOfUser(2)), IsOk());
  EXPECT_EQ(connections.Find(one.name())->uid, 1U);
  EXPECT_EQ(connections.Find(other.name())->uid, 2U);
  EXPECT_FALSE(connections.Find("ipv4:127.0.0.1:1").has_value());

  one.PeerCloses();
  connections.ForgetClosed();
  EXPECT_EQ(connections.Find(one.name())->uid, 1U) << "an earlier call may still be running";
  ASSERT_THAT(connections.Add(one.ours(), "user 3", OriginOfUser(3)), IsOk())
      << "the descriptor number is reused";
  EXPECT_EQ(connections.Find(one.name())->uid, 3U);
}

TEST(ConnectionsTest, ClosedConnectionsAreNotCounted) {
  Connections connections({2, 1});
  const Pair first;
  const Pair second;
  const Pair third;
  ASSERT_THAT(connections.Add(first.ours(), "user 1", OriginOfUser(1)), IsOk());
  EXPECT_THAT(connections.Add(second.ours(), "user 1", OriginOfUser(1)),
              StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_THAT(connections.Add(second.ours(), "user 2", OriginOfUser(2)), IsOk());
  EXPECT_THAT(connections.Add(third.ours(), "user 3", OriginOfUser(3)),
              StatusIs(absl::StatusCode::kResourceExhausted));
  first.PeerCloses();
  EXPECT_THAT(connections.Add(third.ours(), "user 1", OriginOfUser(1)), IsOk());
}

}  // namespace
}  // namespace billbroker

// The end of a WatchSessions stream, and its behavior with a slow reader.
#include "server/rpc/watch_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/rpc/watch_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Not;

class WatchStreamTest : public WatchTest {
 protected:
  WatchStreamTest() : channel_(Connect()), stub_(v1::SessionService::NewStub(channel_)) {}

  // Connects over the socket, with HTTP/2's flow control, on a connection of its own.
  std::shared_ptr<grpc::Channel> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // Otherwise the amount that the connection buffers depends on the speed of the machine.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    return grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  }

  // Moves the deadline of 0081 once for each of `changes`.
  void Change(int changes) {
    SessionDemand demand;
    demand.min_remaining = absl::Minutes(17);
    for (int i = 0; i < changes; ++i) {
      broker_.clock.Advance(absl::Minutes(20));
      auto answered = std::make_shared<std::promise<void>>();
      broker_.sessions.GetSession("00800000000000000081", "", demand,
                                  [answered](const absl::StatusOr<SessionPtr>& session) {
                                    EXPECT_THAT(session, IsOk());
                                    answered->set_value();
                                  });
      ASSERT_TRUE(AwaitReady(answered->get_future(), "a session"));
    }
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SessionService::Stub> stub_;
};

TEST_F(WatchStreamTest, SlowReaderGetsLatestStateOnly) {
  constexpr int kChanges = 5000;
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  WatchReader watch(*stub_, Of({"00800000000000000081", "00800000000000000082"}));
  watch.PresentState(2);
  Change(kChanges);
  ASSERT_THAT(GetSession("00800000000000000082"), IsOk());  // the last change of all
  const std::int64_t latest = absl::ToUnixSeconds(broker_.clock.Now()) + 34 * 60;
  int read = 0;
  std::int64_t last = 0;
  bool marker = false;
  while (last != latest || !marker) {
    const v1::SessionUpdate update = watch.NextUpdate();
    ASSERT_TRUE(update.has_session()) << "the stream ended";
    ++read;
    if (update.organization_id() == "00800000000000000082") marker = true;
    if (update.organization_id() == "00800000000000000081")
      last = update.session().expire_time().seconds();
  }
  EXPECT_LT(read, kChanges / 2) << "the messages in the connection's buffer, and then the latest";
}

TEST_F(WatchStreamTest, DrainingRejectsNewStreamsAndEndsOpenOnesLast) {
  const auto first = Watch({"00800000000000000081"});
  WatchReader second(*stub_, Of({"00800000000000000081", "00800000000000000082"}));
  first->PresentState(1);
  second.PresentState(2);
  state_.StartDraining();
  EXPECT_THAT(Watch({"00800000000000000081"})->End(), HasReason(Reason::kDraining));
  Change(1);
  EXPECT_TRUE(first->NextUpdate().has_session()) << "an open stream continues";
  state_.EndStreams();
  for (const absl::Status& ended : {first->End(), second.End()}) {
    EXPECT_THAT(ended, HasReason(Reason::kDraining));
    EXPECT_TRUE(absl::IsUnavailable(ended));
  }
  AwaitNoWatcher();
}

TEST_F(WatchStreamTest, ShutdownDoesNotWaitForStuckReader) {
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  std::vector<std::string> ids = {"00800000000000000081"};
  for (int i = 0; i < 9'999; ++i) ids.push_back("unknown-" + std::to_string(i));
  WatchReader watch(*stub_, Of(ids));
  EXPECT_TRUE(watch.NextUpdate().has_session());  // and no more: a write never ends
  state_.StartDraining();
  state_.EndStreams();
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  AwaitNoWatcher();
  EXPECT_THAT(watch.End(), Not(IsOk()));
}

TEST_F(WatchStreamTest, CancelledReaderLeavesNoState) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5'000; ++i) ids.push_back("unknown-" + std::to_string(i));
  for (int i = 0; i < 10; ++i) {
    const auto watch = Watch(ids);
    for (int read = 0; read < 50 * i; ++read) ASSERT_TRUE(watch->Next().has_update());
    watch->Cancel();
    EXPECT_TRUE(absl::IsCancelled(watch->End()));
  }
  AwaitNoWatcher();
}

TEST_F(WatchStreamTest, DisconnectedReaderLeavesNoState) {
  {
    const std::shared_ptr<grpc::Channel> channel = Connect();
    const auto stub = v1::SessionService::NewStub(channel);
    WatchReader watch(*stub, Of({"00800000000000000081", "00800000000000000082"}));
    watch.PresentState(2);
    EXPECT_EQ(hub_.watched(), 2U);
  }
  AwaitNoWatcher();
}

TEST_F(WatchStreamTest, ChangesRaceWithReaders) {
  std::atomic<bool> stop = false;
  std::thread changes([&] {
    while (!stop) Change(1);
  });
  for (int i = 0; i < 50; ++i) {
    WatchReader watch(i % 2 == 0 ? *stub_ : *sessions_,
                      Of({"00800000000000000081", "00800000000000000082", "00800000000000000083"}));
    watch.PresentState(3);
    EXPECT_TRUE(watch.NextUpdate().has_session());
  }
  stop = true;
  changes.join();
  AwaitNoWatcher();
}

}  // namespace
}  // namespace billbroker

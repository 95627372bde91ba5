// Callers of a broker that stops: each call gets an answer, and no watch is cut without a reason.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The outcomes of calls and watches around a stop.
struct Outcomes {
  std::atomic<int> ok = 0;
  std::atomic<int> draining = 0;
  std::atomic<int> refused = 0;  // nobody listens any more
  std::atomic<int> bare = 0;     // ended without a reason
  Mutex mutex;
  std::string example ABSL_GUARDED_BY(mutex);  // of a bare one

  // Returns false if nobody listens any more.
  bool Count(const grpc::Status& status) {
    const absl::Status ended = FromGrpcStatus(status);
    if (ended.ok()) return ++ok > 0;
    if (HasReason(ended, Reason::kDraining)) return ++draining > 0;
    if (absl::StrContains(ended.message(), "failed to connect")) return ++refused < 0;
    ++bare;
    MutexLock lock(mutex);
    example = ended.ToString();
    return true;
  }
  // Returns a call or watch that ended without a reason.
  std::string Example() {
    MutexLock lock(mutex);
    return example;
  }
};

class StopTest : public ::testing::Test {
 protected:
  static constexpr int kChannels = 8;
  static constexpr int kCallersOfAChannel = 8;

  StopTest() {
    env_.StartBroker();
    EXPECT_THAT(env_.CreateAcme(), IsOk());
    EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  }

  std::unique_ptr<v1::SessionService::Stub> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::SessionService::NewStub(grpc::CreateCustomChannel(
        "unix:" + env_.socket(), grpc::InsecureChannelCredentials(), arguments));
  }

  static void CallUntilRefused(v1::SessionService::Stub& stub, Outcomes& outcomes) {
    v1::GetSessionRequest request;
    request.set_organization_id(kPayables);
    grpc::Status status;
    do {
      grpc::ClientContext context;
      v1::GetSessionResponse response;
      status = stub.GetSession(&context, request, &response);
    } while (outcomes.Count(status));
  }

  static void WatchUntilRefused(v1::SessionService::Stub& stub, std::atomic<int>& open,
                                Outcomes& outcomes) {
    v1::WatchSessionsRequest request;
    request.add_organizations()->set_organization_id(kPayables);
    grpc::Status status;
    do {
      grpc::ClientContext context;
      const auto reader = stub.WatchSessions(&context, request);
      v1::WatchSessionsResponse response;
      while (reader->Read(&response)) {
        if (response.has_complete()) ++open;
      }
      status = reader->Finish();
    } while (outcomes.Count(status));
  }

  TestEnvironment env_;
};

TEST_F(StopTest, NoCallEndsWithoutAReason) {
  Outcomes calls;
  Outcomes watches;
  std::atomic<int> open = 0;
  std::vector<std::unique_ptr<v1::SessionService::Stub>> stubs;
  std::vector<std::thread> callers;
  for (int i = 0; i < kChannels; ++i) {
    stubs.push_back(Connect());
    v1::SessionService::Stub& stub = *stubs.back();
    for (int j = 0; j < kCallersOfAChannel; ++j) {
      callers.emplace_back([&] { CallUntilRefused(stub, calls); });
    }
    callers.emplace_back([&] { WatchUntilRefused(stub, open, watches); });
  }
  Await([&] { return open == kChannels && calls.ok > 100; }, "all callers to call");
  EXPECT_EQ(env_.StopBroker(), 0);
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(calls.bare, 0) << calls.Example();
  EXPECT_EQ(watches.bare, 0) << watches.Example();
  EXPECT_GT(calls.draining, 0);
  EXPECT_EQ(watches.draining, kChannels) << "each watch ends once, and not before the calls";
}

// A datagram socket in the place of systemd's.
class NotifySocket final {
 public:
  explicit NotifySocket(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~NotifySocket() { ::close(fd_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // Returns the next message; empty if there is none.
  std::string Next() {
    char text[256];
    const ssize_t size = ::recv(fd_, text, sizeof text, MSG_DONTWAIT);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "";
  }

 private:
  const int fd_;
};

TEST(StopNotificationTest, AsksSystemdForTheWholeDrainTimeout) {
  TestEnvironment::Options options;
  options.drain_timeout = absl::Minutes(7);
  TestEnvironment env(options);
  NotifySocket systemd(env.File("notify.sock"));
  env.StartBroker({"env", "NOTIFY_SOCKET=" + env.File("notify.sock")});
  Await([&] { return systemd.Next() == "READY=1"; }, "READY=1");
  EXPECT_EQ(env.StopBroker(), 0);
  EXPECT_THAT(systemd.Next(), AllOf(HasSubstr("STOPPING=1"),
                                    HasSubstr("EXTEND_TIMEOUT_USEC=422000000")));  // and 2 s
}

}  // namespace
}  // namespace billbroker

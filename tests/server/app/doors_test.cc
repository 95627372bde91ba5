// Identification of callers on real Unix sockets: as this user and, if run as root, as others.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <list>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "billbroker/v1/credential.grpc.pb.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "server/app/listeners.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "tests/server/app/who_am_i.h"
#include "tests/support/await.h"
#include "tests/support/child_process.h"
#include "tests/support/fake_audit.h"
#include "tests/support/manual_time.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"
#include "vault/base/random.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

// A connection whose bytes the test reads itself.
class RawConnection final {
 public:
  explicit RawConnection(const std::string& socket) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~RawConnection() { ::close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // Returns true if the broker sends something, as gRPC does at once, and false if it closes.
  bool Served() const {
    char byte = 0;
    return ::recv(fd_, &byte, 1, 0) == 1;
  }
  void HalfClose() const { ::shutdown(fd_, SHUT_WR); }
  void ReadToTheEnd() const {
    while (Served()) {
    }
  }

 private:
  const int fd_;
};

class DoorsTest : public ::testing::Test {
 protected:
  static ListenerConfig SessionListener() {
    ListenerConfig config;
    config.services = {"session"};
    return config;
  }

  static Policy PolicyNaming(const std::string& principal, uid_t user) {
    Policy policy;
    policy.principals = {{principal, {user}, {}}};
    policy.limits = {1e6, 1e6, 1'000'000};
    return policy;
  }

  // Listens at "0.sock" and "1.sock" with config_; every user may open them.
  void Listen(Policy policy) {
    ::chmod(folder_.path().c_str(), 0755);
    callers_ = std::make_unique<Callers>(std::move(policy));
    std::vector<ListenerConfig> configs;
    for (int i = 0; i < 2; ++i) {
      config_.socket = Socket(i);
      config_.mode = 0666;
      configs.push_back(config_);
    }
    listeners_ = std::make_unique<Listeners>(
        *ClaimSockets(configs),
        Listeners::Parts{*callers_,
                         state_,
                         recorder_,
                         clock_,
                         log_,
                         {{"session", {&service_, ""}}, {"credential", {&credentials_, ""}}}});
    ASSERT_THAT(listeners_->Publish(), IsOk());
  }

  ~DoorsTest() override {
    if (listeners_ != nullptr) listeners_->Shutdown(absl::InfinitePast());
  }

  std::string Socket(int i) const { return folder_.File(absl::StrCat(i, ".sock")); }

  std::shared_ptr<grpc::Channel> Connect(int i = 0) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("unix:" + Socket(i), grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  TempFolder folder_;
  ManualClock clock_;
  std::ostringstream lines_;
  JsonLog log_{LogLevel::kInfo, clock_, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
  ListenerConfig config_ = SessionListener();
  ServingState state_{"1", absl::UnixEpoch(), {}};
  WhoAmI service_{state_};
  v1::CredentialService::CallbackService credentials_;
  FakeAudit audit_;
  SystemRandom random_;
  const Recorder recorder_{audit_, clock_, random_, false};
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<Listeners> listeners_;
};

TEST_F(DoorsTest, EveryListenerIdentifiesItsCallers) {
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  EXPECT_EQ(Who(Connect(0)), "unix:payments-service");
  EXPECT_EQ(Who(Connect(1)), "unix:payments-service");
}

TEST_F(DoorsTest, IdentifiesCallerByGroup) {
  Policy policy;
  policy.principals = {{"unix:payments-service", {}, {::getegid()}}};
  Listen(policy);
  EXPECT_EQ(Who(Connect()), "unix:payments-service");
}

TEST_F(DoorsTest, AdmitsUnknownCallerOnceNamed) {
  Listen(PolicyNaming("unix:another-service", ::geteuid() + 1));
  const auto channel = Connect();
  EXPECT_EQ(Who(channel), "CALLER_UNKNOWN");
  callers_->SetPolicy(PolicyNaming("unix:payments-service", ::geteuid()));
  listeners_->PolicyChanged();
  // The first calls may fail, because the client may write before it notices the end.
  Await([&channel] { return Who(channel) == "unix:payments-service"; },
        "the caller to be identified");
}

TEST_F(DoorsTest, RefusesUnknownCallersWithDetails) {
  Listen(PolicyNaming("unix:another-service", ::geteuid() + 1));
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    v1::GetSessionRequest request;
    request.set_organization_id(std::string(i % 2 == 0 ? 3 << 20 : 20, 'x'));
    v1::GetSessionResponse response;
    const absl::Status status = FromGrpcStatus(
        v1::SessionService::NewStub(Connect())->GetSession(&context, request, &response));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated)) << status;
    EXPECT_THAT(status, HasReason(Reason::kCallerUnknown));
    EXPECT_THAT(status, HasMetadata("uid", absl::StrCat(::geteuid())));
    EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("user ", ::geteuid())));
  }
}

TEST_F(DoorsTest, RefusesHealthChecksOfUnknownCallers) {
  Listen(PolicyNaming("unix:another-service", ::geteuid() + 1));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(Connect());
  const auto check = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check",
                                           grpc::ByteBuffer(nullptr, 0), &queue);
  check->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  check->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_THAT(FromGrpcStatus(status), HasReason(Reason::kCallerUnknown));
}

TEST_F(DoorsTest, CutsUsersThatThePolicyDropped) {
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  const auto channel = Connect();
  EXPECT_EQ(Who(channel), "unix:payments-service");
  callers_->SetPolicy({});
  listeners_->PolicyChanged();
  listeners_->CutUnknown();
  Await([&channel] { return channel->GetState(false) != GRPC_CHANNEL_READY; },
        "the connection to be cut");
  Await([&channel] { return Who(channel) == "CALLER_UNKNOWN"; }, "the caller to be refused");
}

TEST_F(DoorsTest, NewPolicyAppliesToOpenConnections) {
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  const auto channel = Connect();
  EXPECT_EQ(Who(channel), "unix:payments-service");
  callers_->SetPolicy(PolicyNaming("unix:renamed-payments-service", ::geteuid()));
  listeners_->PolicyChanged();
  EXPECT_EQ(Who(channel), "unix:renamed-payments-service");
  callers_->SetPolicy({});
  listeners_->PolicyChanged();
  EXPECT_EQ(Who(channel), "CALLER_UNKNOWN");
}

TEST_F(DoorsTest, OriginHoldsUserAndProcess) {
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  EXPECT_EQ(Who(Connect()), "unix:payments-service");
  EXPECT_EQ(service_.last().uid, ::geteuid());
  EXPECT_EQ(service_.last().pid, ::getpid());
  EXPECT_EQ(service_.last().certificate_serial, "");
}

TEST_F(DoorsTest, RecordsRefusedConnections) {
  Listen(PolicyNaming("unix:another-service", ::geteuid() + 1));
  EXPECT_EQ(Who(Connect()), "CALLER_UNKNOWN");
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].event, AuditEvent::kRefusal);
  EXPECT_EQ(entries[0].uid, ::geteuid());
  EXPECT_EQ(entries[0].pid, ::getpid());
  EXPECT_EQ(entries[0].outcome, "UNAUTHENTICATED");
  EXPECT_EQ(entries[0].reason, "CALLER_UNKNOWN");
}

TEST_F(DoorsTest, RejectsConnectionsAboveTheLimitAndLogsIt) {
  config_.max_connections = 2;
  config_.max_user_connections = 5;
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  const RawConnection one(Socket(0));
  const RawConnection two(Socket(0));
  EXPECT_TRUE(one.Served() && two.Served());
  EXPECT_FALSE(RawConnection(Socket(0)).Served());
  EXPECT_THAT(lines_.str(), HasSubstr("max_connections"));
  EXPECT_TRUE(RawConnection(Socket(1)).Served()) << "the limit applies to one listener";
  const std::string logged = lines_.str();
  EXPECT_FALSE(RawConnection(Socket(0)).Served());
  EXPECT_EQ(lines_.str(), logged) << "at most one line a minute";
}

TEST_F(DoorsTest, LimitsConnectionsPerUser) {
  config_.max_user_connections = 1;
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  const RawConnection one(Socket(0));
  EXPECT_TRUE(one.Served());
  EXPECT_FALSE(RawConnection(Socket(0)).Served());
  EXPECT_THAT(lines_.str(), HasSubstr(absl::StrCat("user ", ::geteuid())));
  EXPECT_THAT(lines_.str(), HasSubstr("max_user_connections"));
}

TEST_F(DoorsTest, LimitsConnectionsOfAnUnknownUser) {
  config_.max_connections = 1;
  Listen(PolicyNaming("unix:another-service", ::geteuid() + 1));
  std::list<RawConnection> silent;
  for (std::size_t i = 0; i < RefusedConnections::kMostOfOne; ++i) silent.emplace_back(Socket(0));
  EXPECT_FALSE(RawConnection(Socket(0)).Served());
  EXPECT_THAT(lines_.str(), HasSubstr("are being refused already"));
  silent.clear();
  Await([this] { return Who(Connect()) == "CALLER_UNKNOWN"; }, "the places to be free");
}

TEST_F(DoorsTest, ClosesConnectionAtMaxAge) {
  config_.max_connection_age = absl::Milliseconds(50);
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  const auto channel = Connect();
  const auto patience = std::chrono::system_clock::now() + std::chrono::seconds(20);
  EXPECT_TRUE(channel->WaitForConnected(patience));
  EXPECT_TRUE(channel->WaitForStateChange(GRPC_CHANNEL_READY, patience));
  EXPECT_EQ(Who(channel), "unix:payments-service");
}

TEST_F(DoorsTest, ClosedConnectionFreesItsPlace) {
  config_.max_connections = 1;
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(RawConnection(Socket(0)).Served());
}

TEST_F(DoorsTest, HalfClosedConnectionFreesItsPlace) {
  config_.max_connections = 1;
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  const RawConnection half(Socket(0));
  half.HalfClose();
  half.ReadToTheEnd();
  EXPECT_TRUE(RawConnection(Socket(0)).Served());
}

TEST_F(DoorsTest, IdleConnectionIsClosedAndFreesItsPlace) {
  config_.max_connections = 1;
  config_.max_connection_idle = absl::Milliseconds(1);
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  RawConnection(Socket(0)).ReadToTheEnd();  // would hang if the broker kept it open
  const RawConnection open(Socket(0));
  open.ReadToTheEnd();
  EXPECT_TRUE(RawConnection(Socket(0)).Served());
}

TEST_F(DoorsTest, ServesOnlyConfiguredServices) {
  config_.services = {"credential"};
  Listen(PolicyNaming("unix:payments-service", ::geteuid()));
  grpc::ClientContext context;
  v1::GetStatusResponse response;
  EXPECT_EQ(v1::SessionService::NewStub(Connect())->GetStatus(&context, {}, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

// Several users call at once, each call over its own connection.
TEST_F(DoorsTest, ConcurrentUsersAreNeverConfused) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root may become other users: run this test as root, as CI does";
  }
  constexpr uid_t kFirst = 61001;
  constexpr int kUsers = 6;
  Policy policy;
  policy.limits = {1e6, 1e6, 1'000'000};
  // The odd ones by user, the even ones by group, two of them as one principal.
  policy.principals = {{"unix:first-group-of-users", {kFirst, kFirst + 2}, {}},
                       {"unix:second-group-of-users", {kFirst + 4}, {}},
                       {"unix:third-group-of-users", {}, {kFirst + 1}},
                       {"unix:fourth-group-of-users", {}, {kFirst + 3, kFirst + 5}}};
  const char* const principals[kUsers] = {
      "unix:first-group-of-users",  "unix:third-group-of-users",  "unix:first-group-of-users",
      "unix:fourth-group-of-users", "unix:second-group-of-users", "unix:fourth-group-of-users"};
  Listen(policy);
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kUsers; ++i) {
      const std::string id = absl::StrCat(kFirst + static_cast<uid_t>(i));
      children.push_back(std::make_unique<ChildProcess>(ChildOptions{
          {CALL_AS, Socket(i % 2), id, id, "100", principals[i]}, {}, "", folder_.File("out")}));
    }
  }
  for (const auto& child : children) EXPECT_EQ(child->Wait(), 0);
}

}  // namespace
}  // namespace billbroker

// Who calls, through real sockets: as this user, and as others where the test may become them.

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
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "billbroker/v1/credential.grpc.pb.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "server/app/listeners.h"
#include "server/rpc/serving_state.h"
#include "tests/server/app/who_am_i.h"
#include "tests/support/child_process.h"
#include "tests/support/manual_time.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A connection of which the test reads the bytes.
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

  // Whether the broker says anything, as gRPC does at once, before it closes.
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
  static ListenerConfig OfSession() {
    ListenerConfig config;
    config.services = {"session"};
    return config;
  }

  static Policy NamesAs(const std::string& principal, uid_t user) {
    Policy policy;
    policy.principals = {{principal, {user}, {}}};
    policy.limits = {1e6, 1e6, 1'000'000};
    return policy;
  }

  // Sockets "0.sock" and "1.sock", which everybody may open; otherwise as config_ says.
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
  ListenerConfig config_ = OfSession();
  ServingState state_{"1", absl::UnixEpoch(), {}};
  WhoAmI service_{state_};
  v1::CredentialService::CallbackService credentials_;
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<Listeners> listeners_;
};

TEST_F(DoorsTest, EveryListenerKnowsWhoCalls) {
  Listen(NamesAs("unix:me", ::geteuid()));
  EXPECT_EQ(Who(Connect(0)), "unix:me");
  EXPECT_EQ(Who(Connect(1)), "unix:me");
}

TEST_F(DoorsTest, AGroupIsEnough) {
  Policy policy;
  policy.principals = {{"unix:mine", {}, {::getegid()}}};
  Listen(policy);
  EXPECT_EQ(Who(Connect()), "unix:mine");
}

TEST_F(DoorsTest, OneWhomThePolicyDoesNotNameIsToldSoAndComesInOnceItDoes) {
  Listen(NamesAs("unix:other", ::geteuid() + 1));
  const auto channel = Connect();
  EXPECT_EQ(Who(channel), "CALLER_UNKNOWN");
  callers_->SetPolicy(NamesAs("unix:me", ::geteuid()));
  listeners_->PolicyChanged();
  listeners_->CutUnknown();
  std::string heard = Who(channel);
  // The client may have written before it saw the cut.
  while (absl::StrContains(heard, "Broken pipe")) heard = Who(channel);
  EXPECT_EQ(heard, "unix:me");
}

TEST_F(DoorsTest, WhatOneWhomThePolicyDoesNotNameSendsIsKeptSmall) {
  const auto status_of = [](const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    v1::GetSessionRequest request;
    request.set_organization_id(std::string(100 << 10, 'x'));
    v1::GetSessionResponse response;
    const auto stub = v1::SessionService::NewStub(channel);
    return stub->GetSession(&context, request, &response).error_code();
  };
  Listen(NamesAs("unix:other", ::geteuid() + 1));
  EXPECT_EQ(status_of(Connect()), grpc::StatusCode::RESOURCE_EXHAUSTED);
  callers_->SetPolicy(NamesAs("unix:me", ::geteuid()));
  listeners_->PolicyChanged();
  EXPECT_NE(status_of(Connect()), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(DoorsTest, AStreamOfOneWhomThePolicyDoesNotNameDoesNotHoldUpTheCut) {
  Listen(NamesAs("unix:other", ::geteuid() + 1));
  const auto channel = Connect();
  EXPECT_EQ(Who(channel), "CALLER_UNKNOWN");
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  const auto watch = stub.PrepareCall(&context, "/grpc.health.v1.Health/Watch", &queue);
  void* tag = nullptr;
  bool ok = false;
  watch->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  watch->Write(grpc::ByteBuffer(nullptr, 0), nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::ByteBuffer answer;
  watch->Read(&answer, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  listeners_->CutUnknown();  // hangs where it waits for the stream
  grpc::Status status;
  watch->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_THAT(status, Not(IsOk()));
}

TEST_F(DoorsTest, AnOpenConnectionIsOfThePrincipalThatThePolicyNamesNow) {
  Listen(NamesAs("unix:me", ::geteuid()));
  const auto channel = Connect();
  EXPECT_EQ(Who(channel), "unix:me");
  callers_->SetPolicy(NamesAs("unix:renamed", ::geteuid()));
  listeners_->PolicyChanged();
  EXPECT_EQ(Who(channel), "unix:renamed");
  callers_->SetPolicy({});
  listeners_->PolicyChanged();
  EXPECT_EQ(Who(channel), "CALLER_UNKNOWN");
}

TEST_F(DoorsTest, WhatIsKnownOfAConnectionIsItsUserAndProcess) {
  Listen(NamesAs("unix:me", ::geteuid()));
  EXPECT_EQ(Who(Connect()), "unix:me");
  EXPECT_EQ(service_.last().uid, ::geteuid());
  EXPECT_EQ(service_.last().pid, ::getpid());
  EXPECT_EQ(service_.last().certificate_serial, "");
}

TEST_F(DoorsTest, TheSameIsKnownOfOneWhomThePolicyDoesNotName) {
  Listen(NamesAs("unix:other", ::geteuid() + 1));
  EXPECT_EQ(Who(Connect()), "CALLER_UNKNOWN");
  EXPECT_EQ(service_.last().uid, ::geteuid());
  EXPECT_EQ(service_.last().pid, ::getpid());
}

TEST_F(DoorsTest, ConnectionsBeyondTheListenersBoundAreTurnedAwayAndTheLogSaysSo) {
  config_.max_connections = 2;
  config_.max_user_connections = 5;
  Listen(NamesAs("unix:me", ::geteuid()));
  const RawConnection one(Socket(0));
  const RawConnection two(Socket(0));
  EXPECT_TRUE(one.Served() && two.Served());
  EXPECT_FALSE(RawConnection(Socket(0)).Served());
  EXPECT_THAT(lines_.str(), HasSubstr("the listener has 2 connections, as many as its "));
  EXPECT_TRUE(RawConnection(Socket(1)).Served()) << "another listener is another matter";
  const std::string said = lines_.str();
  EXPECT_FALSE(RawConnection(Socket(0)).Served());
  EXPECT_EQ(lines_.str(), said) << "a line a minute";
}

TEST_F(DoorsTest, AUserTakesNoMoreConnectionsThanItsShare) {
  config_.max_user_connections = 1;
  Listen(NamesAs("unix:me", ::geteuid()));
  const RawConnection one(Socket(0));
  EXPECT_TRUE(one.Served());
  EXPECT_FALSE(RawConnection(Socket(0)).Served());
  EXPECT_THAT(lines_.str(), HasSubstr(absl::StrCat("user ", ::geteuid(), ": 1 connections")));
}

TEST_F(DoorsTest, ThoseWhomThePolicyDoesNotNameShareOneShare) {
  config_.max_user_connections = 1;
  Listen(NamesAs("unix:other", ::geteuid() + 1));
  const RawConnection one(Socket(0));
  EXPECT_TRUE(one.Served());
  EXPECT_FALSE(RawConnection(Socket(0)).Served());
  EXPECT_THAT(lines_.str(), HasSubstr("those whom the policy does not name: 1 connections"));
}

TEST_F(DoorsTest, AConnectionThatIsOldEnoughIsClosedAndTheNextOneIsServed) {
  config_.max_connection_age = absl::Milliseconds(50);
  Listen(NamesAs("unix:me", ::geteuid()));
  const auto channel = Connect();
  const auto patience = std::chrono::system_clock::now() + std::chrono::seconds(20);
  EXPECT_TRUE(channel->WaitForConnected(patience));
  EXPECT_TRUE(channel->WaitForStateChange(GRPC_CHANNEL_READY, patience));
  EXPECT_EQ(Who(channel), "unix:me");
}

TEST_F(DoorsTest, AConnectionThatTheClientClosedMakesRoom) {
  config_.max_connections = 1;
  Listen(NamesAs("unix:me", ::geteuid()));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(RawConnection(Socket(0)).Served());
}

TEST_F(DoorsTest, AClientThatClosesItsHalfIsClosedAndMakesRoom) {
  config_.max_connections = 1;
  Listen(NamesAs("unix:me", ::geteuid()));
  const RawConnection half(Socket(0));
  half.HalfClose();
  half.ReadToTheEnd();
  EXPECT_TRUE(RawConnection(Socket(0)).Served());
}

TEST_F(DoorsTest, AnIdleConnectionIsClosedForItsClientTooAndMakesRoom) {
  config_.max_connections = 1;
  config_.max_connection_idle = absl::Milliseconds(1);
  Listen(NamesAs("unix:me", ::geteuid()));
  RawConnection(Socket(0)).ReadToTheEnd();  // hangs where the broker keeps it open
  const RawConnection open(Socket(0));
  open.ReadToTheEnd();
  EXPECT_TRUE(RawConnection(Socket(0)).Served());
}

TEST_F(DoorsTest, AServiceThatAListenerDoesNotTakeIsNotThere) {
  config_.services = {"credential"};
  Listen(NamesAs("unix:me", ::geteuid()));
  grpc::ClientContext context;
  v1::GetStatusResponse response;
  EXPECT_EQ(v1::SessionService::NewStub(Connect())->GetStatus(&context, {}, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

// Several users at once, a connection for each call: never a wrong principal.
TEST_F(DoorsTest, UsersAreNeverTakenForOneAnother) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root may become other users: run this test as root, as CI does";
  }
  constexpr uid_t kFirst = 61001;
  constexpr int kUsers = 6;
  Policy policy;
  policy.limits = {1e6, 1e6, 1'000'000};
  // The odd ones by user, the even ones by group, two of them as one principal.
  policy.principals = {{"unix:a", {kFirst, kFirst + 2}, {}},
                       {"unix:b", {kFirst + 4}, {}},
                       {"unix:c", {}, {kFirst + 1}},
                       {"unix:d", {}, {kFirst + 3, kFirst + 5}}};
  const char* const principals[kUsers] = {"unix:a", "unix:c", "unix:a",
                                          "unix:d", "unix:b", "unix:d"};
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

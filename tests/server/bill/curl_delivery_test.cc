// Tests of BillError::delivery: whether a request of CurlBillApi that failed was sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/server/bill/bill_matchers.h"
#include "tests/server/bill/curl_fixture.h"

namespace billbroker {
namespace {

using ::testing::AllOf;

constexpr char kInfoPath[] = "/connect/v3/login/session";
constexpr char kSignInPath[] = "/connect/v3/login";

auto IsUnavailable(Delivery delivery) {
  return AllOf(HasVerdict(Verdict::kUnavailable), HasHttpStatus(0), HasDelivery(delivery));
}

class CurlDeliveryTest : public CurlTest {
 protected:
  [[nodiscard]] int CountRequests(absl::string_view path) const {
    const std::vector<ServedRequest> requests = server_->requests();
    return static_cast<int>(
        std::count_if(requests.begin(), requests.end(),
                      [&](const auto& request) { return request.path == path; }));
  }
};

// A peer that ends a sign-in before the request can be sent.
struct Obstacle {
  const char* name;
  std::function<void(int fd)> serve;  // one accepted TCP connection
};

void PrintTo(const Obstacle& obstacle, std::ostream* out) { *out << obstacle.name; }

// Reads the first bytes and then lets the server close the connection.
void CloseAfterFirstBytes(int fd) {
  char bytes[4096];
  (void)recv(fd, bytes, sizeof bytes, 0);
}

void AnswerFirstBytes(int fd, absl::string_view answer) {
  CloseAfterFirstBytes(fd);
  send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
}

// Accepts one connection and lets `serve` handle it.
class OneConnectionServer final {
 public:
  explicit OneConnectionServer(std::function<void(int fd)> serve)
      : thread_([this, serve = std::move(serve)] {
          const int fd = accept(port_.fd(), nullptr, nullptr);
          if (fd < 0) return;
          serve(fd);
          close(fd);
        }) {}
  ~OneConnectionServer() {
    shutdown(port_.fd(), SHUT_RDWR);
    thread_.join();
  }
  OneConnectionServer(const OneConnectionServer&) = delete;
  OneConnectionServer& operator=(const OneConnectionServer&) = delete;

  [[nodiscard]] std::string Url(absl::string_view scheme) const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_.port());
  }

 private:
  LoopbackPort port_;
  std::thread thread_;
};

class HandshakeObstacleTest : public CurlDeliveryTest,
                              public ::testing::WithParamInterface<Obstacle> {};

TEST_P(HandshakeObstacleTest, MeansNotSent) {
  const OneConnectionServer server(GetParam().serve);
  environment_.base_url = server.Url("https");
  EXPECT_THAT(SignIn(), IsUnavailable(Delivery::kNotSent));
}

INSTANTIATE_TEST_SUITE_P(
    Handshakes, HandshakeObstacleTest,
    ::testing::Values(Obstacle{"CloseAtOnce", [](int) {}},
                      Obstacle{"CloseAfterClientHello", CloseAfterFirstBytes},
                      Obstacle{
                          "PlainHttp",
                          [](int fd) { AnswerFirstBytes(fd, "HTTP/1.1 400 Bad Request\r\n\r\n"); }},
                      Obstacle{"TlsAlert",
                               [](int fd) {
                                 AnswerFirstBytes(fd, {"\x15\x03\x03\x00\x02\x02\x28", 7});
                               }}),
    [](const auto& obstacle) { return std::string(obstacle.param.name); });

class ProxyObstacleTest : public CurlDeliveryTest,
                          public ::testing::WithParamInterface<Obstacle> {};

// The request to the proxy (CONNECT) was sent, but none to BILL.
TEST_P(ProxyObstacleTest, MeansNotSent) {
  const OneConnectionServer proxy(GetParam().serve);
  environment_.base_url = "https://bill.example";
  environment_.proxy = proxy.Url("http");
  EXPECT_THAT(SignIn(), IsUnavailable(Delivery::kNotSent));
}

INSTANTIATE_TEST_SUITE_P(
    Proxies, ProxyObstacleTest,
    ::testing::Values(Obstacle{"CloseAfterConnect", CloseAfterFirstBytes},
                      Obstacle{"Forbidden",
                               [](int fd) {
                                 AnswerFirstBytes(
                                     fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
                               }},
                      Obstacle{"CloseAfterTunnel",
                               [](int fd) {
                                 AnswerFirstBytes(fd,
                                                  "HTTP/1.1 200 Connection established\r\n\r\n");
                               }}),
    [](const auto& obstacle) { return std::string(obstacle.param.name); });

TEST_F(CurlDeliveryTest, RefusedConnectionMeansNotSent) {
  const LoopbackPort closed(false);
  environment_.base_url = "https://127.0.0.1:" + std::to_string(closed.port());
  EXPECT_THAT(SignIn(),
              AllOf(IsUnavailable(Delivery::kNotSent),
                    HasDetail("cannot connect to environment \"test\": connection refused")));
}

TEST_F(CurlDeliveryTest, UnresolvedHostMeansNotSent) {
  environment_.base_url = "https://" + std::string(64, 'x');  // longer than a DNS label may be
  EXPECT_THAT(
      SignIn(),
      AllOf(IsUnavailable(Delivery::kNotSent),
            HasDetail("cannot resolve the host of environment \"test\"; check base_url and DNS")));
}

TEST_F(CurlDeliveryTest, HandshakeTimeoutMeansNotSent) {
  options_.connect_timeout = absl::Milliseconds(500);
  const LoopbackPort silent;  // the kernel completes the connection and nobody answers
  environment_.base_url = "https://127.0.0.1:" + std::to_string(silent.port());
  EXPECT_THAT(SignIn(), AllOf(IsUnavailable(Delivery::kNotSent),
                              HasDetail("no connection to environment \"test\" within 500ms")));
}

TEST_F(CurlDeliveryTest, UntrustedCertificateMeansNotSent) {
  ServeAlways(200, kSignedIn);
  environment_.ca_file = "";
  EXPECT_THAT(SignIn(), IsUnavailable(Delivery::kNotSent));
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(CurlDeliveryTest, AnswerTimeoutMeansMaybeSent) {
  options_.total_timeout = absl::Seconds(1);
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.WaitForRelease();
    return false;
  });
  EXPECT_THAT(SignIn(), IsUnavailable(Delivery::kMaybeSent));
  EXPECT_EQ(CountRequests(kSignInPath), 1);
}

TEST_F(CurlDeliveryTest, ResetInsteadOfAnAnswerMeansMaybeSent) {
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.Reset();
    return false;
  });
  EXPECT_THAT(SignIn(), AllOf(IsUnavailable(Delivery::kMaybeSent),
                              HasDetail("the connection to environment \"test\" broke")));
  EXPECT_EQ(CountRequests(kSignInPath), 1);
}

TEST_F(CurlDeliveryTest, CloseInsteadOfAnAnswerMeansMaybeSent) {
  Serve([](TlsServer::Connection&, const ServedRequest&) { return false; });
  EXPECT_THAT(SignIn(), IsUnavailable(Delivery::kMaybeSent));
  EXPECT_EQ(CountRequests(kSignInPath), 1);
}

// The server has closed the kept connection when the sign-in arrives.
TEST_F(CurlDeliveryTest, ClosedKeptConnectionDoesNotFailASignIn) {
  Serve([](TlsServer::Connection& connection, const ServedRequest& request) {
    const bool is_info = request.path == kInfoPath;
    connection.Answer(200, is_info ? kInfo : kSignedIn);
    return !is_info;  // closes without saying so
  });
  ASSERT_THAT(GetInfo(), Succeeded());
  EXPECT_THAT(SignIn(), Succeeded());
  EXPECT_EQ(CountRequests(kSignInPath), 1);
}

// The server closes the kept connection when it receives the second request on it.
TEST_F(CurlDeliveryTest, GetIsRepeatedOnAClosedKeptConnection) {
  int seen = 0;  // connections are used one after the other
  Serve([&seen](TlsServer::Connection& connection, const ServedRequest&) {
    if (++seen == 2) return false;
    connection.Answer(200, kInfo);
    return true;
  });
  ASSERT_THAT(GetInfo(), Succeeded());
  EXPECT_THAT(GetInfo(), Succeeded());
  EXPECT_EQ(CountRequests(kInfoPath), 3);
  EXPECT_EQ(server_->connections(), 2);
}

}  // namespace
}  // namespace billbroker

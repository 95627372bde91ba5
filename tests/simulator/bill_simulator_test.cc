// The simulator over TLS and sockets, as its clients see it.
#include "tests/simulator/bill_simulator.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/generated_world.h"
#include "tests/simulator/https_client.h"
#include "tests/simulator/open_connections.h"
#include "tests/support/await.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr char kDevKey[] = "devkey-acme-0001";
constexpr char kOrganization[] = "00801ACMEPAYABLES0001";

std::string SampleSignIn() {
  return json{{"devKey", kDevKey},
              {"username", "payables@acme.example"},
              {"organizationId", kOrganization},
              {"password", "correct-horse-battery"}}
      .dump();
}

std::unique_ptr<BillSimulator> StartWith(CertificateKind certificate,
                                         const std::string& state_dir = "") {
  BillSimulator::Options options;
  options.data = *ParseData(SampleData());
  options.certificate = certificate;
  options.state_dir = state_dir;
  return *BillSimulator::Start(std::move(options));
}

class BillSimulatorTest : public testing::Test {
 protected:
  HttpsClient::Result SignIn() {
    return client_.Post(simulator_->base_url() + "/v3/login", SampleSignIn());
  }
  HttpsClient::Result Control(const std::string& path, const json& body) {
    return client_.Post(simulator_->control_url() + path, body.dump());
  }
  int SignInsOfSampleOrganization() {
    const json organizations = simulator_->model().CountsJson()["organizations"];
    const auto found = organizations.find(kOrganization);
    return found == organizations.end() ? 0 : found->value("sign_ins_succeeded", 0);
  }
  void Plan(const json& fault) { EXPECT_EQ(Control("/faults", fault).status, 200) << fault; }

  std::unique_ptr<BillSimulator> simulator_ = *BillSimulator::StartSample();
  HttpsClient client_{simulator_->ca_file()};
};

TEST_F(BillSimulatorTest, SignsInUsesAndSignsOutOverTls) {
  const HttpsClient::Result made = SignIn();
  ASSERT_EQ(made.code, CURLE_OK);
  ASSERT_EQ(made.status, 200);
  const std::string session = json::parse(made.body)["sessionId"];
  const std::vector<std::string> headers = {"sessionId: " + session,
                                            std::string("devKey: ") + kDevKey};
  const std::string base = simulator_->base_url();
  const HttpsClient::Result used =
      client_.Get(base + "/v3/organizations/" + kOrganization, headers);
  EXPECT_EQ(json::parse(used.body)["id"], kOrganization);
  EXPECT_EQ(
      json::parse(client_.Get(base + "/v3/login/organizations", headers).body)["results"].size(),
      2u);
  const HttpsClient::Result signed_out = client_.Post(base + "/v3/logout", "", headers);
  EXPECT_EQ(signed_out.status, 200);
  EXPECT_FALSE(absl::StrContains(signed_out.headers, "Content-Type"));
  EXPECT_EQ(client_.Get(base + "/v3/login/session", headers).status, 401);
}

TEST_F(BillSimulatorTest, AnswersOnlyUnderBasePath) {
  const std::string root = absl::StrCat("https://127.0.0.1:", simulator_->port());
  EXPECT_EQ(client_.Get(root + "/v3/login").status, 404);
  EXPECT_EQ(client_.Get(root + "/").status, 404);
}

TEST_F(BillSimulatorTest, FaultsReachClientAsDocumented) {
  Plan({{"kind", "http_503"}});
  EXPECT_EQ(SignIn().status, 503);
  Plan({{"kind", "html_502"}});
  const HttpsClient::Result html = SignIn();
  EXPECT_EQ(html.status, 502);
  EXPECT_TRUE(absl::StrContains(html.headers, "text/html"));
  Plan({{"kind", "empty_200"}});
  const HttpsClient::Result empty = SignIn();
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(empty.body, "");
  Plan({{"kind", "rate_limit_429"}, {"retry_after_seconds", 17}});
  EXPECT_TRUE(absl::StrContains(SignIn().headers, "Retry-After: 17"));
  Plan({{"kind", "bill_error"}, {"code", "BDC_1107"}, {"http_status", 400}});
  EXPECT_TRUE(absl::StrContains(SignIn().body, "BDC_1107"));
  Plan({{"kind", "redirect_302"}});
  const HttpsClient::Result redirect = SignIn();
  EXPECT_EQ(redirect.status, 302);
  EXPECT_TRUE(absl::StrContains(redirect.headers, "Location: /connect/v3/redirected"));
  Plan({{"kind", "huge_body"}});
  EXPECT_GT(SignIn().body.size(), std::size_t{10} << 20);
  Plan({{"kind", "garbage_json"}});
  EXPECT_TRUE(json::parse(SignIn().body, nullptr, false).is_discarded());
  Plan({{"kind", "deep_json"}});
  EXPECT_EQ(SignIn().body.size(), 200'000u);
  EXPECT_EQ(simulator_->model().CountsJson()["total"]["sign_ins_succeeded"], 0);
}

TEST_F(BillSimulatorTest, LatencyDelaysItsOrganizationOnly) {
  const json latency = {{"milliseconds", 600'000}, {"organization_id", kOrganization}};
  ASSERT_EQ(Control("/latency", latency).status, 200);
  std::atomic<bool> answered = false;
  std::thread delayed([&] {
    HttpsClient client(simulator_->ca_file());
    EXPECT_NE(client.Post(simulator_->base_url() + "/v3/login", SampleSignIn()).code, CURLE_OK);
    answered = true;
  });
  EXPECT_TRUE(Await([&] { return SignInsOfSampleOrganization() == 1; }, "the delayed sign-in"));
  json other = json::parse(SampleSignIn());
  other["organizationId"] = "00801ACMERECEIVE00002";
  EXPECT_EQ(client_.Post(simulator_->base_url() + "/v3/login", other.dump()).status, 200);
  EXPECT_FALSE(answered);
  simulator_.reset();
  delayed.join();
}

TEST_F(BillSimulatorTest, ResetsOneCallOnly) {
  Plan({{"kind", "reset"}});
  EXPECT_EQ(SignIn().code, CURLE_RECV_ERROR);
  EXPECT_EQ(SignIn().status, 200);
}

TEST_F(BillSimulatorTest, LosesAnswerAfterEffect) {
  Plan({{"kind", "done_answer_lost"}});
  EXPECT_EQ(SignIn().code, CURLE_RECV_ERROR);
  EXPECT_EQ(simulator_->model().StateJson()["sessions"].size(), 1u);
}

TEST_F(BillSimulatorTest, TimeoutAnswersNothing) {
  Plan({{"kind", "timeout"}});
  client_.set_timeout_milliseconds(100);
  const HttpsClient::Result hung = SignIn();
  EXPECT_EQ(hung.code, CURLE_OPERATION_TIMEDOUT);
  EXPECT_EQ(hung.headers, "");
}

TEST_F(BillSimulatorTest, TimeoutEndsWithReset) {
  Plan({{"kind", "timeout"}, {"seconds", 1}});
  EXPECT_EQ(SignIn().code, CURLE_RECV_ERROR);
}

TEST_F(BillSimulatorTest, SlowBodyDripsUntilClientLeaves) {
  Plan({{"kind", "slow_body"}, {"milliseconds_per_byte", 1}});
  EXPECT_EQ(json::parse(SignIn().body)["organizationId"], kOrganization);
  Plan({{"kind", "slow_body"}, {"milliseconds_per_byte", 60'000}});
  client_.set_timeout_milliseconds(300);
  const HttpsClient::Result cut = SignIn();
  EXPECT_EQ(cut.code, CURLE_OPERATION_TIMEDOUT);
  EXPECT_EQ(cut.status, 200);
  EXPECT_EQ(cut.body, "");
}

TEST_F(BillSimulatorTest, CallsUnderLatencyCountAsConcurrent) {
  EXPECT_EQ(Control("/settings", {{"concurrent_calls", 0}}).status, 200);
  EXPECT_EQ(SignIn().status, 429);
  EXPECT_EQ(Control("/settings", {{"concurrent_calls", 1}}).status, 200);
  EXPECT_EQ(Control("/latency", {{"milliseconds", 600'000}}).status, 200);
  std::thread slow([this] {
    HttpsClient other(simulator_->ca_file());
    EXPECT_NE(other.Post(simulator_->base_url() + "/v3/login", SampleSignIn()).code, CURLE_OK);
  });
  Await([&] { return !simulator_->model().StateJson()["under_way"].empty(); },
        "the slow call to be in progress");
  EXPECT_EQ(Control("/latency", {{"milliseconds", 0}}).status, 200);
  EXPECT_EQ(SignIn().status, 429);
  simulator_.reset();
  slow.join();
}

TEST_F(BillSimulatorTest, ControlApiHasOwnPort) {
  EXPECT_EQ(SignIn().status, 200);
  const HttpsClient::Result counts = client_.Get(simulator_->control_url() + "/counts");
  EXPECT_EQ(json::parse(counts.body)["dev_keys"][kDevKey]["sign_ins_succeeded"], 1);
  EXPECT_EQ(Control("/users/payables@acme.example", {{"active", false}}).status, 200);
  EXPECT_EQ(SignIn().status, 403);
  EXPECT_EQ(Control("/clock/advance", {{"seconds", 0}}).status, 400);
  EXPECT_EQ(client_.Get(simulator_->control_url() + "/v3/login").status, 404);
}

TEST(CertificateTest, VerifyingClientRefusesBadCertificate) {
  for (const CertificateKind kind :
       {CertificateKind::kExpired, CertificateKind::kWrongHost, CertificateKind::kOtherCa}) {
    const std::unique_ptr<BillSimulator> simulator = StartWith(kind);
    HttpsClient client(simulator->ca_file());
    EXPECT_EQ(client.Post(simulator->base_url() + "/v3/login", SampleSignIn()).code,
              CURLE_PEER_FAILED_VERIFICATION)
        << static_cast<int>(kind);
    EXPECT_EQ(simulator->model().CountsJson()["total"]["calls"], 0);
  }
}

TEST(CertificateTest, AuthoritySurvivesRestartWithPrivateKey) {
  std::string dir = (std::filesystem::temp_directory_path() / "billsim-test-XXXXXX").string();
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  const std::string state_dir = dir + "/state";
  HttpsClient client(state_dir + "/ca.pem");
  for (int i = 0; i < 2; ++i) {
    const std::unique_ptr<BillSimulator> simulator = StartWith(CertificateKind::kGood, state_dir);
    EXPECT_EQ(client.Post(simulator->base_url() + "/v3/login", SampleSignIn()).status, 200);
    const std::string localhost = absl::StrCat("https://localhost:", simulator->port());
    EXPECT_EQ(client.Get(localhost + "/connect/v3/login").status, 404);
  }
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(state_dir + "/ca-key.pem").permissions(),
            perms::owner_read | perms::owner_write);
  EXPECT_EQ(std::filesystem::status(state_dir).permissions(), perms::owner_all);
  std::filesystem::remove_all(dir);
}

TEST(StartTest, NamesTakenPort) {
  const std::unique_ptr<BillSimulator> first = *BillSimulator::StartSample();
  BillSimulator::Options options;
  options.port = first->port();
  const absl::Status status = BillSimulator::Start(std::move(options)).status();
  EXPECT_EQ(status.message(),
            absl::StrCat("port ", first->port(),
                         " of 127.0.0.1 is not available; choose another, or 0 for a free one"));
}

TEST(StartTest, AppliesFaultsAndLatencyOfDataFile) {
  json data = json::parse(SampleData());
  data["faults"] = {{{"kind", "http_error"}, {"http_status", 418}}};
  data["latency"] = {{"organizations", {{kOrganization, 7}}}};
  BillSimulator::Options options;
  options.data = *ParseData(data.dump());
  const std::unique_ptr<BillSimulator> simulator = *BillSimulator::Start(std::move(options));
  HttpsClient client(simulator->ca_file());
  const std::string login = simulator->base_url() + "/v3/login";
  EXPECT_EQ(client.Post(login, SampleSignIn()).status, 418);
  EXPECT_EQ(client.Post(login, SampleSignIn()).status, 200);
  EXPECT_EQ(simulator->gateway().LatencyFor(kOrganization), absl::Milliseconds(7));
}

TEST(StartTest, ControlApiClosesAndOpensPort) {
  const std::unique_ptr<BillSimulator> simulator = *BillSimulator::StartSample();
  HttpsClient client(simulator->ca_file());
  const std::string health = simulator->base_url() + "/v3/health";
  const std::string listening = simulator->control_url() + "/listening";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.Get(health).status, 200);
    EXPECT_EQ(HttpsClient("").Post(listening, R"({"open": false})").status, 200);
    EXPECT_EQ(client.Get(health).code, CURLE_COULDNT_CONNECT);
    EXPECT_EQ(HttpsClient("").Post(listening, R"({"open": true})").status, 200);
  }
}

// TCP connections whose clients never begin the TLS handshake.
class HalfOpenConnections final {
 public:
  explicit HalfOpenConnections(int port, std::size_t count) : sockets_(count) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (pollfd& each : sockets_) {
      each = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), POLLIN, 0};
      EXPECT_EQ(connect(each.fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
  }
  ~HalfOpenConnections() {
    for (const pollfd& each : sockets_) close(each.fd);
  }
  HalfOpenConnections(const HalfOpenConnections&) = delete;
  HalfOpenConnections& operator=(const HalfOpenConnections&) = delete;

  // Returns the number of connections that the server closed; it sends nothing before it does.
  std::size_t CountClosed() { return std::max(0, poll(sockets_.data(), sockets_.size(), 0)); }

 private:
  std::vector<pollfd> sockets_;
};

class HalfOpenTest : public testing::TestWithParam<bool> {};

TEST_P(HalfOpenTest, ConnectionsBeyondTheBoundAreClosed) {
  constexpr std::size_t kBeyond = 100;
  constexpr std::size_t kAll = OpenConnections::kMostHalfOpen + kBeyond;
  rlimit descriptors{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
  if (descriptors.rlim_max < 2 * kAll + 100) GTEST_SKIP() << "needs more descriptors";
  descriptors.rlim_cur = descriptors.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
  BillSimulator::Options options;
  options.data = *ParseData(SampleData());
  options.http2 = GetParam();
  const std::unique_ptr<BillSimulator> simulator = *BillSimulator::Start(std::move(options));
  HalfOpenConnections half_open(simulator->port(), kAll);
  // Shorter than the time that a handshake may take.
  Await([&] { return half_open.CountClosed() == kBeyond; }, "the oldest connections to be closed",
        absl::Seconds(25));
  HttpsClient client(simulator->ca_file());
  EXPECT_EQ(client.Post(simulator->base_url() + "/v3/login", SampleSignIn()).status, 200);
}

INSTANTIATE_TEST_SUITE_P(Http, HalfOpenTest, testing::Bool(),
                         [](const auto& row) { return row.param ? "Version2" : "Version1"; });

TEST(LoadTest, ServesSixtyFourConnectionsUnderLatency) {
  constexpr int kClients = 64;
  constexpr int kSignIns = 10;
  BillSimulator::Options options;
  GenerateWorld({kClients, kClients, kClients}, options.data.world);
  const std::unique_ptr<BillSimulator> simulator = *BillSimulator::Start(std::move(options));
  simulator->gateway().SetLatency(absl::Milliseconds(20));
  std::atomic<int> succeeded = 0;
  std::vector<std::thread> clients;
  for (int n = 0; n < kClients; ++n) {
    clients.emplace_back([&, n] {
      HttpsClient client(simulator->ca_file());
      const json request = {{"devKey", GeneratedDevKey(n)},
                            {"username", GeneratedUsername(n)},
                            {"organizationId", GeneratedOrganizationId(n)},
                            {"password", GeneratedSecret(n)}};
      for (int i = 0; i < kSignIns; ++i) {
        if (client.Post(simulator->base_url() + "/v3/login", request.dump()).status == 200) {
          ++succeeded;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(succeeded, kClients * kSignIns);
}

}  // namespace
}  // namespace billbroker::billsim

// The simulator over HTTP/2, as a client sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/simulator/bill_simulator.h"
#include "tests/simulator/https_client.h"
#include "tests/support/await.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kSampleDevKey[] = "devkey-acme-0001";
constexpr char kSampleOrganization[] = "00801ACMEPAYABLES0001";

std::unique_ptr<BillSimulator> StartHttp2() {
  BillSimulator::Options options;
  options.data = ParseData(SampleData()).value();
  options.http2 = true;
  return std::move(BillSimulator::Start(std::move(options)).value());
}

class Http2FrontTest : public testing::Test {
 protected:
  HttpsClient::Result SignIn() {
    const json body = {{"devKey", kSampleDevKey},
                       {"username", "payables@acme.example"},
                       {"organizationId", kSampleOrganization},
                       {"password", "correct-horse-battery"}};
    return client_.Post(simulator_->base_url() + "/v3/login", body.dump());
  }

  std::unique_ptr<BillSimulator> simulator_ = StartHttp2();
  HttpsClient client_{simulator_->ca_file()};
};

TEST_F(Http2FrontTest, ServesSessionsOverHttp2) {
  const HttpsClient::Result made = SignIn();
  ASSERT_EQ(made.status, 200);
  EXPECT_THAT(made.headers, StartsWith("HTTP/2 200"));
  const std::vector<std::string> headers = {
      "sessionId: " + json::parse(made.body)["sessionId"].get<std::string>(),
      std::string("devKey: ") + kSampleDevKey};
  const std::string base = simulator_->base_url();
  const HttpsClient::Result info = client_.Get(base + "/v3/login/session", headers);
  EXPECT_EQ(json::parse(info.body)["organizationId"], kSampleOrganization);
  EXPECT_EQ(client_.Get(base + "/v3/login/organizations?page=%7000000000", headers).status, 200)
      << "the token of the first page, percent-encoded";
  EXPECT_EQ(client_.Post(base + "/v3/logout", "", headers).status, 200);
  EXPECT_EQ(client_.Get(base + "/v3/login/session", headers).status, 401);
  EXPECT_EQ(simulator_->http2_counts().connections, 1);
  EXPECT_EQ(simulator_->http2_counts().calls, 5);
}

TEST_F(Http2FrontTest, RefusesAClientWithoutHttp2) {
  client_.set_http_version(CURL_HTTP_VERSION_1_1);
  EXPECT_EQ(SignIn().code, CURLE_SSL_CONNECT_ERROR);
  EXPECT_EQ(simulator_->http2_counts().connections, 0);
}

TEST_F(Http2FrontTest, PathOutsideOfTheBasePathIsNotFound) {
  const std::string root = "https://127.0.0.1:" + std::to_string(simulator_->port());
  const HttpsClient::Result answer = client_.Get(root + "/v3/login");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.headers, HasSubstr("text/html"));
}

TEST_F(Http2FrontTest, AnswerWithoutABodyHasNoContentType) {
  ASSERT_TRUE(simulator_->faults().Add({{"kind", "empty_200"}}).ok());
  const HttpsClient::Result answer = SignIn();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_THAT(answer.headers, Not(HasSubstr("content-type")));
}

TEST_F(Http2FrontTest, BodyAboveTheLimitIsRefused) {
  const std::string body(2 << 20, ' ');
  EXPECT_NE(client_.Post(simulator_->base_url() + "/v3/login", body).code, CURLE_OK);
  EXPECT_EQ(SignIn().status, 200);
}

TEST_F(Http2FrontTest, HeadersAboveTheLimitAreRefused) {
  const std::string url = simulator_->base_url() + "/v3/login/session";
  EXPECT_NE(client_.Get(url, {"filler: " + std::string(80 * 1024, 'x')}).code, CURLE_OK);
  EXPECT_EQ(SignIn().status, 200);
}

TEST_F(Http2FrontTest, StopsWhileACallHangs) {
  ASSERT_TRUE(simulator_->faults().Add({{"kind", "timeout"}, {"seconds", 600}}).ok());
  std::thread caller([this] { EXPECT_NE(SignIn().code, CURLE_OK); });
  EXPECT_TRUE(Await([&] { return simulator_->http2_counts().calls_under_way == 1; },
                    "the sign-in to hang"));
  simulator_.reset();
  caller.join();
}

}  // namespace
}  // namespace billbroker::billsim

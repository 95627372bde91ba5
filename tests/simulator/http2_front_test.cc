// The simulator over HTTP/2, as a client sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/simulator/bill_simulator.h"
#include "tests/simulator/http2_session.h"
#include "tests/simulator/https_client.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
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

// Returns the types of the HTTP/2 frames in `output`.
std::vector<int> FrameTypes(const std::string& output) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(output[at]); };
  std::vector<int> types;
  for (std::size_t at = 0; at + 9 <= output.size();) {
    types.push_back(byte(at + 3));
    at += 9 + (std::size_t{byte(at)} << 16) + (std::size_t{byte(at + 1)} << 8) + byte(at + 2);
  }
  return types;
}

class Http2FrontTest : public testing::Test {
 protected:
  HttpsClient::Result SignIn(const std::string& padding = "") {
    const json body = {{"devKey", kSampleDevKey},
                       {"username", "payables@acme.example"},
                       {"organizationId", kSampleOrganization},
                       {"password", "correct-horse-battery"}};
    return client_.Post(simulator_->base_url() + "/v3/login", body.dump() + padding);
  }
  HttpsClient::Result SignInWithBody(std::size_t bytes) { return SignIn(std::string(bytes, ' ')); }

  absl::StatusOr<int> PlanGoAway(const char* moment, bool processed) {
    return simulator_->faults().Add(
        {{"kind", "goaway"}, {"moment", moment}, {"processed", processed}});
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
  ASSERT_THAT(simulator_->faults().Add({{"kind", "empty_200"}}), IsOk());
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

// A body above the client's window of 64 KiB cannot end before the server receives its beginning.
TEST_F(Http2FrontTest, GoAwayDuringRequestExcludesIt) {
  ASSERT_THAT(PlanGoAway("request_headers", false), IsOk());
  // libcurl repeats this call or fails it, depending on its version.
  const HttpsClient::Result result = SignInWithBody(512 * 1024);
  EXPECT_EQ(simulator_->model().CountsJson()["total"]["faulted"], 1);
  EXPECT_EQ(simulator_->model().CountsJson()["total"]["sign_ins_succeeded"],
            result.code == CURLE_OK ? 1 : 0);
  EXPECT_EQ(SignIn().status, 200);
  EXPECT_EQ(simulator_->http2_counts().connections, 2);
}

TEST_F(Http2FrontTest, GoAwayDuringRequestIncludesIt) {
  ASSERT_THAT(PlanGoAway("request_headers", true), IsOk());
  EXPECT_EQ(SignInWithBody(512 * 1024).status, 200);
  EXPECT_EQ(SignIn().status, 200);
  EXPECT_EQ(simulator_->http2_counts().calls, 2);
  EXPECT_EQ(simulator_->http2_counts().connections, 2);
}

TEST_F(Http2FrontTest, GoAwayDuringAnswerExcludesTheCall) {
  ASSERT_THAT(PlanGoAway("answer_headers", false), IsOk());
  const HttpsClient::Result cut = SignIn();
  EXPECT_NE(cut.code, CURLE_OK);
  EXPECT_EQ(cut.body, "");
  EXPECT_EQ(simulator_->model().CountsJson()["total"]["sign_ins_succeeded"], 1);
  EXPECT_EQ(simulator_->http2_counts().calls, 1);
}

TEST_F(Http2FrontTest, GoAwayDuringAnswerIncludesTheCall) {
  ASSERT_THAT(PlanGoAway("answer_headers", true), IsOk());
  EXPECT_EQ(SignIn().status, 200);
  EXPECT_EQ(SignIn().status, 200);
  EXPECT_EQ(simulator_->http2_counts().calls, 2);
  EXPECT_EQ(simulator_->http2_counts().connections, 2);
}

TEST(Http2SessionTest, GoAwayAfterAnAnswerPrecedesItsBody) {
  constexpr int kStream = 1;
  Http2Session session({[](int, const HttpCall&) {}, [](int, const HttpCall&) {}, [](int) {}});
  (void)session.TakeOutput();
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  const std::string head("\0\0\6\1\5\0\0\0\1\x82\x87\x84\x41\1a", 15);  // GET https://a/
  ASSERT_TRUE(session.Receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + head));
  (void)session.TakeOutput();
  HttpAnswer answer;
  answer.body = "{}";
  session.Answer(kStream, answer);
  session.GoAway(kStream);
  EXPECT_THAT(FrameTypes(session.TakeOutput()),
              ElementsAre(NGHTTP2_HEADERS, NGHTTP2_GOAWAY, NGHTTP2_DATA));
}

// Returns the types of the frames with which a server answers a request that has a header field of
// each length, in bytes.
std::vector<int> FramesAfterRequestWith(const std::vector<std::size_t>& field_lengths) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session* client = nullptr;
  EXPECT_EQ(nghttp2_session_callbacks_new(&callbacks), 0);
  EXPECT_EQ(nghttp2_option_new(&option), 0);
  nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
  EXPECT_EQ(nghttp2_session_client_new2(&client, callbacks, nullptr, option), 0);
  (void)nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, nullptr, 0);

  std::vector<std::pair<std::string, std::string>> fields = {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "127.0.0.1"}, {":path", "/"}};
  for (const std::size_t length : field_lengths)
    fields.emplace_back("filler", std::string(length, 'x'));
  std::vector<nghttp2_nv> request;
  for (auto& [name, value] : fields) {
    request.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                       reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                       NGHTTP2_NV_FLAG_NONE});
  }
  (void)nghttp2_submit_request(client, nullptr, request.data(), request.size(), nullptr, nullptr);

  Http2Session server({[](int, const HttpCall&) {}, [](int, const HttpCall&) {}, [](int) {}});
  (void)server.TakeOutput();
  const std::uint8_t* bytes = nullptr;
  for (ssize_t sent = 0; (sent = nghttp2_session_mem_send(client, &bytes)) > 0;) {
    (void)server.Receive({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(sent)});
  }
  nghttp2_session_del(client);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  return FrameTypes(server.TakeOutput());
}

TEST(Http2SessionTest, FieldsAboveTheLimitResetTheStream) {
  EXPECT_THAT(FramesAfterRequestWith({30'000, 30'000}),
              Not(AnyOf(Contains(NGHTTP2_RST_STREAM), Contains(NGHTTP2_GOAWAY))));
  const std::vector<int> frames = FramesAfterRequestWith({40'000, 40'000});
  EXPECT_THAT(frames, Contains(NGHTTP2_RST_STREAM));
  EXPECT_THAT(frames, Not(Contains(NGHTTP2_GOAWAY)));
}

TEST(Http2SessionTest, FieldAboveTheLimitEndsTheConnection) {
  EXPECT_THAT(FramesAfterRequestWith({100'000}), Contains(NGHTTP2_GOAWAY));
}

TEST_F(Http2FrontTest, HeadIsAnsweredWithoutBody) {
  const HttpsClient::Result answer = client_.Head(simulator_->base_url() + "/v3/unknown-path");
  EXPECT_EQ(answer.code, CURLE_OK);
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(SignIn().status, 200);
  EXPECT_EQ(simulator_->http2_counts().connections, 1);
}

class BodilessStatusTest : public Http2FrontTest, public testing::WithParamInterface<int> {};

TEST_P(BodilessStatusTest, OmitsBody) {
  ASSERT_THAT(simulator_->faults().Add(
                  {{"kind", "http_error"}, {"http_status", GetParam()}, {"body", "message"}}),
              IsOk());
  const HttpsClient::Result answer = SignIn();
  EXPECT_EQ(answer.code, CURLE_OK);
  EXPECT_EQ(answer.status, GetParam());
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(SignIn().status, 200);
  EXPECT_EQ(simulator_->http2_counts().connections, 1);
}

INSTANTIATE_TEST_SUITE_P(Statuses, BodilessStatusTest, testing::Values(204, 304));

TEST_F(Http2FrontTest, GoAwayAtHeadersFindsTheSession) {
  const std::vector<std::string> headers = {
      "sessionId: " + json::parse(SignIn().body)["sessionId"].get<std::string>(),
      std::string("devKey: ") + kSampleDevKey};
  const json fault = {{"kind", "goaway"},
                      {"moment", "request_headers"},
                      {"count", 0},
                      {"organization_id", kSampleOrganization}};
  ASSERT_THAT(simulator_->faults().Add(fault), IsOk());
  EXPECT_EQ(SignIn().status, 200) << "the organization is in the body";
  EXPECT_NE(client_.Get(simulator_->base_url() + "/v3/login/session", headers).code, CURLE_OK);
}

TEST_F(Http2FrontTest, StopsWhileACallHangs) {
  ASSERT_THAT(simulator_->faults().Add({{"kind", "timeout"}, {"seconds", 600}}), IsOk());
  std::thread caller([this] { EXPECT_NE(SignIn().code, CURLE_OK); });
  EXPECT_TRUE(Await([&] { return simulator_->http2_counts().calls_under_way == 1; },
                    "the sign-in to hang"));
  simulator_.reset();
  caller.join();
}

}  // namespace
}  // namespace billbroker::billsim

// The requests of real clients, byte for byte over TLS: sign-in, session info, MFA, sign-out.
//
// {host}, {length} and {session} stand for values that differ from run to run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/bill_simulator.h"
#include "tests/simulator/raw_tls_client.h"
#include "tests/support/status_matchers.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

constexpr char kClientOrganization[] = "00801ACMEPAYABLES0001";

class RealClientsTest : public testing::Test {
 protected:
  // Sends a request; the lines of `head` end with a line feed. Values of run time are filled in.
  RawTlsClient::Answer Send(const std::string& head, const std::string& body = "") {
    const std::string filled_body = absl::StrReplaceAll(body, {{"{challenge}", challenge_}});
    const std::string filled =
        absl::StrReplaceAll(head, {{"\n", "\r\n"},
                                   {"{host}", absl::StrCat("127.0.0.1:", simulator_->port())},
                                   {"{length}", absl::StrCat(filled_body.size())},
                                   {"{session}", session_}});
    absl::StatusOr<RawTlsClient::Answer> answer =
        client_.Send(absl::StrCat(filled, "\r\n"), filled_body);
    EXPECT_THAT(answer, IsOk()) << head;
    return answer.ok() ? *std::move(answer) : RawTlsClient::Answer();
  }

  static json BodyOf(const RawTlsClient::Answer& answer) {
    return json::parse(answer.body, nullptr, false);
  }

  void ExpectSignIn(const RawTlsClient::Answer& answer) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    const json body = BodyOf(answer);
    EXPECT_EQ(body["organizationId"], kClientOrganization);
    EXPECT_EQ(body["trusted"], false);
    session_ = body["sessionId"];
  }
  static void ExpectSessionInfo(const RawTlsClient::Answer& answer, const char* mfa_status) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(BodyOf(answer)["organizationId"], kClientOrganization);
    EXPECT_EQ(BodyOf(answer)["mfaStatus"], mfa_status);
  }
  void ExpectChallenge(const RawTlsClient::Answer& answer) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    challenge_ = BodyOf(answer)["challengeId"];
  }
  static void ExpectRememberMeId(const RawTlsClient::Answer& answer) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(BodyOf(answer)["rememberMeId"].get<std::string>().size(), 64u);
  }
  // BILL answers a sign-out without a body and without a content type.
  void ExpectSignOut(const RawTlsClient::Answer& answer) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.body, IsEmpty());
    EXPECT_FALSE(answer.headers.contains("content-type"));
    EXPECT_THAT(simulator_->model().StateJson()["sessions"], IsEmpty());
  }

  std::unique_ptr<BillSimulator> simulator_ = *BillSimulator::StartSample();
  RawTlsClient client_{simulator_->port(), simulator_->ca_file()};
  std::string session_;
  std::string challenge_;
};

TEST_F(RealClientsTest, AcceptsAxios) {
  ExpectSignIn(Send(R"(POST /connect/v3/login HTTP/1.1
Accept: application/json, text/plain, */*
Content-Type: application/json
User-Agent: axios/1.6.8
Content-Length: {length}
Accept-Encoding: gzip, compress, deflate, br
Host: {host}
Connection: close
)",
                    R"({"username":"payables@acme.example","password":"correct-horse-battery",)"
                    R"("organizationId":"00801ACMEPAYABLES0001","devKey":"devkey-acme-0001"})"));
  const std::string headers = R"(Accept: application/json, text/plain, */*
Content-Type: application/json
sessionId: {session}
devKey: devkey-acme-0001
User-Agent: axios/1.6.8
Content-Length: {length}
Accept-Encoding: gzip, compress, deflate, br
Host: {host}
Connection: close
)";
  const std::string session_info = R"(GET /connect/v3/login/session HTTP/1.1
Accept: application/json, text/plain, */*
sessionId: {session}
devKey: devkey-acme-0001
User-Agent: axios/1.6.8
Accept-Encoding: gzip, compress, deflate, br
Host: {host}
Connection: close
)";
  ExpectSessionInfo(Send(session_info), "CHALLENGE");
  ExpectChallenge(Send("POST /connect/v3/mfa/challenge HTTP/1.1\n" + headers, "{}"));
  ExpectRememberMeId(Send("POST /connect/v3/mfa/challenge/validate HTTP/1.1\n" + headers,
                          R"({"challengeId":"{challenge}","token":"123456","device":"server-0001",)"
                          R"("machineName":"server-0001","rememberMe":true})"));
  ExpectSessionInfo(Send(session_info), "COMPLETE");
  ExpectSignOut(Send(R"(POST /connect/v3/logout HTTP/1.1
Accept: application/json, text/plain, */*
Content-Type: application/x-www-form-urlencoded
sessionId: {session}
devKey: devkey-acme-0001
User-Agent: axios/1.6.8
Accept-Encoding: gzip, compress, deflate, br
Host: {host}
Connection: close
Content-Length: 0
)"));
}

TEST_F(RealClientsTest, AcceptsPostmanCollection) {
  const std::string headers = R"(User-Agent: PostmanRuntime/7.36.3
Postman-Token: 0f9e1a52-5c1d-4d4b-9a57-3f1c3f6f1d11
Host: {host}
Accept-Encoding: gzip, deflate, br
Connection: keep-alive
)";
  const std::string json_headers =
      "Content-Type: application/json\nAccept: application/json\n" + headers;
  const std::string session_headers =
      "sessionId: {session}\ndevKey: devkey-acme-0001\nAccept: application/json\n" + headers;
  const std::string session_json_headers =
      "Content-Type: application/json\n" + session_headers + "Content-Length: {length}\n";
  ExpectSignIn(Send(
      "POST /connect/v3/login HTTP/1.1\n" + json_headers + "Content-Length: {length}\n",
      "{\n\t\"username\": \"payables@acme.example\",\n\t\"password\": \"correct-horse-battery\","
      "\n\t\"organizationId\": \"00801ACMEPAYABLES0001\",\n\t\"devKey\": \"devkey-acme-0001\"\n}"));
  ExpectSessionInfo(Send("GET /connect/v3/login/session HTTP/1.1\n" + session_headers),
                    "CHALLENGE");
  ExpectChallenge(Send("POST /connect/v3/mfa/challenge HTTP/1.1\n" + session_json_headers,
                       "{\n\t\"useBackup\": \"false\"\n}"));
  ExpectRememberMeId(
      Send("POST /connect/v3/mfa/challenge/validate HTTP/1.1\n" + session_json_headers,
           "{\n\t\"challengeId\": \"{challenge}\",\n\t\"token\": \"123456\",\n\t\"device\": "
           "\"postman-0001\",\n\t\"machineName\": \"Postman\",\n\t\"rememberMe\": true\n}"));
  ExpectSessionInfo(Send("GET /connect/v3/login/session HTTP/1.1\n" + session_headers), "COMPLETE");
  ExpectSignOut(Send("POST /connect/v3/logout HTTP/1.1\n" + session_headers));
}

TEST_F(RealClientsTest, AcceptsFetch) {
  const std::string headers = R"(host: {host}
connection: keep-alive
accept: application/json
content-type: application/json
devkey: devkey-acme-0001
)";
  const std::string end = R"(accept-language: *
sec-fetch-mode: cors
user-agent: node
accept-encoding: gzip, deflate
)";
  const std::string session_headers = headers + "sessionid: {session}\n" + end;
  ExpectSignIn(
      Send("POST /connect/v3/login HTTP/1.1\n" + headers + end + "content-length: {length}\n",
           R"({"devKey":"devkey-acme-0001","username":"payables@acme.example",)"
           R"("password":"correct-horse-battery",)"
           R"("organizationId":"00801ACMEPAYABLES0001"})"));
  ExpectSessionInfo(Send("GET /connect/v3/login/session HTTP/1.1\n" + session_headers),
                    "CHALLENGE");
  ExpectSignOut(
      Send("POST /connect/v3/logout HTTP/1.1\n" + session_headers + "content-length: 0\n"));
}

TEST_F(RealClientsTest, AcceptsPythonRequests) {
  const std::string headers = R"(Host: {host}
User-Agent: python-requests/2.31.0
Accept-Encoding: gzip, deflate
accept: application/json
Connection: keep-alive
content-type: application/json
)";
  const std::string session_headers = headers + "devKey: devkey-acme-0001\nsessionId: {session}\n";
  ExpectSignIn(Send("POST /connect/v3/login HTTP/1.1\n" + headers + "Content-Length: {length}\n",
                    R"({"username": "payables@acme.example", "password": "correct-horse-battery", )"
                    R"("organizationId": "00801ACMEPAYABLES0001", "devKey": "devkey-acme-0001", )"
                    R"("deviceId": "5f0c6a3e-4a4e-4d3b-8c33-2a3b1d6f9e10"})"));
  ExpectSessionInfo(Send("GET /connect/v3/login/session HTTP/1.1\n" + session_headers),
                    "CHALLENGE");
  ExpectChallenge(
      Send("POST /connect/v3/mfa/challenge HTTP/1.1\n" + session_headers + "Content-Length: 0\n"));
  ExpectRememberMeId(
      Send("POST /connect/v3/mfa/challenge/validate HTTP/1.1\n" + session_headers +
               "Content-Length: {length}\n",
           R"({"challengeId": "{challenge}", "token": "123456", "rememberMe": true})"));
  ExpectSessionInfo(Send("GET /connect/v3/login/session HTTP/1.1\n" + session_headers), "COMPLETE");
  ExpectSignOut(
      Send("POST /connect/v3/logout HTTP/1.1\n" + session_headers + "Content-Length: 0\n"));
}

TEST_F(RealClientsTest, AcceptsNestJs) {
  const std::string headers = R"(Accept: application/json, text/plain, */*
Content-Type: application/json
devKey: devkey-acme-0001
sessionId: {session}
User-Agent: axios/1.7.2
Content-Length: {length}
Accept-Encoding: gzip, compress, deflate, br
Host: {host}
Connection: keep-alive
)";
  ExpectSignIn(Send(R"(POST /connect/v3/login HTTP/1.1
Accept: application/json, text/plain, */*
Content-Type: application/json
User-Agent: axios/1.7.2
Content-Length: {length}
Accept-Encoding: gzip, compress, deflate, br
Host: {host}
Connection: keep-alive
)",
                    R"({"username":"payables@acme.example","password":"correct-horse-battery",)"
                    R"("organizationId":"00801ACMEPAYABLES0001","devKey":"devkey-acme-0001",)"
                    R"("device":"nest-service-0001"})"));
  ExpectChallenge(
      Send("POST /connect/v3/mfa/challenge HTTP/1.1\n" + headers, R"({"useBackup":false})"));
  ExpectRememberMeId(Send("POST /connect/v3/mfa/challenge/validate HTTP/1.1\n" + headers,
                          R"({"challengeId":"{challenge}","token":"123456",)"
                          R"("device":"nest-service-0001","rememberMe":false})"));
  ExpectSessionInfo(Send(R"(GET /connect/v3/login/session HTTP/1.1
Accept: application/json, text/plain, */*
devKey: devkey-acme-0001
sessionId: {session}
User-Agent: axios/1.7.2
Accept-Encoding: gzip, compress, deflate, br
Host: {host}
Connection: keep-alive
)"),
                    "COMPLETE");
  ExpectSignOut(Send("POST /connect/v3/logout HTTP/1.1\n" + headers, "{}"));
}

TEST_F(RealClientsTest, AcceptsCurlOfBillsDocs) {
  const std::string headers = "Host: {host}\nUser-Agent: curl/8.4.0\naccept: application/json\n";
  const std::string session_headers = headers + "devKey: devkey-acme-0001\nsessionId: {session}\n";
  ExpectSignIn(Send("POST /connect/v3/login HTTP/1.1\n" + headers +
                        "content-type: application/json\nContent-Length: {length}\n",
                    R"(
{
  "devKey": "devkey-acme-0001",
  "username": "payables@acme.example",
  "password": "correct-horse-battery",
  "organizationId": "00801ACMEPAYABLES0001"
}
)"));
  ExpectSessionInfo(Send("GET /connect/v3/login/session HTTP/1.1\n" + session_headers),
                    "CHALLENGE");
  ExpectChallenge(Send("POST /connect/v3/mfa/challenge HTTP/1.1\n" + session_headers));
  ExpectRememberMeId(Send("POST /connect/v3/mfa/challenge/validate HTTP/1.1\n" + session_headers +
                              "content-type: application/json\nContent-Length: {length}\n",
                          R"(
{
  "challengeId": "{challenge}",
  "token": "123456",
  "device": "my-laptop-0001",
  "machineName": "my-laptop-0001",
  "rememberMe": true
}
)"));
  ExpectSessionInfo(Send("GET /connect/v3/login/session HTTP/1.1\n" + session_headers), "COMPLETE");
  ExpectSignOut(Send("POST /connect/v3/logout HTTP/1.1\n" + session_headers));
}

// A request without Content-Length leaves the connection usable.
TEST_F(RealClientsTest, ServesNextCallAfterPostWithoutLength) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Send("POST /connect/v3/logout HTTP/1.1\nHost: {host}\n").status, 401);
    EXPECT_EQ(Send("GET /connect/v3/health HTTP/1.1\nHost: {host}\n").status, 200);
  }
}

TEST_F(RealClientsTest, AcceptsChunkedBody) {
  const RawTlsClient::Answer answer =
      Send("POST /connect/v3/login HTTP/1.1\nHost: {host}\nTransfer-Encoding: chunked\n",
           "2\r\n{}\r\n0\r\n\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(BodyOf(answer)[0]["code"], "BDC_1002");
}

class BodyFramingTest : public RealClientsTest, public testing::WithParamInterface<const char*> {};

TEST_P(BodyFramingTest, RejectsInvalidLengthAtOnce) {
  const RawTlsClient::Answer answer =
      Send(absl::StrCat("POST /connect/v3/login HTTP/1.1\nHost: {host}\n", GetParam()));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(Send("GET /connect/v3/health HTTP/1.1\nHost: {host}\n").status, 200);
}

INSTANTIATE_TEST_SUITE_P(Headers, BodyFramingTest,
                         testing::Values("Transfer-Encoding: identity\n",
                                         "Transfer-Encoding: gzip, chunked\n",
                                         "Content-Length: -1\n", "Content-Length: two\n",
                                         "Content-Length: 99999999999999999999\n",
                                         "Content-Length: 2\nContent-Length: 3\n",
                                         "Content-Length: 2\nTransfer-Encoding: chunked\n"));

}  // namespace
}  // namespace billbroker::billsim

#include "server/bill/curl_bill_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/server/bill/curl_fixture.h"
#include "tests/support/manual_time.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CurlBillApiTest : public CurlTest {
 protected:
  // A BILL that answers once the test says Release().
  TlsServer& ServeHeld() {
    return Serve([](TlsServer::Connection& connection, const ServedRequest&) {
      connection.WaitForRelease();
      connection.Answer(200, kInfo);
      return true;
    });
  }

  // Sends `count` calls, all at once.
  std::deque<Answer<SessionInfo>> SendInfos(int count) {
    std::deque<Answer<SessionInfo>> answers(count);
    for (Answer<SessionInfo>& answer : answers) Api().GetSessionInfo(Keys(), answer.done());
    return answers;
  }
};

TEST_F(CurlBillApiTest, SignsIn) {
  TlsServer& bill = ServeAlways(200, kSignedIn, "Content-Type: application/json\r\n");
  const auto answer = SignIn();
  ASSERT_TRUE(answer.ok()) << answer.error().detail;
  EXPECT_EQ(answer.value().session_id.Reveal(), "S-1");
  EXPECT_EQ(answer.value().user_id, "00601USER");

  ASSERT_EQ(bill.requests().size(), 1U);
  const ServedRequest request = bill.requests()[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/connect/v3/login");
  EXPECT_THAT(request.body, HasSubstr(R"("password":"the-password")"));
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_THAT(request.headers.at("user-agent"), StartsWith("billbroker/"));
  EXPECT_EQ(request.headers.count("devkey"), 0U);
  EXPECT_EQ(request.headers.count("cookie"), 0U);
}

TEST_F(CurlBillApiTest, AsksForASessionWithBothKeys) {
  TlsServer& bill = ServeAlways(200, kInfo);
  const auto info = GetInfo();
  ASSERT_TRUE(info.ok()) << info.error().detail;
  EXPECT_TRUE(info.value().trusted);
  const ServedRequest request = bill.requests().at(0);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/connect/v3/login/session");
  EXPECT_EQ(request.headers.at("sessionid"), "S-1");
  EXPECT_EQ(request.headers.at("devkey"), "the-dev-key");
}

TEST_F(CurlBillApiTest, AnAppKeyThatNoHeaderCarriesIsNotSent) {
  TlsServer& bill = ServeAlways(200, kSignedIn);
  auto partner = std::make_shared<Credential>();
  partner->environment = "test";
  partner->kind = CredentialKind::kPartner;
  partner->app_key = SecretString::CopyOf("app\r\nkey");
  partner->organizations.push_back({"00801ACME", SecretString(), "00601USER"});
  Answer<SignInAnswer> answer;
  Api().SignInAsUser(
      {partner, "00801ACME", std::make_shared<SecretString>(SecretString::CopyOf("P-1"))},
      answer.done());
  const BillError error = answer.Wait().error();
  EXPECT_EQ(error.verdict, Verdict::kRefused);
  EXPECT_EQ(error.delivery, Delivery::kNotSent);
  EXPECT_TRUE(bill.requests().empty());
}

TEST_F(CurlBillApiTest, SignsOutWithHeadersOnly) {
  TlsServer& bill = ServeAlways(204, "");
  EXPECT_TRUE(SignOut().ok());
  const ServedRequest request = bill.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/connect/v3/logout");
  EXPECT_EQ(request.headers.at("sessionid"), "S-1");
  EXPECT_EQ(request.body, "");
}

TEST_F(CurlBillApiTest, SigningOutOfADeadSessionSucceeds) {
  ServeAlways(401, kGone);
  EXPECT_TRUE(SignOut().ok());
  EXPECT_EQ(GetInfo().error().verdict, Verdict::kSessionInvalid);
}

TEST_F(CurlBillApiTest, TellsHowLongToWait) {
  ServeAlways(429, R"([{"code":"BDC_1144"}])", "retry-after: 90\r\n");
  const BillError error = SignIn().error();
  EXPECT_EQ(error.verdict, Verdict::kRateLimited);
  EXPECT_EQ(error.code, "BDC_1144");
  EXPECT_EQ(error.http_status, 429);
  EXPECT_EQ(error.retry_after, absl::Seconds(90));
}

TEST_F(CurlBillApiTest, HtmlAndAnEmptyAnswerAreUnavailable) {
  Serve([](TlsServer::Connection& connection, const ServedRequest& request) {
    connection.Answer(200, request.method == "POST" ? "<html>oops</html>" : "",
                      "Content-Type: text/html\r\n");
    return true;
  });
  EXPECT_EQ(SignIn().error().detail, "HTTP 200 with an HTML body");
  EXPECT_EQ(GetInfo().error().detail, "HTTP 200 with an empty body");
}

TEST_F(CurlBillApiTest, AnAnswerOfTenMegabytesIsNotRead) {
  ServeAlways(200, std::string(10 << 20, ' ') + kSignedIn);
  const BillError error = SignIn().error();
  EXPECT_EQ(error.verdict, Verdict::kUnavailable);
  EXPECT_EQ(error.detail, "an answer that is longer than allowed");
  EXPECT_EQ(error.delivery, Delivery::kMaybeSent);
}

TEST_F(CurlBillApiTest, AnAnswerOfTheGreatestLengthIsRead) {
  const std::string info(kInfo);
  ServeAlways(200, info + std::string(options_.max_body_bytes - info.size(), ' '));
  EXPECT_TRUE(GetInfo().ok());
}

TEST_F(CurlBillApiTest, HeadersWithoutEndAreNotRead) {
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.Write("HTTP/1.1 200 OK\r\n");
    while (connection.Write("X-Filler: " + std::string(1000, 'x') + "\r\n")) {
    }
    return false;
  });
  EXPECT_EQ(SignIn().error().detail, "an answer that is longer than allowed");
}

TEST_F(CurlBillApiTest, AnAnswerCutShortIsNone) {
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    connection.Write(kSignedIn);
    return false;
  });
  const auto answer = SignIn();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(answer.error().delivery, Delivery::kMaybeSent);
}

TEST_F(CurlBillApiTest, SilenceEndsInATimeout) {
  options_.total_timeout = absl::Seconds(1);
  TlsServer& bill = ServeHeld();
  const BillError error = SignIn().error();
  EXPECT_EQ(error.verdict, Verdict::kUnavailable);
  EXPECT_EQ(error.delivery, Delivery::kMaybeSent);
  EXPECT_EQ(error.detail, "no answer of environment \"test\" within 1s");
  EXPECT_EQ(bill.requests().size(), 1U);
}

TEST_F(CurlBillApiTest, AnAnswerThatDripsEndsInATimeout) {
  options_.total_timeout = absl::Seconds(1);
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (connection.Write(" ")) connection.WaitForRelease(absl::Milliseconds(20));
    return false;
  });
  EXPECT_EQ(GetInfo().error().detail, "no answer of environment \"test\" within 1s");
}

TEST_F(CurlBillApiTest, AnUnknownEnvironmentSendsNothing) {
  ServeAlways(200, kInfo);
  SessionKeys keys = Keys();
  keys.environment = "other";
  Answer<SessionInfo> answer;
  Api().GetSessionInfo(std::move(keys), answer.done());
  const BillError error = answer.Wait().error();
  EXPECT_EQ(error.verdict, Verdict::kUnavailable);
  EXPECT_EQ(error.delivery, Delivery::kNotSent);
  EXPECT_THAT(error.detail, HasSubstr("environment \"other\" is not configured"));
}

TEST_F(CurlBillApiTest, AKeyThatWouldForgeAHeaderIsNotSent) {
  TlsServer& bill = ServeAlways(200, kInfo);
  Answer<SessionInfo> info;
  Api().GetSessionInfo(Keys("S-1\r\nX-Forged: 1"), info.done());
  EXPECT_EQ(info.Wait().error().delivery, Delivery::kNotSent);
  Answer<SignedOut> sign_out;
  Api().SignOut(Keys(""), sign_out.done());
  EXPECT_EQ(sign_out.Wait().error().delivery, Delivery::kNotSent);
  EXPECT_TRUE(bill.requests().empty());
}

TEST_F(CurlBillApiTest, HundredsOfCallsShareFewConnections) {
  options_.max_parallel_calls = 8;
  TlsServer& bill = ServeAlways(200, kInfo);
  for (auto& answer : SendInfos(300)) EXPECT_TRUE(answer.Wait().ok());
  EXPECT_EQ(bill.requests().size(), 300U);
  EXPECT_LE(bill.connections(), 8);
}

TEST_F(CurlBillApiTest, NoMoreCallsRunAtOnceThanAllowed) {
  options_.max_parallel_calls = 3;
  TlsServer& bill = ServeHeld();
  auto answers = SendInfos(20);
  ASSERT_TRUE(bill.WaitForRequests(3));
  bill.Release();
  for (auto& answer : answers) EXPECT_TRUE(answer.Wait().ok());
  EXPECT_LE(bill.most_at_once(), 3);
}

TEST_F(CurlBillApiTest, WaitingForATurnDoesNotCountAsTimeout) {
  options_.max_parallel_calls = 1;
  options_.total_timeout = absl::Seconds(2);
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.WaitForRelease(absl::Milliseconds(150));
    connection.Answer(200, kInfo);
    return true;
  });
  for (auto& answer : SendInfos(20)) {  // three seconds in all
    const auto info = answer.Wait();
    EXPECT_TRUE(info.ok()) << info.error().detail;
  }
}

TEST_F(CurlBillApiTest, ACallThatWaitedTooLongIsNotSent) {
  ManualClock clock;
  clock_ = &clock;
  options_.max_parallel_calls = 1;
  TlsServer& bill = ServeHeld();
  auto answers = SendInfos(2);
  ASSERT_TRUE(bill.WaitForRequests(1));
  clock.Advance(options_.longest_wait + absl::Seconds(1));
  bill.Release();
  EXPECT_TRUE(answers[0].Wait().ok());
  const BillError error = answers[1].Wait().error();
  EXPECT_EQ(error.verdict, Verdict::kUnavailable);
  EXPECT_EQ(error.delivery, Delivery::kNotSent);
  EXPECT_EQ(error.detail, "waited too long for its turn");
  EXPECT_EQ(bill.requests().size(), 1U);
}

TEST_F(CurlBillApiTest, ACallTooManyIsNotSent) {
  options_.max_parallel_calls = 1;
  options_.max_waiting_calls = 1;
  TlsServer& bill = ServeHeld();
  auto answers = SendInfos(3);
  const BillError error = answers[2].Wait().error();
  EXPECT_EQ(error.detail, "too many calls wait for their turn");
  EXPECT_EQ(error.delivery, Delivery::kNotSent);
  bill.Release();
  EXPECT_TRUE(answers[0].Wait().ok());
  EXPECT_TRUE(answers[1].Wait().ok());
}

TEST_F(CurlBillApiTest, AnIllEnvironmentDoesNotHoldUpAnother) {
  options_.max_parallel_calls = 1;
  TlsServer& ill = ServeHeld();
  TlsServer well(authority_.Issue(), [](TlsServer::Connection& connection, const ServedRequest&) {
    connection.Answer(200, kInfo);
    return true;
  });
  CurlBillApi api({environment_, {"well", well.url(), authority_.file(), ""}}, options_, *clock_);
  Answer<SessionInfo> held;
  api.GetSessionInfo(Keys(), held.done());
  ASSERT_TRUE(ill.WaitForRequests(1));
  SessionKeys keys = Keys();
  keys.environment = "well";
  Answer<SessionInfo> answer;
  api.GetSessionInfo(std::move(keys), answer.done());
  EXPECT_TRUE(answer.Wait().ok());
  EXPECT_FALSE(held.IsThere());
  ill.Release();
  EXPECT_TRUE(held.Wait().ok());
}

TEST_F(CurlBillApiTest, AnAnswerMayCallAgain) {
  Serve([](TlsServer::Connection& connection, const ServedRequest& request) {
    connection.Answer(200, request.method == "GET" ? kInfo : kSignedIn);
    return true;
  });
  Answer<SessionInfo> answer;
  Api().SignIn({credential_, kOrganization},
               [this, done = answer.done()](BillResult<SignInAnswer> signed_in) mutable {
                 EXPECT_TRUE(signed_in.ok());
                 Api().GetSessionInfo(Keys(), std::move(done));
               });
  EXPECT_TRUE(answer.Wait().ok());
}

TEST_F(CurlBillApiTest, DestructionAnswersEveryCallExactlyOnce) {
  options_.max_parallel_calls = 4;
  TlsServer& bill = ServeHeld();
  auto answers = SendInfos(50);
  ASSERT_TRUE(bill.WaitForRequests(4));
  api_.reset();
  int maybe_sent = 0;
  for (auto& answer : answers) {
    ASSERT_TRUE(answer.IsThere());
    const BillError error = answer.Wait().error();
    EXPECT_EQ(error.verdict, Verdict::kUnavailable);
    EXPECT_EQ(error.detail, "shutting down");
    maybe_sent += error.delivery == Delivery::kMaybeSent ? 1 : 0;
  }
  EXPECT_EQ(maybe_sent, 4);
}

TEST_F(CurlBillApiTest, DestructionAnswersWhatItsAnswersCallFor) {
  TlsServer& bill = ServeHeld();
  Answer<SignedOut> second;
  Api().GetSessionInfo(
      Keys(), [api = &Api(), done = second.done()](const BillResult<SessionInfo>& first) mutable {
        EXPECT_FALSE(first.ok());
        api->SignOut(Keys(), std::move(done));
      });
  ASSERT_TRUE(bill.WaitForRequests(1));
  api_.reset();
  ASSERT_TRUE(second.IsThere());
  EXPECT_EQ(second.Wait().error().delivery, Delivery::kNotSent);
}

}  // namespace
}  // namespace billbroker

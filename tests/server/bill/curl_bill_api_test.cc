#include "server/bill/curl_bill_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "absl/strings/str_cat.h"
#include "tests/server/bill/bill_matchers.h"
#include "tests/server/bill/curl_fixture.h"
#include "tests/support/manual_time.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CurlBillApiTest : public CurlTest {
 protected:
  // Starts a BILL that answers when the test calls Release().
  TlsServer& ServeHeld() {
    return Serve([](TlsServer::Connection& connection, const ServedRequest&) {
      connection.WaitForRelease();
      connection.Answer(200, kInfo);
      return true;
    });
  }

  // Sends `count` calls at once.
  std::deque<Answer<SessionInfo>> SendInfos(int count) {
    std::deque<Answer<SessionInfo>> answers(count);
    for (Answer<SessionInfo>& answer : answers) Api().GetSessionInfo(Keys(), answer.done());
    return answers;
  }
};

TEST_F(CurlBillApiTest, SignsIn) {
  TlsServer& bill = ServeAlways(200, kSignedIn, "Content-Type: application/json\r\n");
  const auto answer = SignIn();
  ASSERT_THAT(answer, Succeeded());
  EXPECT_EQ(answer.value().session_id.Reveal(), kSessionId);
  EXPECT_EQ(answer.value().user_id, kUser);

  ASSERT_EQ(bill.requests().size(), 1U);
  const ServedRequest request = bill.requests()[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/connect/v3/login");
  EXPECT_THAT(request.body, HasSubstr(absl::StrCat("\"password\":\"", kPassword, "\"")));
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_THAT(request.headers.at("user-agent"), StartsWith("billbroker/"));
  EXPECT_EQ(request.headers.count("devkey"), 0U);
  EXPECT_EQ(request.headers.count("cookie"), 0U);
}

TEST_F(CurlBillApiTest, SessionCheckSendsBothKeys) {
  TlsServer& bill = ServeAlways(200, kInfo);
  const auto info = GetInfo();
  ASSERT_THAT(info, Succeeded());
  EXPECT_TRUE(info.value().trusted);
  const ServedRequest request = bill.requests().at(0);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/connect/v3/login/session");
  EXPECT_EQ(request.headers.at("sessionid"), kSessionId);
  EXPECT_EQ(request.headers.at("devkey"), kDevKey);
}

TEST_F(CurlBillApiTest, AppKeyWithControlCharactersIsNotSent) {
  TlsServer& bill = ServeAlways(200, kSignedIn);
  auto partner = std::make_shared<Credential>();
  partner->environment = "test";
  partner->kind = CredentialKind::kPartner;
  partner->app_key = SecretString::CopyOf("app\r\nkey");
  partner->organizations.push_back({kOrganization, SecretString(), kUser});
  Answer<SignInAnswer> answer;
  Api().SignInAsUser(
      {partner, kOrganization,
       std::make_shared<SecretString>(SecretString::CopyOf("partner-session-id-0001"))},
      answer.done());
  const BillError error = answer.Wait().error();
  EXPECT_THAT(error, HasVerdict(Verdict::kRefused));
  EXPECT_THAT(error, HasDelivery(Delivery::kNotSent));
  EXPECT_TRUE(bill.requests().empty());
}

TEST_F(CurlBillApiTest, SignsOutWithHeadersOnly) {
  TlsServer& bill = ServeAlways(204, "");
  EXPECT_THAT(SignOut(), Succeeded());
  const ServedRequest request = bill.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/connect/v3/logout");
  EXPECT_EQ(request.headers.at("sessionid"), kSessionId);
  EXPECT_EQ(request.body, "");
}

TEST_F(CurlBillApiTest, SignOutOfDeadSessionSucceeds) {
  ServeAlways(401, kGone);
  EXPECT_THAT(SignOut(), Succeeded());
  EXPECT_THAT(GetInfo(), HasVerdict(Verdict::kSessionInvalid));
}

TEST_F(CurlBillApiTest, ReturnsRetryAfter) {
  ServeAlways(429, R"([{"code":"BDC_1144"}])", "retry-after: 90\r\n");
  const BillError error = SignIn().error();
  EXPECT_THAT(error, HasVerdict(Verdict::kRateLimited));
  EXPECT_THAT(error, HasCode("BDC_1144"));
  EXPECT_THAT(error, HasHttpStatus(429));
  EXPECT_EQ(error.retry_after, absl::Seconds(90));
}

TEST_F(CurlBillApiTest, HtmlAndEmptyAnswersAreUnavailable) {
  Serve([](TlsServer::Connection& connection, const ServedRequest& request) {
    connection.Answer(200, request.method == "POST" ? "<html>oops</html>" : "",
                      "Content-Type: text/html\r\n");
    return true;
  });
  EXPECT_THAT(SignIn(), HasDetail("HTTP 200 with an HTML body"));
  EXPECT_THAT(GetInfo(), HasDetail("HTTP 200 with an empty body"));
}

TEST_F(CurlBillApiTest, AnswerOfTenMegabytesIsCutOff) {
  ServeAlways(200, std::string(10 << 20, ' ') + kSignedIn);
  const BillError error = SignIn().error();
  EXPECT_THAT(error, HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(error, HasDelivery(Delivery::kMaybeSent));
}

TEST_F(CurlBillApiTest, LongestAllowedAnswerIsRead) {
  const std::string info(kInfo);
  ServeAlways(200, info + std::string(options_.max_body_bytes - info.size(), ' '));
  EXPECT_THAT(GetInfo(), Succeeded());
}

TEST_F(CurlBillApiTest, EndlessHeadersAreCutOff) {
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.Write("HTTP/1.1 200 OK\r\n");
    while (connection.Write("X-Filler: " + std::string(1000, 'x') + "\r\n")) {
    }
    return false;
  });
  EXPECT_THAT(SignIn(), AllOf(HasVerdict(Verdict::kUnavailable), HasHttpStatus(0),
                              HasDetail("an answer that is longer than allowed")));
}

TEST_F(CurlBillApiTest, TruncatedAnswerIsUnavailable) {
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    connection.Write(kSignedIn);
    return false;
  });
  const auto answer = SignIn();
  EXPECT_THAT(answer, AllOf(HasVerdict(Verdict::kUnavailable), HasDelivery(Delivery::kMaybeSent)));
}

TEST_F(CurlBillApiTest, MissingAnswerTimesOut) {
  options_.total_timeout = absl::Seconds(1);
  TlsServer& bill = ServeHeld();
  const BillError error = SignIn().error();
  EXPECT_THAT(error, HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(error, HasDelivery(Delivery::kMaybeSent));
  EXPECT_EQ(bill.requests().size(), 1U);
}

TEST_F(CurlBillApiTest, DrippingAnswerTimesOut) {
  options_.total_timeout = absl::Seconds(1);
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (connection.Write(" ")) connection.WaitForRelease(absl::Milliseconds(20));
    return false;
  });
  EXPECT_THAT(GetInfo(), HasDetail("no answer of environment \"test\" within 1s"));
}

TEST_F(CurlBillApiTest, UnknownEnvironmentIsNotSent) {
  ServeAlways(200, kInfo);
  SessionKeys keys = Keys();
  keys.environment = "other";
  Answer<SessionInfo> answer;
  Api().GetSessionInfo(std::move(keys), answer.done());
  const BillError error = answer.Wait().error();
  EXPECT_THAT(error, HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(error, HasDelivery(Delivery::kNotSent));
}

TEST_F(CurlBillApiTest, KeyWithLineBreakIsNotSent) {
  TlsServer& bill = ServeAlways(200, kInfo);
  Answer<SessionInfo> info;
  Api().GetSessionInfo(Keys("session-id-of-payables-0001\r\nX-Forged: 1"), info.done());
  EXPECT_THAT(info.Wait(), HasDelivery(Delivery::kNotSent));
  Answer<SignedOut> sign_out;
  Api().SignOut(Keys(""), sign_out.done());
  EXPECT_THAT(sign_out.Wait(), HasDelivery(Delivery::kNotSent));
  EXPECT_TRUE(bill.requests().empty());
}

TEST_F(CurlBillApiTest, CallsShareFewConnections) {
  options_.max_parallel_calls = 8;
  TlsServer& bill = ServeAlways(200, kInfo);
  for (auto& answer : SendInfos(300)) EXPECT_THAT(answer.Wait(), Succeeded());
  EXPECT_EQ(bill.requests().size(), 300U);
  EXPECT_LE(bill.connections(), 8);
}

TEST_F(CurlBillApiTest, ParallelCallsAreLimited) {
  options_.max_parallel_calls = 3;
  TlsServer& bill = ServeHeld();
  auto answers = SendInfos(20);
  ASSERT_TRUE(bill.WaitForRequests(3));
  bill.Release();
  for (auto& answer : answers) EXPECT_THAT(answer.Wait(), Succeeded());
  EXPECT_LE(bill.most_at_once(), 3);
}

TEST_F(CurlBillApiTest, TimeoutExcludesTheWaitForATurn) {
  options_.max_parallel_calls = 1;
  options_.total_timeout = absl::Seconds(2);
  Serve([](TlsServer::Connection& connection, const ServedRequest&) {
    connection.WaitForRelease(absl::Milliseconds(150));
    connection.Answer(200, kInfo);
    return true;
  });
  for (auto& answer : SendInfos(20)) {  // three seconds in all
    const auto info = answer.Wait();
    EXPECT_THAT(info, Succeeded());
  }
}

TEST_F(CurlBillApiTest, CallThatWaitedTooLongIsNotSent) {
  ManualClock clock;
  clock_ = &clock;
  options_.max_parallel_calls = 1;
  TlsServer& bill = ServeHeld();
  auto answers = SendInfos(2);
  ASSERT_TRUE(bill.WaitForRequests(1));
  clock.Advance(options_.longest_wait + absl::Seconds(1));
  bill.Release();
  EXPECT_THAT(answers[0].Wait(), Succeeded());
  const BillError error = answers[1].Wait().error();
  EXPECT_THAT(error, HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(error, HasDelivery(Delivery::kNotSent));
  EXPECT_EQ(bill.requests().size(), 1U);
}

TEST_F(CurlBillApiTest, CallAboveTheWaitingLimitIsNotSent) {
  options_.max_parallel_calls = 1;
  options_.max_waiting_calls = 1;
  TlsServer& bill = ServeHeld();
  auto answers = SendInfos(3);
  const BillError error = answers[2].Wait().error();
  EXPECT_THAT(error, HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(error, HasDelivery(Delivery::kNotSent));
  bill.Release();
  EXPECT_THAT(answers[0].Wait(), Succeeded());
  EXPECT_THAT(answers[1].Wait(), Succeeded());
}

TEST_F(CurlBillApiTest, SlowEnvironmentDoesNotBlockAnother) {
  options_.max_parallel_calls = 1;
  TlsServer& slow = ServeHeld();
  TlsServer healthy(authority_.Issue(),
                    [](TlsServer::Connection& connection, const ServedRequest&) {
                      connection.Answer(200, kInfo);
                      return true;
                    });
  CurlBillApi api({environment_, {"healthy", healthy.url(), authority_.file(), ""}}, options_,
                  *clock_);
  Answer<SessionInfo> held;
  api.GetSessionInfo(Keys(), held.done());
  ASSERT_TRUE(slow.WaitForRequests(1));
  SessionKeys keys = Keys();
  keys.environment = "healthy";
  Answer<SessionInfo> answer;
  api.GetSessionInfo(std::move(keys), answer.done());
  EXPECT_THAT(answer.Wait(), Succeeded());
  EXPECT_FALSE(held.IsThere());
  slow.Release();
  EXPECT_THAT(held.Wait(), Succeeded());
}

TEST_F(CurlBillApiTest, CallbackMayStartAnotherCall) {
  Serve([](TlsServer::Connection& connection, const ServedRequest& request) {
    connection.Answer(200, request.method == "GET" ? kInfo : kSignedIn);
    return true;
  });
  Answer<SessionInfo> answer;
  Api().SignIn({credential_, kOrganization},
               [this, done = answer.done()](BillResult<SignInAnswer> signed_in) mutable {
                 EXPECT_THAT(signed_in, Succeeded());
                 Api().GetSessionInfo(Keys(), std::move(done));
               });
  EXPECT_THAT(answer.Wait(), Succeeded());
}

TEST_F(CurlBillApiTest, DestructorAnswersEveryCallOnce) {
  options_.max_parallel_calls = 4;
  TlsServer& bill = ServeHeld();
  auto answers = SendInfos(50);
  ASSERT_TRUE(bill.WaitForRequests(4));
  api_.reset();
  int maybe_sent = 0;
  for (auto& answer : answers) {
    ASSERT_TRUE(answer.IsThere());
    const BillError error = answer.Wait().error();
    EXPECT_THAT(error, HasVerdict(Verdict::kUnavailable));
    maybe_sent += error.delivery == Delivery::kMaybeSent ? 1 : 0;
  }
  EXPECT_EQ(maybe_sent, 4);
}

TEST_F(CurlBillApiTest, DestructorAnswersCallsFromCallbacks) {
  TlsServer& bill = ServeHeld();
  Answer<SignedOut> second;
  Api().GetSessionInfo(
      Keys(), [api = &Api(), done = second.done()](const BillResult<SessionInfo>& first) mutable {
        EXPECT_THAT(first, ::testing::Not(Succeeded()));
        api->SignOut(Keys(), std::move(done));
      });
  ASSERT_TRUE(bill.WaitForRequests(1));
  api_.reset();
  ASSERT_TRUE(second.IsThere());
  EXPECT_THAT(second.Wait(), HasDelivery(Delivery::kNotSent));
}

}  // namespace
}  // namespace billbroker

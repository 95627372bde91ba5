// Tests of CurlBillApi over HTTP/2, against a simulated BILL that speaks nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/server/bill/bill_matchers.h"
#include "tests/server/bill/curl_fixture.h"
#include "tests/server/bill/sample_users.h"
#include "tests/simulator/bill_simulator.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using nlohmann::json;
using ::testing::AllOf;

std::unique_ptr<billsim::BillSimulator> StartHttp2Bill() {
  billsim::BillSimulator::Options options;
  options.data = billsim::ParseData(billsim::SampleData()).value();
  options.http2 = true;
  return std::move(billsim::BillSimulator::Start(std::move(options)).value());
}

class CurlHttp2Test : public ::testing::Test {
 protected:
  BillResult<SignInAnswer> SignIn() {
    Answer<SignInAnswer> answer;
    api_->SignIn({AcmeUser(), kPayables}, answer.done());
    return answer.Wait();
  }
  BillResult<SessionInfo> GetInfo(const SessionKeys& keys) {
    Answer<SessionInfo> answer;
    api_->GetSessionInfo(keys, answer.done());
    return answer.Wait();
  }
  BillResult<SignedOut> SignOut(const SessionKeys& keys) {
    Answer<SignedOut> answer;
    api_->SignOut(keys, answer.done());
    return answer.Wait();
  }
  SessionKeys SignInForKeys() {
    const auto answer = SignIn();
    EXPECT_THAT(answer, Succeeded());
    if (!answer.ok()) return {};
    return {"test", std::make_shared<SecretString>(answer.value().session_id.Clone()),
            std::make_shared<SecretString>(SecretString::CopyOf(kAcmeDevKey))};
  }

  void FailNext(const char* path, json fault) {
    fault["path"] = path;
    ASSERT_THAT(bill_->faults().Add(fault), IsOk());
  }
  // Returns the number of calls of `path` that reached BILL, including calls that failed by a
  // fault.
  [[nodiscard]] int CountCalls(const char* path) const {
    return bill_->model().CountsJson()["paths"].value(path, 0);
  }
  [[nodiscard]] int CountSignInsThatTookEffect() const {
    return bill_->model().CountsJson()["total"]["sign_ins_succeeded"];
  }

  const SystemClock clock_{};
  const std::unique_ptr<billsim::BillSimulator> bill_ = StartHttp2Bill();
  const billsim::Http2Counts& counts_ = bill_->http2_counts();
  std::unique_ptr<CurlBillApi> api_ = std::make_unique<CurlBillApi>(
      std::vector<Environment>{{"test", bill_->base_url(), bill_->ca_file(), ""}}, CurlOptions(),
      clock_);
};

constexpr char kSignInCall[] = "/v3/login";
constexpr char kInfoCall[] = "/v3/login/session";

TEST_F(CurlHttp2Test, SignsInChecksAndSignsOut) {
  const SessionKeys keys = SignInForKeys();
  const auto info = GetInfo(keys);
  ASSERT_THAT(info, Succeeded());
  EXPECT_EQ(info.value().organization_id, kPayables);
  EXPECT_THAT(SignOut(keys), Succeeded());
  EXPECT_THAT(GetInfo(keys), AllOf(HasVerdict(Verdict::kSessionInvalid), HasCode("BDC_1109")));
  EXPECT_EQ(counts_.calls, 4);
}

TEST_F(CurlHttp2Test, CallsShareAConnectionWhileOthersHang) {
  const SessionKeys keys = SignInForKeys();
  FailNext(kInfoCall, {{"kind", "timeout"}, {"seconds", 600}, {"count", 3}});
  std::deque<Answer<SessionInfo>> hanging(3);
  for (auto& answer : hanging) api_->GetSessionInfo(keys, answer.done());
  ASSERT_TRUE(Await([&] { return counts_.calls_under_way == 3; }, "three calls to hang"));
  EXPECT_THAT(GetInfo(keys), Succeeded());
  EXPECT_EQ(counts_.connections, 1);
  api_.reset();
  for (auto& answer : hanging) EXPECT_THAT(answer.Wait(), HasDelivery(Delivery::kMaybeSent));
}

TEST_F(CurlHttp2Test, ManyCallsAtOnceSucceed) {
  ASSERT_THAT(bill_->model().ChangeSettings({{"concurrent_calls", 1000}}), IsOk());
  const SessionKeys keys = SignInForKeys();
  std::deque<Answer<SessionInfo>> answers(200);
  for (auto& answer : answers) api_->GetSessionInfo(keys, answer.done());
  for (auto& answer : answers) EXPECT_THAT(answer.Wait(), Succeeded());
  EXPECT_EQ(counts_.calls, 201);
}

TEST_F(CurlHttp2Test, AnswerOfTenMegabytesIsCutOff) {
  FailNext(kSignInCall, {{"kind", "huge_body"}});
  EXPECT_THAT(SignIn(),
              AllOf(HasVerdict(Verdict::kUnavailable), HasDelivery(Delivery::kMaybeSent)));
}

TEST_F(CurlHttp2Test, DrippingAnswerSucceeds) {
  FailNext(kSignInCall, {{"kind", "slow_body"}, {"milliseconds_per_byte", 1}});
  EXPECT_THAT(SignIn(), Succeeded());
}

// A fault of the sign-in after which BILL may have received it.
struct Loss {
  const char* name;
  json fault;
  int took_effect;  // sign-ins at BILL
};

void PrintTo(const Loss& loss, std::ostream* out) { *out << loss.name; }

class CurlHttp2LossTest : public CurlHttp2Test, public ::testing::WithParamInterface<Loss> {};

// libcurl would repeat a refused request by itself.
TEST_P(CurlHttp2LossTest, SignInIsSentOnceAndMaybeSent) {
  FailNext(kSignInCall, GetParam().fault);
  EXPECT_THAT(SignIn(), AllOf(HasVerdict(Verdict::kUnavailable), HasHttpStatus(0),
                              HasDelivery(Delivery::kMaybeSent)));
  EXPECT_EQ(CountCalls(kSignInCall), 1);
  EXPECT_EQ(CountSignInsThatTookEffect(), GetParam().took_effect);
  EXPECT_THAT(SignIn(), Succeeded()) << "the fault must not outlast its call";
  EXPECT_EQ(CountCalls(kSignInCall), 2);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, CurlHttp2LossTest,
    ::testing::Values(
        Loss{"RefusedStream", {{"kind", "refused_stream"}}, 0},
        Loss{"GoAwayBefore", {{"kind", "goaway"}}, 0},
        Loss{"GoAwayInRequest", {{"kind", "goaway"}, {"moment", "request_headers"}}, 0},
        Loss{"GoAwayInAnswer", {{"kind", "goaway"}, {"moment", "answer_headers"}}, 1},
        Loss{"ResetStream", {{"kind", "reset_stream"}}, 1},
        Loss{"TcpReset", {{"kind", "reset"}}, 0},
        Loss{"TcpResetAfterEffect", {{"kind", "done_answer_lost"}}, 1}),
    [](const auto& loss) { return std::string(loss.param.name); });

class CurlHttp2GoAwayTest : public CurlHttp2Test,
                            public ::testing::WithParamInterface<const char*> {};

TEST_P(CurlHttp2GoAwayTest, IncludedCallSucceedsOnce) {
  FailNext(kSignInCall, {{"kind", "goaway"}, {"moment", GetParam()}, {"processed", true}});
  EXPECT_THAT(SignIn(), Succeeded());
  EXPECT_EQ(CountCalls(kSignInCall), 1);
  EXPECT_THAT(SignIn(), Succeeded());
  EXPECT_EQ(CountCalls(kSignInCall), 2);
  EXPECT_EQ(counts_.connections, 2);
}

INSTANTIATE_TEST_SUITE_P(Moments, CurlHttp2GoAwayTest,
                         ::testing::Values("request_headers", "request_end", "answer_headers"),
                         [](const auto& moment) { return std::string(moment.param); });

TEST_F(CurlHttp2Test, RefusedSessionCheckIsRepeated) {
  const SessionKeys keys = SignInForKeys();
  FailNext(kInfoCall, {{"kind", "refused_stream"}});
  EXPECT_THAT(GetInfo(keys), Succeeded());
  EXPECT_EQ(CountCalls(kInfoCall), 2);
}

// Some versions of libcurl repeat the check and others fail it.
TEST_F(CurlHttp2Test, GoAwayDuringACheckDoesNotAffectTheNext) {
  const SessionKeys keys = SignInForKeys();
  FailNext(kInfoCall, {{"kind", "goaway"}});
  const auto refused = GetInfo(keys);
  if (!refused.ok()) {
    EXPECT_THAT(refused, HasVerdict(Verdict::kUnavailable));
  }
  EXPECT_THAT(GetInfo(keys), Succeeded());
}

TEST_F(CurlHttp2Test, ServerThatRefusesEveryStreamFailsACheck) {
  const SessionKeys keys = SignInForKeys();
  FailNext(kInfoCall, {{"kind", "refused_stream"}, {"count", 0}});
  EXPECT_THAT(GetInfo(keys),
              AllOf(HasVerdict(Verdict::kUnavailable), HasDelivery(Delivery::kMaybeSent)));
}

}  // namespace
}  // namespace billbroker

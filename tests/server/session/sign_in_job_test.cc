// The pipeline of a sign-in with a target that records its calls.
#include "server/session/sign_in_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/support/fake_session_observer.h"
#include "tests/support/fake_store.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_ids.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kAttemptId[] = "attempt-of-the-sign-in-job-test";

// The behavior of a target, and its record, which outlives it.
struct TargetScript {
  absl::Status load_error;
  bool wanted = true;

  std::vector<std::string> calls;
  CredentialPtr planned;  // the credential of Plan()
  CredentialPtr sent;     // the credential of Send()
  SignInTarget::Done answer;
  absl::Status abandoned;
};

class ScriptedTarget final : public SignInTarget {
 public:
  explicit ScriptedTarget(TargetScript& script) : script_(script) {}
  ~ScriptedTarget() override { script_.calls.emplace_back("destroyed"); }

  absl::StatusOr<CredentialPtr> Load() override {
    script_.calls.emplace_back("load");
    if (!script_.load_error.ok()) return script_.load_error;
    auto credential = std::make_shared<Credential>();
    credential->name = kAcme;
    credential->environment = "sandbox-environment";
    return credential;
  }
  absl::optional<SignInPlan> Plan(const CredentialPtr& credential) override {
    script_.calls.emplace_back("plan");
    script_.planned = credential;
    if (!script_.wanted) return absl::nullopt;
    SignInPlan plan;
    plan.facts.id = plan.record.id = kAttemptId;
    return plan;
  }
  void Send(const CredentialPtr& credential, Done done) override {
    script_.calls.emplace_back("send");
    script_.sent = credential;
    script_.answer = std::move(done);
  }
  void Abandon(const absl::Status& error) override {
    script_.calls.emplace_back("abandon");
    script_.abandoned = error;
  }
  void Settle(BillResult<SignInAnswer> result, bool by_gateway) override {
    script_.calls.push_back(absl::StrCat("settle ", result.ok() ? "accepted" : "refused",
                                         by_gateway ? " by gateway" : ""));
  }

 private:
  TargetScript& script_;
};

class ScriptedGateway final : public GatewayLook {
 public:
  void AskIfByGateway(const std::string& environment, BillError error,
                      absl::AnyInvocable<void(bool)> done) override {
    asked.push_back(absl::StrCat(environment, " ", error.http_status));
    answer = std::move(done);
  }

  std::vector<std::string> asked;
  absl::AnyInvocable<void(bool)> answer;
};

BillError RefusedWith(int http_status, absl::string_view code = "") {
  BillError error;
  error.verdict = Verdict::kRefused;
  error.http_status = http_status;
  error.code = std::string(code);
  return error;
}

class SignInJobTest : public ::testing::Test {
 protected:
  SignInJobTest() {
    (void)OpenNow(store, SecretString::CopyOf("master-key-of-the-sign-in-job-test"));
  }
  // The answers hold the job, whose target uses `script`.
  ~SignInJobTest() override {
    script.answer = nullptr;
    gateway.answer = nullptr;
  }

  void Start() {
    SignInJob::Start({executor, store, observer, gateway},
                     std::make_unique<ScriptedTarget>(script));
  }
  void Run() {
    Start();
    executor.RunUntilIdle();
  }
  void Answer(BillResult<SignInAnswer> result) {
    std::exchange(script.answer, nullptr)(std::move(result));
  }

  TargetScript script;  // outlives all jobs
  ManualClock clock;
  ManualExecutor executor{clock};
  FakeStore store;
  FakeSessionObserver observer;
  ScriptedGateway gateway;
};

TEST_F(SignInJobTest, CallsTheTargetInOrder) {
  Run();
  EXPECT_THAT(script.calls, ElementsAre("load", "plan", "send"));
  Answer(SignInAnswer());
  EXPECT_THAT(script.calls, ElementsAre("load", "plan", "send", "settle accepted", "destroyed"));
  EXPECT_THAT(gateway.asked, IsEmpty());
}

TEST_F(SignInJobTest, StartReturnsAtOnce) {
  Start();
  EXPECT_THAT(script.calls, IsEmpty());
  executor.RunUntilIdle();
  EXPECT_FALSE(script.calls.empty());
}

TEST_F(SignInJobTest, SendsTheCredentialThatWasPlanned) {
  Run();
  ASSERT_NE(script.sent, nullptr);
  EXPECT_EQ(script.sent, script.planned);
  EXPECT_EQ(script.sent->name, kAcme);
}

TEST_F(SignInJobTest, AuditsAndRecordsBeforeSending) {
  store.set_hook([&](const StoreChange&) {
    EXPECT_THAT(observer.sign_ins(), SizeIs(1));
    EXPECT_THAT(script.calls, ElementsAre("load", "plan"));
  });
  Run();
  ASSERT_THAT(observer.sign_ins(), SizeIs(1));
  EXPECT_EQ(observer.sign_ins()[0].id, kAttemptId);
  ASSERT_THAT(store.contents().attempts, SizeIs(1));
  EXPECT_EQ(store.contents().attempts[0].id, kAttemptId);
}

TEST_F(SignInJobTest, WaitsForTheRecordWithoutAThread) {
  store.set_pausing(true);
  Run();
  EXPECT_THAT(script.calls, ElementsAre("load", "plan"));
  store.set_pausing(false);
  executor.RunUntilIdle();
  EXPECT_THAT(script.calls, ElementsAre("load", "plan", "send"));
}

TEST_F(SignInJobTest, SendsIfTheRecordFails) {
  store.set_failing(true);
  Run();
  EXPECT_THAT(script.calls, ElementsAre("load", "plan", "send"));
}

// --- ways to abandon ------------------------------------------------------------------------

TEST_F(SignInJobTest, FailedLoadAbandons) {
  script.load_error = absl::UnavailableError("the vault does not answer");
  Run();
  EXPECT_THAT(script.calls, ElementsAre("load", "abandon", "destroyed"));
  EXPECT_EQ(script.abandoned, script.load_error);
  EXPECT_THAT(observer.sign_ins(), IsEmpty());
  EXPECT_THAT(store.writes(), IsEmpty());
}

TEST_F(SignInJobTest, UnwantedSignInEndsWithThePlan) {
  script.wanted = false;
  Run();
  EXPECT_THAT(script.calls, ElementsAre("load", "plan", "destroyed"));
  EXPECT_THAT(observer.sign_ins(), IsEmpty());
  EXPECT_THAT(store.writes(), IsEmpty());
}

TEST_F(SignInJobTest, RefusedAuditAbandons) {
  observer.RefuseSignIns(absl::InternalError("the audit log cannot be written"));
  Run();
  EXPECT_THAT(script.calls, ElementsAre("load", "plan", "abandon", "destroyed"));
  EXPECT_THAT(script.abandoned, StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(store.writes(), IsEmpty());
}

// --- the gateway check ----------------------------------------------------------------------

TEST_F(SignInJobTest, CodedRefusalIsSettledAtOnce) {
  Run();
  Answer(RefusedWith(401, "BDC_1101"));
  EXPECT_EQ(script.calls[3], "settle refused");
  EXPECT_THAT(gateway.asked, IsEmpty());
}

TEST_F(SignInJobTest, UncodedRefusalWaitsForTheGatewayCheck) {
  Run();
  Answer(RefusedWith(403));
  ASSERT_THAT(gateway.asked, ElementsAre("sandbox-environment 403"));
  EXPECT_THAT(script.calls, ElementsAre("load", "plan", "send"));
  std::exchange(gateway.answer, nullptr)(false);
  EXPECT_THAT(script.calls, ElementsAre("load", "plan", "send", "settle refused", "destroyed"));
}

TEST_F(SignInJobTest, ReportsARefusalByAGateway) {
  Run();
  Answer(RefusedWith(403));
  ASSERT_THAT(gateway.asked, SizeIs(1));
  gateway.answer(true);
  EXPECT_EQ(script.calls[3], "settle refused by gateway");
}

}  // namespace
}  // namespace billbroker

// Records of sign-ins in the audit log, and the log lines about its state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "server/access/audit/audit_log.h"
#include "server/app/audit_watch.h"
#include "server/app/log_observer.h"
#include "server/app/sign_in_audit.h"
#include "tests/server/access/audit/audit_harness.h"
#include "tests/support/fake_audit.h"
#include "tests/support/manual_time.h"
#include "tests/support/seeded_random.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SignInAuditTest : public ::testing::Test {
 protected:
  static SignInFacts Facts() {
    SignInFacts facts;
    facts.id = "attempt-0000000001";
    facts.principal = "unix:payroll-service";
    facts.credential = "acme-corporation-payables";
    facts.version = 3;
    facts.organization_id = "00800000000000000081";
    facts.dev_key_id = "0123456789abcdef";
    return facts;
  }
  static Session Ended() {
    Session session;
    session.organization_id = "00800000000000000081";
    session.credential = "acme-corporation-payables";
    session.version = 3;
    session.generation = 17;
    return session;
  }

  std::ostringstream lines_;
  ManualClock clock_;
  JsonLog log_{LogLevel::kDebug, clock_, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
  LogObserver next_{log_};
  FakeAudit audit_;
  SignInAudit sign_ins_{audit_, next_};
};

TEST_F(SignInAuditTest, SignInRecordsIntentAndOutcome) {
  ASSERT_THAT(sign_ins_.SignInStarts(Facts()), IsOk());
  sign_ins_.SignInEnded(Facts(), absl::OkStatus(), 17);
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 2U);
  for (const AuditEntry& entry : entries) {
    EXPECT_EQ(entry.event, AuditEvent::kSignIn);
    EXPECT_EQ(entry.principal, "unix:payroll-service");
    EXPECT_EQ(entry.organization, "00800000000000000081");
    EXPECT_EQ(entry.credential, "acme-corporation-payables");
    EXPECT_EQ(entry.version, 3U);
    EXPECT_EQ(entry.dev_key_id, "0123456789abcdef");
    EXPECT_EQ(entry.request_id, "attempt-0000000001");
  }
  EXPECT_EQ(entries[0].phase, AuditPhase::kIntent);
  EXPECT_EQ(entries[0].outcome, "");
  EXPECT_EQ(entries[1].phase, AuditPhase::kOutcome);
  EXPECT_EQ(entries[1].outcome, "OK");
  EXPECT_EQ(entries[1].generation, 17U);
  EXPECT_THAT(lines_.str(), HasSubstr("signed_in"));
}

TEST_F(SignInAuditTest, RecordsReasonOfRejectedSignIn) {
  sign_ins_.SignInEnded(Facts(), MakeError(Reason::kCredentialRejected, "BILL refused it"), 0);
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].outcome, "FAILED_PRECONDITION");
  EXPECT_EQ(entries[0].reason, "CREDENTIAL_REJECTED");
  EXPECT_EQ(entries[0].generation, 0U);
}

TEST_F(SignInAuditTest, UnrecordedSignInDoesNotStart) {
  audit_.Break();
  EXPECT_THAT(sign_ins_.SignInStarts(Facts()), HasReason(Reason::kAuditUnavailable));
  EXPECT_EQ(lines_.str(), "");
}

TEST_F(SignInAuditTest, AttributesOwnActionsToTheBroker) {
  SignInFacts facts = Facts();
  facts.principal.clear();
  ASSERT_THAT(sign_ins_.SignInStarts(facts), IsOk());
  sign_ins_.LogOutStarts(Ended());
  sign_ins_.LogOutEnded(Ended(), absl::OkStatus());
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 3U);
  for (const AuditEntry& entry : entries) EXPECT_EQ(entry.principal, "broker");
  EXPECT_EQ(entries[1].event, AuditEvent::kLogOut);
  EXPECT_EQ(entries[1].phase, AuditPhase::kIntent);
  EXPECT_EQ(entries[2].phase, AuditPhase::kOutcome);
  EXPECT_EQ(entries[2].generation, 17U);
}

class AuditWatchTest : public ::testing::Test {
 protected:
  // Opens a log, fills its disk, and closes it.
  void FillTheDisk() {
    AuditLog audit({.path = "/a.jsonl", .retry_interval = absl::Hours(1)}, file_, head_, clock_,
                   random_, watch_);
    watch_.Watch(audit);
    audit.Open(AuditMasterKey());
    EXPECT_THAT(audit.Write(SampleEntry()), IsOk());
    file_.SetRoom(0);
    EXPECT_THAT(audit.Write(SampleEntry()), Not(IsOk()));
  }

  std::ostringstream lines_;
  ManualClock clock_;
  JsonLog log_{LogLevel::kInfo, clock_, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
  SeededRandom random_;
  FakeAuditFile file_;
  FakeAuditHead head_;
  AuditWatch watch_{log_};
  std::vector<bool> notified_;
};

TEST_F(AuditWatchTest, LogsEachChangeAndNotifies) {
  watch_.Tell([this](bool writable) { notified_.push_back(writable); });
  FillTheDisk();
  EXPECT_THAT(lines_.str(), HasSubstr(R"("level":"info","event":"audit_state","writable":true)"));
  EXPECT_THAT(lines_.str(), HasSubstr(R"("level":"error","event":"audit_state","writable":false,)"
                                      R"("message":"audit log /a.jsonl: )"));
  EXPECT_THAT(notified_, ElementsAre(true, false));
}

TEST_F(AuditWatchTest, LostHeadIsLoggedAsWarning) {
  watch_.Tell([this](bool writable) { notified_.push_back(writable); });
  for (int i = 0; i < 2; ++i) {
    head_.Set({});
    AuditLog audit({.path = "/a.jsonl"}, file_, head_, clock_, random_, watch_);
    watch_.Watch(audit);
    audit.Open(AuditMasterKey());
    EXPECT_THAT(audit.Write(SampleEntry()), IsOk());
  }
  EXPECT_THAT(lines_.str(), HasSubstr(R"("level":"warning","event":"audit_state","writable":true,)"
                                      R"("message":")"));
  EXPECT_THAT(notified_, ElementsAre(true, true));
}

TEST_F(AuditWatchTest, StopsNotifyingAfterReset) {
  watch_.Tell([this](bool writable) { notified_.push_back(writable); });
  watch_.Tell(nullptr);
  FillTheDisk();
  EXPECT_THAT(notified_, IsEmpty());
}

}  // namespace
}  // namespace billbroker

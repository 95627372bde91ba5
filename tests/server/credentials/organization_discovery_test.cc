#include "server/credentials/organization_discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::Not;

using Found = OrganizationDiscovery::Found;

// Returns one line for each organization, or the error.
std::vector<std::string> Shown(const absl::StatusOr<Found>& found) {
  std::vector<std::string> shown;
  if (!found.ok()) return {found.status().ToString()};
  for (const DiscoveredOrganization& each : *found) {
    shown.push_back(absl::StrCat(each.id, " ", each.name, each.attached ? " attached" : ""));
  }
  return shown;
}

// kAcme is a user of kFirstOrganization and kSecondOrganization.
class OrganizationDiscoveryTest : public ::testing::Test {
 protected:
  OrganizationDiscoveryTest() {
    const auto stored = broker_.manager.Create(SampleUser(kAcme));
    EXPECT_THAT(stored, IsOk());
  }

  absl::StatusOr<Found> Discover(OrganizationDiscovery::Request request) {
    absl::StatusOr<Found> answer = absl::UnknownError("not answered");
    request.patience = absl::Seconds(30);
    broker_.discovery.Discover(
        std::move(request), [&answer](absl::StatusOr<Found> found) { answer = std::move(found); });
    executor_.RunUntilIdle();
    return answer;
  }
  absl::StatusOr<Found> Discover() { return Discover({.credential = kAcme}); }

  void GetSession(absl::string_view organization_id) {
    broker_.sessions.GetSession(organization_id, "", SessionDemand(),
                                [](const absl::StatusOr<SessionPtr>&) {});
    executor_.RunUntilIdle();
  }

  // Serves the pages "", "1", "2", …, each with `per_page` organizations. The last page has no next
  // page.
  void ServePages(int pages, int per_page) {
    for (int page = 0; page < pages; ++page) {
      OrganizationPage answer;
      for (int i = 0; i < per_page; ++i) {
        answer.organizations.push_back({absl::StrCat("00800000000000009-", page, "-", i), ""});
      }
      if (page + 1 < pages) answer.next_page = absl::StrCat(page + 1);
      broker_.bill.SetOrganizationPage(page == 0 ? "" : absl::StrCat(page), std::move(answer));
    }
  }

  ManualClock executor_clock_;
  ManualExecutor executor_{executor_clock_};
  TestBroker broker_{executor_};
};

TEST_F(OrganizationDiscoveryTest, ReadsAllPagesAndMarksAttached) {
  broker_.bill.SetOrganizationPage(
      "", {{{kThirdOrganization, "Third"}, {kFirstOrganization, "First"}}, "p 2"});
  broker_.bill.SetOrganizationPage(
      "p 2", {{{kSecondOrganization, "Second"}, {kFirstOrganization, "again"}}, ""});
  EXPECT_THAT(Shown(Discover()), ElementsAre(absl::StrCat(kFirstOrganization, " First attached"),
                                             absl::StrCat(kSecondOrganization, " Second attached"),
                                             absl::StrCat(kThirdOrganization, " Third")));
  EXPECT_THAT(broker_.bill.organization_pages(), ElementsAre("", "p 2"));
}

TEST_F(OrganizationDiscoveryTest, SpendsAtMostOneSignIn) {
  ASSERT_THAT(Discover(), IsOk());
  EXPECT_EQ(broker_.bill.CountSignInsOf(kFirstOrganization), 1);
  ASSERT_THAT(Discover(), IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
}

TEST_F(OrganizationDiscoveryTest, PrefersOrganizationWithLiveSession) {
  GetSession(kSecondOrganization);
  ASSERT_THAT(Discover(), IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
  EXPECT_EQ(broker_.bill.CountSignInsOf(kFirstOrganization), 0);
}

TEST_F(OrganizationDiscoveryTest, SignsInToRequestedOrganization) {
  EXPECT_THAT(Shown(Discover({.credential = kAcme, .organization_id = kSecondOrganization})),
              ElementsAre(absl::StrCat(kSecondOrganization, " Its own attached")));
  EXPECT_EQ(broker_.bill.CountSignInsOf(kSecondOrganization), 1);
}

TEST_F(OrganizationDiscoveryTest, ReplacesDeadSessionOnce) {
  GetSession(kFirstOrganization);
  broker_.bill.KillAllSessions();
  EXPECT_THAT(Shown(Discover()),
              ElementsAre(absl::StrCat(kFirstOrganization, " Its own attached")));
  EXPECT_EQ(broker_.bill.CountSignInsOf(kFirstOrganization), 2);
}

TEST_F(OrganizationDiscoveryTest, DoesNotLoopIfEverySessionIsDead) {
  broker_.bill.FailNextOrganizationLists(50, Refusal(Verdict::kSessionInvalid, "BDC_1109"));
  EXPECT_THAT(Discover(), HasReason(Reason::kSessionUnstable));
  EXPECT_EQ(broker_.bill.organization_pages().size(), 2U);
}

TEST_F(OrganizationDiscoveryTest, RenewalStartsAtFirstPage) {
  broker_.bill.SetOrganizationPage("", {{{kFirstOrganization, "First"}}, "2"});
  broker_.bill.SetOrganizationPage("2", {{{kSecondOrganization, "Second"}}, ""});
  broker_.bill.Hold();
  absl::StatusOr<Found> answer = absl::UnknownError("not answered");
  broker_.discovery.Discover({.credential = kAcme, .patience = absl::Seconds(30)},
                             [&answer](absl::StatusOr<Found> found) { answer = std::move(found); });
  executor_.RunUntilIdle();
  ASSERT_TRUE(broker_.bill.ReleaseOne());  // the sign-in
  executor_.RunUntilIdle();
  ASSERT_TRUE(broker_.bill.ReleaseOne());  // the first page
  broker_.bill.KillAllSessions();
  broker_.bill.ReleaseAll();
  broker_.bill.AnswerAtOnce();
  executor_.RunUntilIdle();
  EXPECT_THAT(Shown(answer), ElementsAre(absl::StrCat(kFirstOrganization, " First attached"),
                                         absl::StrCat(kSecondOrganization, " Second attached")));
  EXPECT_THAT(broker_.bill.organization_pages(), ElementsAre("", "2", "", "2"));
}

TEST_F(OrganizationDiscoveryTest, ReadsTenThousandOrganizationsAtMost) {
  ServePages(100, 100);
  const absl::StatusOr<Found> most = Discover();
  ASSERT_THAT(most, IsOk());
  EXPECT_EQ(most->size(), kMaxOrganizations);
  broker_.bill.SetOrganizationPage("99", {{}, "100"});
  broker_.bill.SetOrganizationPage("100", {{{"00800000000000000100", ""}}, ""});
  ASSERT_THAT(Discover(), IsOk()) << "9,901 organizations";
  OrganizationPage more;
  for (int i = 0; i < 100; ++i)
    more.organizations.push_back({absl::StrCat("0080000000000000020", i), ""});
  broker_.bill.SetOrganizationPage("100", std::move(more));
  ASSERT_THAT(Discover(), IsOk());
  broker_.bill.SetOrganizationPage("99", {{{"00800000000000000300", ""}}, "100"});
  EXPECT_THAT(Discover(), HasReason(Reason::kBillUnavailable));
}

TEST_F(OrganizationDiscoveryTest, LimitsNumberOfPages) {
  broker_.bill.SetLatency(
      absl::ZeroDuration());  // AnswerAtOnce() would put a thousand answers on one stack
  ServePages(OrganizationDiscovery::kMaxPages, 1);
  ASSERT_THAT(Discover(), IsOk());
  ServePages(OrganizationDiscovery::kMaxPages + 1, 1);
  EXPECT_THAT(Discover(), HasReason(Reason::kBillUnavailable));
}

TEST_F(OrganizationDiscoveryTest, DetectsCircleOfPages) {
  broker_.bill.SetOrganizationPage("", {{{kFirstOrganization, ""}}, "a"});
  broker_.bill.SetOrganizationPage("a", {{{kSecondOrganization, ""}}, "b"});
  broker_.bill.SetOrganizationPage("b", {{{kThirdOrganization, ""}}, "a"});
  EXPECT_THAT(Discover(), HasReason(Reason::kBillUnavailable));
  EXPECT_EQ(broker_.bill.organization_pages().size(), 3U);
}

TEST_F(OrganizationDiscoveryTest, StopsWhenResultIsNotWanted) {
  ServePages(5, 1);
  int asked = 0;
  const auto found = Discover({.credential = kAcme, .wanted = [&asked] { return ++asked <= 2; }});
  EXPECT_THAT(found, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(broker_.bill.organization_pages().size(), 2U);
}

// A refusal of BILL and the error that it becomes.
struct RefusalCase {
  Verdict verdict;
  Reason reason;
  bool has_retry_after;
};

void PrintTo(const RefusalCase& refusal, std::ostream* out) {
  *out << VerdictName(refusal.verdict);
}

class DiscoveryRefusalTest : public OrganizationDiscoveryTest,
                             public ::testing::WithParamInterface<RefusalCase> {};

TEST_P(DiscoveryRefusalTest, BecomesReasonAndRetryAfter) {
  const RefusalCase& expected = GetParam();
  broker_.bill.FailNextOrganizationLists(1, Refusal(expected.verdict, "BDC_1322"));
  const absl::StatusOr<Found> refused = Discover();
  EXPECT_THAT(refused, AllOf(HasReason(expected.reason), HasMetadata("bill_code", "BDC_1322")));
  if (expected.has_retry_after) {
    EXPECT_THAT(refused, HasRetryAfter(Gt(absl::ZeroDuration())));
  } else {
    EXPECT_THAT(refused, Not(HasRetryAfter(_)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Verdicts, DiscoveryRefusalTest,
    ::testing::Values(RefusalCase{Verdict::kUnavailable, Reason::kBillUnavailable, true},
                      RefusalCase{Verdict::kTooManyConcurrent, Reason::kBillUnavailable, true},
                      RefusalCase{Verdict::kRefused, Reason::kBillUnavailable, true},
                      RefusalCase{Verdict::kRateLimited, Reason::kBillRateLimited, true},
                      RefusalCase{Verdict::kDevKeyRejected, Reason::kDevKeyRejected, false},
                      RefusalCase{Verdict::kOrganizationRejected, Reason::kOrganizationRejected,
                                  false},
                      RefusalCase{Verdict::kUserLocked, Reason::kLockedOut, false},
                      RefusalCase{Verdict::kUntrusted, Reason::kMfaRequired, false}));

TEST_F(OrganizationDiscoveryTest, HourlyLimitEndsWithTheHourOfBillsClock) {
  BillError limited = Refusal(Verdict::kRateLimited, "BDC_1144");
  limited.bill_time = absl::UnixEpoch() + absl::Hours(500'000) + absl::Minutes(40);
  broker_.bill.FailNextOrganizationLists(1, limited);
  EXPECT_THAT(Discover(), HasRetryAfter(AllOf(Gt(absl::Minutes(20)), Lt(absl::Minutes(21)))));
}

TEST_F(OrganizationDiscoveryTest, RefusedSignInFailsDiscovery) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(Discover(), HasReason(Reason::kCredentialRejected));
  EXPECT_THAT(broker_.bill.organization_pages(), IsEmpty());
}

TEST_F(OrganizationDiscoveryTest, RejectsUnknownNames) {
  EXPECT_THAT(Discover({.credential = "unknown-credential"}),
              HasReason(Reason::kUnknownCredential));
  EXPECT_THAT(Discover({.credential = kAcme, .organization_id = "00800000000000000099"}),
              HasReason(Reason::kUnknownOrganization));
  Credential bare = SampleUser("without-organizations");
  bare.username = "bare@acme.example";
  bare.organizations.clear();
  ASSERT_THAT(broker_.manager.Create(std::move(bare)), IsOk());
  const absl::Status none = Discover({.credential = "without-organizations"}).status();
  EXPECT_THAT(none, HasReason(Reason::kUnknownOrganization));
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(OrganizationDiscoveryTest, ErrorTextsNameCauseOrFix) {
  const auto text = [this] { return std::string(Discover().status().message()); };
  broker_.bill.SetOrganizationPage("", {{{kFirstOrganization, ""}}, "a"});
  broker_.bill.SetOrganizationPage("a", {{{kSecondOrganization, ""}}, "a"});
  EXPECT_THAT(text(), HasSubstr("the same page of organizations again"));
  ServePages(101, 100);
  EXPECT_THAT(text(), HasSubstr("more than 10000 organizations"));
  broker_.bill.SetLatency(absl::ZeroDuration());
  ServePages(OrganizationDiscovery::kMaxPages + 1, 1);
  EXPECT_THAT(text(), HasSubstr("more than 1000 pages"));
  broker_.bill.AnswerAtOnce();  // Detach() waits for the log-out
  const CredentialInfoPtr acme = *broker_.credentials.Get(kAcme);
  ASSERT_THAT(broker_.manager.Detach({acme->name, acme->uid, acme->version},
                                     {kFirstOrganization, kSecondOrganization}),
              IsOk());
  EXPECT_THAT(text(), HasSubstr("attach one first"));
}

TEST_F(OrganizationDiscoveryTest, ErrorsContainNoSecret) {
  broker_.bill.FailNextOrganizationLists(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(Discover().status().ToString(), Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace billbroker

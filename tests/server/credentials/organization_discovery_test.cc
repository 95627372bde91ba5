#include "server/credentials/organization_discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Found = OrganizationDiscovery::Found;

std::vector<std::string> Shown(const absl::StatusOr<Found>& found) {
  std::vector<std::string> shown;
  if (!found.ok()) return {found.status().ToString()};
  for (const DiscoveredOrganization& each : *found) {
    shown.push_back(absl::StrCat(each.id, " ", each.name, each.attached ? " attached" : ""));
  }
  return shown;
}

// "acme" is a user of the organizations 0081 and 0082.
class OrganizationDiscoveryTest : public ::testing::Test {
 protected:
  OrganizationDiscoveryTest() {
    const auto stored = broker_.manager.Create(SampleUser("acme"));
    EXPECT_TRUE(stored.ok()) << stored.status();
  }

  absl::StatusOr<Found> Discover(OrganizationDiscovery::Request request) {
    absl::StatusOr<Found> answer = absl::InternalError("no answer came");
    request.patience = absl::Seconds(30);
    broker_.discovery.Discover(
        std::move(request), [&answer](absl::StatusOr<Found> found) { answer = std::move(found); });
    executor_.RunUntilIdle();
    return answer;
  }
  absl::StatusOr<Found> Discover() { return Discover({.credential = "acme"}); }

  void GetSession(absl::string_view organization_id) {
    broker_.engine.GetSession(organization_id, "", SessionDemand(),
                              [](const absl::StatusOr<SessionPtr>&) {});
    executor_.RunUntilIdle();
  }

  // Pages "", "1", "2", …, each of `per_page` organizations, the last of which names no next.
  void ServePages(int pages, int per_page) {
    for (int page = 0; page < pages; ++page) {
      OrganizationPage answer;
      for (int i = 0; i < per_page; ++i) {
        answer.organizations.push_back({absl::StrCat("00800000000000000090-", page, "-", i), ""});
      }
      if (page + 1 < pages) answer.next_page = absl::StrCat(page + 1);
      broker_.bill.SetOrganizationPage(page == 0 ? "" : absl::StrCat(page), std::move(answer));
    }
  }

  ManualClock executor_clock_;
  ManualExecutor executor_{executor_clock_};
  TestBroker broker_{executor_};
};

TEST_F(OrganizationDiscoveryTest, ReadsAllPagesAndSaysWhatIsAttached) {
  broker_.bill.SetOrganizationPage(
      "", {{{"00800000000000000083", "Third"}, {"00800000000000000081", "First"}}, "p 2"});
  broker_.bill.SetOrganizationPage(
      "p 2", {{{"00800000000000000082", "Second"}, {"00800000000000000081", "again"}}, ""});
  EXPECT_THAT(Shown(Discover()),
              ElementsAre("00800000000000000081 First attached",
                          "00800000000000000082 Second attached", "00800000000000000083 Third"));
  EXPECT_THAT(broker_.bill.organization_pages(), ElementsAre("", "p 2"));
}

TEST_F(OrganizationDiscoveryTest, SpendsOneSignInAndNoneWhereASessionLives) {
  ASSERT_TRUE(Discover().ok());
  EXPECT_EQ(broker_.bill.CountSignInsOf("00800000000000000081"), 1);
  ASSERT_TRUE(Discover().ok());
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
}

TEST_F(OrganizationDiscoveryTest, PrefersAnOrganizationWithALiveSession) {
  GetSession("00800000000000000082");
  ASSERT_TRUE(Discover().ok());
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
  EXPECT_EQ(broker_.bill.CountSignInsOf("00800000000000000081"), 0);
}

TEST_F(OrganizationDiscoveryTest, SignsInToTheOrganizationThatIsNamed) {
  EXPECT_THAT(Shown(Discover({.credential = "acme", .organization_id = "00800000000000000082"})),
              ElementsAre("00800000000000000082 Its own attached"));
  EXPECT_EQ(broker_.bill.CountSignInsOf("00800000000000000082"), 1);
}

TEST_F(OrganizationDiscoveryTest, ASessionThatDiedIsReplacedOnce) {
  GetSession("00800000000000000081");
  broker_.bill.KillAllSessions();
  EXPECT_THAT(Shown(Discover()), ElementsAre("00800000000000000081 Its own attached"));
  EXPECT_EQ(broker_.bill.CountSignInsOf("00800000000000000081"), 2);
}

TEST_F(OrganizationDiscoveryTest, AnOrganizationListThatCallsEverySessionDeadDoesNotLoop) {
  broker_.bill.FailNextOrganizationLists(50, Refusal(Verdict::kSessionInvalid, "BDC_1109"));
  EXPECT_TRUE(HasReason(Discover().status(), Reason::kSessionUnstable));
  EXPECT_EQ(broker_.bill.organization_pages().size(), 2U);
}

TEST_F(OrganizationDiscoveryTest, AfterARenewalThePagesAreReadFromTheFirst) {
  broker_.bill.SetOrganizationPage("", {{{"00800000000000000081", "First"}}, "2"});
  broker_.bill.SetOrganizationPage("2", {{{"00800000000000000082", "Second"}}, ""});
  broker_.bill.Hold();
  absl::StatusOr<Found> answer = absl::InternalError("no answer came");
  broker_.discovery.Discover({.credential = "acme", .patience = absl::Seconds(30)},
                             [&answer](absl::StatusOr<Found> found) { answer = std::move(found); });
  executor_.RunUntilIdle();
  ASSERT_TRUE(broker_.bill.ReleaseOne());  // the sign-in
  executor_.RunUntilIdle();
  ASSERT_TRUE(broker_.bill.ReleaseOne());  // the first page
  broker_.bill.KillAllSessions();
  broker_.bill.ReleaseAll();
  broker_.bill.AnswerAtOnce();
  executor_.RunUntilIdle();
  EXPECT_THAT(Shown(answer), ElementsAre("00800000000000000081 First attached",
                                         "00800000000000000082 Second attached"));
  EXPECT_THAT(broker_.bill.organization_pages(), ElementsAre("", "2", "", "2"));
}

TEST_F(OrganizationDiscoveryTest, TenThousandOrganizationsAreReadAndOneMoreIsAnError) {
  ServePages(100, 100);
  const absl::StatusOr<Found> most = Discover();
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->size(), kMaxOrganizations);
  broker_.bill.SetOrganizationPage("99", {{}, "100"});
  broker_.bill.SetOrganizationPage("100", {{{"x", ""}}, ""});
  ASSERT_TRUE(Discover().ok()) << "9,901 of them";
  OrganizationPage more;
  for (int i = 0; i < 100; ++i) more.organizations.push_back({absl::StrCat("y", i), ""});
  broker_.bill.SetOrganizationPage("100", std::move(more));
  ASSERT_TRUE(Discover().ok());
  broker_.bill.SetOrganizationPage("99", {{{"z", ""}}, "100"});
  const absl::Status refused = Discover().status();
  EXPECT_TRUE(HasReason(refused, Reason::kBillUnavailable)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("more than 10000 organizations"));
}

TEST_F(OrganizationDiscoveryTest, PagesWithoutEndAreNotFollowedForEver) {
  broker_.bill.SetLatency(absl::ZeroDuration());  // or a thousand answers would lie on one stack
  ServePages(OrganizationDiscovery::kMaxPages, 1);
  ASSERT_TRUE(Discover().ok());
  ServePages(OrganizationDiscovery::kMaxPages + 1, 1);
  EXPECT_THAT(Discover().status().message(), HasSubstr("more than 1000 pages"));
}

TEST_F(OrganizationDiscoveryTest, PagesThatRunInACircleAreNoticedAtOnce) {
  broker_.bill.SetOrganizationPage("", {{{"00800000000000000081", ""}}, "a"});
  broker_.bill.SetOrganizationPage("a", {{{"00800000000000000082", ""}}, "b"});
  broker_.bill.SetOrganizationPage("b", {{{"00800000000000000083", ""}}, "a"});
  EXPECT_THAT(Discover().status().message(), HasSubstr("the same page of organizations again"));
  EXPECT_EQ(broker_.bill.organization_pages().size(), 3U);
}

TEST_F(OrganizationDiscoveryTest, WhatNobodyWaitsForIsNotReadOn) {
  ServePages(5, 1);
  int asked = 0;
  const auto found = Discover({.credential = "acme", .wanted = [&asked] { return ++asked <= 2; }});
  EXPECT_EQ(found.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(broker_.bill.organization_pages().size(), 2U);
}

TEST_F(OrganizationDiscoveryTest, ARefusalSaysWhyAndWhenToAskAgain) {
  const std::pair<Verdict, Reason> cases[] = {
      {Verdict::kUnavailable, Reason::kBillUnavailable},
      {Verdict::kTooManyConcurrent, Reason::kBillUnavailable},
      {Verdict::kRefused, Reason::kBillUnavailable},
      {Verdict::kRateLimited, Reason::kBillRateLimited},
      {Verdict::kDevKeyRejected, Reason::kDevKeyRejected},
      {Verdict::kOrganizationRejected, Reason::kOrganizationRejected},
      {Verdict::kUserLocked, Reason::kLockedOut},
      {Verdict::kUntrusted, Reason::kMfaRequired}};
  for (const auto& [verdict, reason] : cases) {
    broker_.bill.FailNextOrganizationLists(1, Refusal(verdict, "BDC_1322"));
    const absl::optional<ErrorDetails> details = DetailsOf(Discover().status());
    ASSERT_TRUE(details.has_value()) << VerdictName(verdict);
    EXPECT_EQ(details->reason, reason) << VerdictName(verdict);
    EXPECT_EQ(details->metadata.at("bill_code"), "BDC_1322");
    const bool waiting_helps =
        reason == Reason::kBillUnavailable || reason == Reason::kBillRateLimited;
    EXPECT_EQ(details->retry_after.has_value(), waiting_helps) << VerdictName(verdict);
  }
}

TEST_F(OrganizationDiscoveryTest, ARefusedSignInIsToldAsGetSessionTellsIt) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_TRUE(HasReason(Discover().status(), Reason::kCredentialRejected));
  EXPECT_THAT(broker_.bill.organization_pages(), IsEmpty());
}

TEST_F(OrganizationDiscoveryTest, WhatIsNotThereIsSaid) {
  EXPECT_TRUE(HasReason(Discover({.credential = "nobody"}).status(), Reason::kUnknownCredential));
  EXPECT_TRUE(HasReason(
      Discover({.credential = "acme", .organization_id = "00800000000000000099"}).status(),
      Reason::kUnknownOrganization));
  Credential bare = SampleUser("bare");
  bare.username = "bare@acme.example";
  bare.organizations.clear();
  ASSERT_TRUE(broker_.manager.Create(std::move(bare)).ok());
  const absl::Status none = Discover({.credential = "bare"}).status();
  EXPECT_TRUE(HasReason(none, Reason::kUnknownOrganization));
  EXPECT_THAT(none.message(), HasSubstr("attach one first"));
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(OrganizationDiscoveryTest, NoErrorHoldsASecret) {
  broker_.bill.FailNextOrganizationLists(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(Discover().status().ToString(), Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace billbroker

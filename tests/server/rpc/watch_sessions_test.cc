// The messages that a reader of WatchSessions receives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/rpc/watch_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Not;

class WatchSessionsTest : public WatchTest {};

TEST_F(WatchSessionsTest, SendsStateThenCompleteThenChanges) {
  const std::uint64_t generation = GetSession("00800000000000000081")->generation();
  const auto watch = Watch({"00800000000000000081", "00800000000000000082"});
  const std::vector<v1::SessionUpdate> present = watch->PresentState(2);
  EXPECT_EQ(present[0].organization_id(), "00800000000000000081");
  EXPECT_EQ(present[0].session().session_id(), FakeBill::SessionId(1));
  EXPECT_EQ(present[0].session().generation(), generation);
  EXPECT_EQ(present[0].session().remaining().seconds(), 34 * 60);
  EXPECT_EQ(present[0].session().dev_key(), "");
  EXPECT_EQ(present[1].organization_id(), "00800000000000000082");
  EXPECT_THAT(FromErrorStatus(present[1].error()), HasReason(Reason::kNoLiveSession));
  EXPECT_EQ(broker_.bill.CountSignIns(), 1) << "a watch does not sign in";

  ASSERT_THAT(GetSession("00800000000000000082"), IsOk());
  const v1::SessionUpdate change = watch->NextUpdate();
  EXPECT_EQ(change.organization_id(), "00800000000000000082");
  EXPECT_EQ(change.session().session_id(), FakeBill::SessionId(2));
}

TEST_F(WatchSessionsTest, ReportsLogoutAndNextSignIn) {
  const std::uint64_t generation = GetSession("00800000000000000081")->generation();
  const auto watch = Watch({"00800000000000000081"});
  watch->PresentState(1);
  EXPECT_TRUE(Logout("00800000000000000081"));
  EXPECT_THAT(watch->NextError(), HasReason(Reason::kNoLiveSession));
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  EXPECT_GT(watch->NextUpdate().session().generation(), generation);
}

TEST_F(WatchSessionsTest, ReportsExtendedDeadline) {
  v1::GetSessionRequest request;
  request.set_organization_id("00800000000000000081");
  const v1::Session first = *GetSession(request);
  const auto watch = Watch({"00800000000000000081"});
  watch->PresentState(1);
  broker_.clock.Advance(absl::Minutes(20));
  request.mutable_min_remaining()->set_seconds(17 * 60);
  ASSERT_THAT(GetSession(request), IsOk());
  const v1::Session renewed = watch->NextUpdate().session();
  EXPECT_EQ(renewed.generation(), first.generation());
  EXPECT_EQ(renewed.expire_time().seconds(), first.expire_time().seconds() + 20 * 60);
}

TEST_F(WatchSessionsTest, ReportsRejectionByBill) {
  const auto watch = Watch({"00800000000000000081"});
  watch->PresentState(1);
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  ASSERT_THAT(GetSession("00800000000000000081"), Not(IsOk()));
  const absl::Status refused = watch->NextError();
  EXPECT_THAT(refused, HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(DetailsOf(refused)->metadata["bill_code"], "BDC_1101");
}

TEST_F(WatchSessionsTest, SendsNoUnchangedState) {
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  const auto watch =
      Watch({"00800000000000000081", "00800000000000000082", "00800000000000000099"});
  watch->PresentState(3);
  hub_.EverythingChanged();
  ASSERT_THAT(GetSession("00800000000000000082"), IsOk());
  EXPECT_EQ(watch->NextUpdate().organization_id(), "00800000000000000082");
  Logout("00800000000000000081");
  EXPECT_EQ(watch->NextUpdate().organization_id(), "00800000000000000081");
}

TEST_F(WatchSessionsTest, EachStreamReceivesItsOrganizations) {
  const auto first = Watch({"00800000000000000081", "00800000000000000082"});
  const auto second = Watch({"00800000000000000082", "00800000000000000083"});
  first->PresentState(2);
  second->PresentState(2);
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  ASSERT_THAT(GetSession("00800000000000000083"), IsOk());
  ASSERT_THAT(GetSession("00800000000000000082"), IsOk());
  EXPECT_EQ(first->NextUpdate().session().session_id(), FakeBill::SessionId(1));
  EXPECT_EQ(first->NextUpdate().session().session_id(), FakeBill::SessionId(3));
  EXPECT_EQ(second->NextUpdate().session().session_id(), FakeBill::SessionId(2));
  EXPECT_EQ(second->NextUpdate().session().session_id(), FakeBill::SessionId(3));
}

TEST_F(WatchSessionsTest, ReportsOrganizationOnceAttached) {
  const auto watch = Watch({"00800000000000000090"});
  EXPECT_THAT(FromErrorStatus(watch->PresentState(1)[0].error()),
              HasReason(Reason::kUnknownOrganization));
  Create(NewUser("late", {"00800000000000000090"}));
  EXPECT_THAT(watch->NextError(), HasReason(Reason::kNoLiveSession));
  ASSERT_THAT(GetSession("00800000000000000090"), IsOk());
  EXPECT_EQ(watch->NextUpdate().session().credential(), "late");
}

TEST_F(WatchSessionsTest, ReportsTheRemainingCredential) {
  const v1::Credential other = Create(NewUser("other", {"00800000000000000081"}));
  v1::WatchSessionsRequest request = Of({"00800000000000000081", "00800000000000000081"});
  request.mutable_organizations(1)->set_credential("acme-payables-user");
  const auto watch = Watch(request);
  const std::vector<v1::SessionUpdate> present = watch->PresentState(2);
  EXPECT_THAT(FromErrorStatus(present[0].error()), HasReason(Reason::kAmbiguousCredential));
  EXPECT_EQ(present[1].credential(), "acme-payables-user");
  EXPECT_THAT(FromErrorStatus(present[1].error()), HasReason(Reason::kNoLiveSession));
  v1::DeleteCredentialRequest gone;
  gone.set_credential(other.name());
  gone.set_uid(other.uid());
  gone.set_version(other.version());
  v1::DeleteCredentialResponse response;
  ASSERT_THAT(Call(*credentials_, &v1::CredentialService::Stub::DeleteCredential, gone, &response),
              IsOk());
  const v1::SessionUpdate left = watch->NextUpdate();
  EXPECT_EQ(left.credential(), "") << "as it was named";
  EXPECT_THAT(FromErrorStatus(left.error()), HasReason(Reason::kNoLiveSession));
}

TEST_F(WatchSessionsTest, ReturnsHeadersOnlyOnRequest) {
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  EXPECT_EQ(Watch(Of({"00800000000000000081"}))->PresentState(1)[0].session().headers_size(), 0);
  v1::WatchSessionsRequest request = Of({"00800000000000000081"});
  request.set_include_headers(true);
  const v1::Session session = Watch(request)->PresentState(1)[0].session();
  EXPECT_EQ(session.dev_key(), "");
  ASSERT_EQ(session.headers_size(), 2);
  EXPECT_EQ(session.headers(1).value(), "s3cret-dev-key");
}

TEST_F(WatchSessionsTest, ReturnsDevKeyOnlyOnRequest) {
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  v1::WatchSessionsRequest request = Of({"00800000000000000081"});
  request.set_include_dev_key(true);
  EXPECT_EQ(Watch(request)->PresentState(1)[0].session().dev_key(), "s3cret-dev-key");
}

TEST_F(WatchSessionsTest, OnlyWarmStreamsCauseSignIns) {
  const auto cold = Watch({"00800000000000000081"});
  cold->PresentState(1);
  v1::WatchSessionsRequest request = Of({"00800000000000000082", "00800000000000000099"});
  request.set_keep_warm(true);
  const auto warm = Watch(request);
  warm->PresentState(2);
  executor_.RunLater();  // maintenance
  EXPECT_EQ(warm->NextUpdate().session().organization_id(), "00800000000000000082");
  EXPECT_EQ(broker_.bill.CountSignInsOf("00800000000000000081"), 0);
}

TEST_F(WatchSessionsTest, KeepWarmEndsWithTheStream) {
  v1::WatchSessionsRequest request = Of({"00800000000000000082"});
  request.set_keep_warm(true);
  auto warm = Watch(request);
  warm->PresentState(1);
  warm.reset();
  AwaitNoWatcher();
  executor_.RunLater();
  executor_.RunLater();
  threads_.reset();  // waits for the work that was started
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(WatchSessionsTest, RejectsMalformedFields) {
  struct Row {
    std::string field;
    std::function<void(v1::WatchSessionsRequest&)> change;
  };
  const std::vector<Row> rows = {
      {"organizations", [](auto& r) { r.clear_organizations(); }},
      {"organizations",
       [](auto& r) {
         for (int i = 0; i < 10'000; ++i) {
           r.add_organizations()->set_organization_id(absl::StrCat("x", i));
         }
       }},
      {"organizations[0].organization_id",
       [](auto& r) { r.mutable_organizations(0)->clear_organization_id(); }},
      {"organizations[1].organization_id",
       [](auto& r) { r.add_organizations()->set_organization_id("00 81"); }},
      {"organizations[1].organization_id",
       [](auto& r) { r.add_organizations()->set_organization_id("00800000000000000081"); }},
      {"organizations[0].credential",
       [](auto& r) { r.mutable_organizations(0)->set_credential("Acme"); }},
  };
  for (const Row& row : rows) {
    v1::WatchSessionsRequest request = Of({"00800000000000000081"});
    row.change(request);
    const absl::Status status = Watch(request)->End();
    EXPECT_EQ(FieldOf(status), row.field) << status;
  }
}

TEST_F(WatchSessionsTest, OneStreamWatchesTenThousandOrganizations) {
  std::vector<std::string> ids;
  for (int i = 0; i < 10'000; ++i) ids.push_back(absl::StrCat("x", i));
  const auto watch = Watch(ids);
  const std::vector<v1::SessionUpdate> present = watch->PresentState(10'000);
  EXPECT_EQ(present.back().organization_id(), "x9999");
}

}  // namespace
}  // namespace billbroker

#include "server/credentials/credential_manager.h"

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
using ::testing::Key;

// What an operator sends: no uid, version or times.
Credential Draft(absl::string_view name) {
  Credential draft = SampleUser(name);
  draft.uid.clear();
  draft.version = 0;
  draft.create_time = draft.update_time = absl::Time();
  return draft;
}

std::vector<Organization> Organizations(const std::string& id, absl::string_view dev_key) {
  std::vector<Organization> organizations;
  organizations.push_back({id, SecretString::CopyOf(dev_key)});
  return organizations;
}

std::string MetadataOf(const absl::Status& status, const std::string& key) {
  return DetailsOf(status)->metadata[key];
}

class CredentialManagerTest : public ::testing::Test {
 protected:
  // Creates "acme" and returns what an operator sees of it.
  CredentialVersion CreateAcme() {
    const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Create(Draft("acme"));
    EXPECT_TRUE(info.ok()) << info.status();
    return {(*info)->name, (*info)->uid, (*info)->version};
  }

  // The log-outs that the engine did by itself, one line for each start and each end.
  [[nodiscard]] std::vector<std::string> LogOuts() const {
    std::vector<std::string> lines;
    for (const FakeEngineObserver::LogOut& each : broker_.own_observer.log_outs()) {
      lines.push_back(absl::StrCat(
          each.organization_id, " ",
          each.outcome.has_value() ? absl::StatusCodeToString(each.outcome->code()) : "starts"));
    }
    return lines;
  }

  absl::StatusOr<SessionPtr> GetSession(absl::string_view organization_id) {
    absl::StatusOr<SessionPtr> answer = absl::InternalError("no answer came");
    broker_.engine.GetSession(
        organization_id, "", SessionDemand(),
        [&answer](absl::StatusOr<SessionPtr> session) { answer = std::move(session); });
    executor_.RunUntilIdle();
    return answer;
  }

  ManualClock executor_clock_;
  ManualExecutor executor_{executor_clock_};
  TestBroker broker_{executor_};
};

TEST_F(CredentialManagerTest, ANewCredentialIsStoredAndServedAtOnce) {
  const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Create(Draft("acme"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ((*info)->version, 1U);
  EXPECT_EQ((*info)->uid.size(), 32U);
  EXPECT_EQ((*info)->create_time, broker_.clock.Now());
  EXPECT_THAT((*info)->fingerprints,
              ElementsAre(Key("dev_key"), Key("password"), Key("remember_me_id")));
  const absl::StatusOr<CredentialPtr> stored = broker_.vault.Load("acme");
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ((*stored)->uid, (*info)->uid);
  EXPECT_TRUE(GetSession("00800000000000000081").ok());
}

TEST_F(CredentialManagerTest, OrganizationsMayComeInAnyOrder) {
  Credential draft = Draft("acme");
  std::swap(draft.organizations[0], draft.organizations[1]);
  const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Create(std::move(draft));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_THAT((*info)->organizations,
              ElementsAre(Key("00800000000000000081"), Key("00800000000000000082")));
}

TEST_F(CredentialManagerTest, ATakenNameIsRefused) {
  CreateAcme();
  Credential draft = Draft("acme");
  draft.username = "someone-else@acme.example";
  const absl::Status status = broker_.manager.Create(std::move(draft)).status();
  EXPECT_TRUE(HasReason(status, Reason::kCredentialExists)) << status;
  EXPECT_EQ(MetadataOf(status, "credential"), "acme");
}

TEST_F(CredentialManagerTest, OneUserOfOneEnvironmentBelongsToOneCredential) {
  CreateAcme();
  Credential twin = Draft("twin");
  twin.username = "ACME@acme.example";
  const absl::Status status = broker_.manager.Create(std::move(twin)).status();
  EXPECT_TRUE(HasReason(status, Reason::kCredentialExists)) << status;
  EXPECT_EQ(MetadataOf(status, "credential"), "acme") << "the other one is named";

  Credential elsewhere = Draft("elsewhere");
  elsewhere.username = "acme@acme.example";
  elsewhere.environment = "production";
  EXPECT_TRUE(broker_.manager.Create(std::move(elsewhere)).ok());
}

TEST_F(CredentialManagerTest, AnEnvironmentThatIsNotConfiguredIsMalformed) {
  Credential draft = Draft("acme");
  draft.environment = "staging";
  const absl::Status status = broker_.manager.Create(std::move(draft)).status();
  EXPECT_TRUE(HasReason(status, Reason::kMalformedRequest)) << status;
  EXPECT_EQ(status.message(),
            "environment: \"staging\" is not configured; there are: production, sandbox");
}

TEST_F(CredentialManagerTest, TheRulesOfCredentialsHold) {
  Credential draft = Draft("acme");
  draft.password = SecretString();
  EXPECT_EQ(MetadataOf(broker_.manager.Create(std::move(draft)).status(), "field"), "password");
}

TEST_F(CredentialManagerTest, WhileTheKeyringIsLockedEveryChangeSaysSoAndChangesNothing) {
  const CredentialVersion acme = CreateAcme();
  const int writes = broker_.vault.writes();
  broker_.vault.set_state(VaultState::kLocked);
  const std::vector<absl::Status> answers = {
      broker_.manager.Create(Draft("other")).status(), broker_.manager.Delete(acme, true),
      broker_.manager.Attach(acme, Organizations("00800000000000000083", "")).status(),
      broker_.manager.Detach(acme, {"00800000000000000081"}).status()};
  for (const absl::Status& status : answers) {
    EXPECT_TRUE(HasReason(status, Reason::kVaultLocked)) << status;
  }
  broker_.vault.set_state(VaultState::kReady);
  EXPECT_EQ(broker_.vault.writes(), writes);
  EXPECT_TRUE(broker_.directory.Find("00800000000000000081", "").ok());
}

TEST_F(CredentialManagerTest, BeforeTheKeyringWasReadNoUserIsTakenForNew) {
  Directory unread;
  Engine engine(EngineOptions(), {broker_.clock,
                                  executor_,
                                  broker_.random,
                                  broker_.vault,
                                  unread,
                                  broker_.bill,
                                  broker_.store,
                                  broker_.own_observer,
                                  {}});
  CredentialManager manager(
      {broker_.clock, broker_.random, broker_.vault, unread, engine, {"sandbox"}});
  unread.set_vault_state(VaultState::kLocked);
  EXPECT_TRUE(HasReason(manager.Create(Draft("acme")).status(), Reason::kVaultLocked));
  EXPECT_EQ(broker_.vault.writes(), 0);
}

TEST_F(CredentialManagerTest, ALostAnswerIsSaidToBeUnknown) {
  broker_.vault.LoseNextAnswer(true);
  const absl::Status status = broker_.manager.Create(Draft("acme")).status();
  EXPECT_TRUE(HasReason(status, Reason::kVaultUnreachable)) << status;
  EXPECT_TRUE(broker_.directory.TakeDoubt());
  EXPECT_FALSE(broker_.directory.TakeDoubt());
  EXPECT_THAT(std::string(status.message()), HasSubstr("whether the change was stored is unknown"));
}

TEST_F(CredentialManagerTest, AnotherVersionOrUidIsAConflict) {
  const CredentialVersion acme = CreateAcme();
  CredentialVersion old = acme;
  old.version = 7;
  CredentialVersion reborn = acme;
  reborn.uid = std::string(32, '0');
  for (const CredentialVersion& wrong : {old, reborn}) {
    const std::vector<absl::Status> answers = {
        broker_.manager.Delete(wrong, true),
        broker_.manager.Attach(wrong, Organizations("00800000000000000083", "")).status(),
        broker_.manager.Detach(wrong, {"00800000000000000081"}).status()};
    for (const absl::Status& status : answers) {
      EXPECT_TRUE(HasReason(status, Reason::kVersionConflict)) << status;
    }
  }
  EXPECT_TRUE(broker_.directory.Find("00800000000000000081", "").ok());
}

TEST_F(CredentialManagerTest, AnUnknownCredentialIsSaidToBeUnknown) {
  const CredentialVersion ghost = {"ghost", std::string(32, '0'), 1};
  EXPECT_TRUE(HasReason(broker_.manager.Delete(ghost, true), Reason::kUnknownCredential));
  EXPECT_TRUE(
      HasReason(broker_.manager.Attach(ghost, Organizations("00800000000000000083", "")).status(),
                Reason::kUnknownCredential));
}

TEST_F(CredentialManagerTest, LiveSessionsStandInTheWayOfDeletion) {
  const CredentialVersion acme = CreateAcme();
  ASSERT_TRUE(GetSession("00800000000000000081").ok());
  const absl::Status status = broker_.manager.Delete(acme, false);
  EXPECT_TRUE(HasReason(status, Reason::kSessionsLive)) << status;
  EXPECT_TRUE(broker_.bill.sign_outs().empty());
  EXPECT_TRUE(broker_.vault.Load("acme").ok());
}

TEST_F(CredentialManagerTest, ForcedDeletionLogsSessionsOutAtBillFirst) {
  const CredentialVersion acme = CreateAcme();
  ASSERT_TRUE(GetSession("00800000000000000081").ok());
  ASSERT_TRUE(GetSession("00800000000000000082").ok());
  std::size_t ended_before_deletion = 0;
  broker_.vault.set_hook([this, &ended_before_deletion](absl::string_view call) {
    if (call == "Delete") ended_before_deletion = broker_.bill.sign_outs().size();
  });
  EXPECT_TRUE(broker_.manager.Delete(acme, true).ok());
  EXPECT_EQ(ended_before_deletion, 2U);
  EXPECT_TRUE(HasReason(GetSession("00800000000000000081").status(), Reason::kUnknownOrganization));
  EXPECT_TRUE(HasReason(broker_.vault.Load("acme").status(), Reason::kUnknownCredential));
}

TEST_F(CredentialManagerTest, ADeletedNameMayBeUsedAgainWithANewUid) {
  const CredentialVersion first = CreateAcme();
  ASSERT_TRUE(broker_.manager.Delete(first, false).ok());
  EXPECT_NE(CreateAcme().uid, first.uid);
}

TEST_F(CredentialManagerTest, AttachingAddsOrganizationsAndChangesDevKeys) {
  const CredentialVersion acme = CreateAcme();
  broker_.clock.Advance(absl::Hours(1));
  std::vector<Organization> organizations = Organizations("00800000000000000080", "s3cret-0080");
  organizations.push_back({"00800000000000000082", SecretString()});
  const absl::StatusOr<CredentialInfoPtr> info =
      broker_.manager.Attach(acme, std::move(organizations));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ((*info)->version, 2U);
  EXPECT_EQ((*info)->update_time, broker_.clock.Now());
  EXPECT_EQ((*info)->create_time, broker_.clock.Now() - absl::Hours(1));
  EXPECT_THAT((*info)->organizations,
              ElementsAre(Key("00800000000000000080"), Key("00800000000000000081"),
                          Key("00800000000000000082")));
  EXPECT_NE((*info)->organizations.at("00800000000000000080"), "");
  EXPECT_NE((*info)->organizations.at("00800000000000000082"), "")
      << "an attach without a devKey keeps the stored one";
  ASSERT_TRUE(GetSession("00800000000000000080").ok());
  EXPECT_EQ(broker_.bill.CountSignInsOfDevKey("s3cret-0080"), 1);
}

TEST_F(CredentialManagerTest, DetachingTakesAwayAndLogsOut) {
  const CredentialVersion acme = CreateAcme();
  ASSERT_TRUE(GetSession("00800000000000000081").ok());
  ASSERT_TRUE(GetSession("00800000000000000082").ok());
  const absl::StatusOr<CredentialInfoPtr> info =
      broker_.manager.Detach(acme, {"00800000000000000081"});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_THAT((*info)->organizations, ElementsAre(Key("00800000000000000082")));
  EXPECT_EQ(broker_.bill.sign_outs().size(), 1U) << "once, and the other session lives";
  EXPECT_TRUE(HasReason(GetSession("00800000000000000081").status(), Reason::kUnknownOrganization));
  EXPECT_EQ(broker_.engine.RolloutOf(acme.uid).live, 1);
  EXPECT_THAT(LogOuts(), ElementsAre("00800000000000000081 starts", "00800000000000000081 OK"));
}

TEST_F(CredentialManagerTest, ThatBillDoesNotAnswerALogoutDoesNotUndoADetachment) {
  const CredentialVersion acme = CreateAcme();
  ASSERT_TRUE(GetSession("00800000000000000081").ok());
  broker_.bill.FailNextSignOuts(9, Refusal(Verdict::kUnavailable, ""));
  EXPECT_TRUE(broker_.manager.Detach(acme, {"00800000000000000081"}).ok());
  EXPECT_EQ(broker_.engine.RolloutOf(acme.uid).live, 0);
  EXPECT_THAT(LogOuts(),
              ElementsAre("00800000000000000081 starts", "00800000000000000081 UNAVAILABLE"));
}

TEST_F(CredentialManagerTest, AllAreDetachedOrNone) {
  const CredentialVersion acme = CreateAcme();
  const absl::Status status =
      broker_.manager.Detach(acme, {"00800000000000000081", "00800000000000000099"}).status();
  EXPECT_TRUE(HasReason(status, Reason::kMalformedRequest)) << status;
  EXPECT_EQ(status.message(),
            "organization_ids[1]: \"00800000000000000099\" is not attached to credential \"acme\"; "
            "leave it out");
  EXPECT_TRUE(broker_.directory.Find("00800000000000000081", "").ok());
}

}  // namespace
}  // namespace billbroker

#include "server/credentials/credential_manager.h"

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

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

// Returns a credential as an operator sends it: without uid, version and times.
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

class CredentialManagerTest : public ::testing::Test {
 protected:
  // Creates the credential kAcme and returns its version.
  CredentialVersion CreateAcme() {
    const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Create(Draft(kAcme));
    EXPECT_THAT(info, IsOk());
    return {(*info)->name, (*info)->uid, (*info)->version};
  }

  // Returns the log-outs that the session manager did by itself, one line for each start and each
  // end.
  [[nodiscard]] std::vector<std::string> LogOuts() const {
    std::vector<std::string> lines;
    for (const FakeSessionObserver::LogOut& each : broker_.own_observer.log_outs()) {
      lines.push_back(absl::StrCat(
          each.organization_id, " ",
          each.outcome.has_value() ? absl::StatusCodeToString(each.outcome->code()) : "starts"));
    }
    return lines;
  }

  absl::StatusOr<SessionPtr> GetSession(absl::string_view organization_id) {
    absl::StatusOr<SessionPtr> answer = absl::UnknownError("not answered");
    broker_.sessions.GetSession(
        organization_id, "", SessionDemand(),
        [&answer](absl::StatusOr<SessionPtr> session) { answer = std::move(session); });
    executor_.RunUntilIdle();
    return answer;
  }

  ManualClock executor_clock_;
  ManualExecutor executor_{executor_clock_};
  TestBroker broker_{executor_};
};

TEST_F(CredentialManagerTest, StoresAndServesNewCredential) {
  const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Create(Draft(kAcme));
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ((*info)->version, 1U);
  EXPECT_EQ((*info)->uid.size(), 32U);
  EXPECT_EQ((*info)->create_time, broker_.clock.Now());
  EXPECT_THAT((*info)->fingerprints,
              ElementsAre(Key("dev_key"), Key("password"), Key("remember_me_id")));
  const absl::StatusOr<CredentialPtr> stored = broker_.vault.Load(kAcme);
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ((*stored)->uid, (*info)->uid);
  EXPECT_THAT(GetSession(kFirstOrganization), IsOk());
}

TEST_F(CredentialManagerTest, AcceptsOrganizationsInAnyOrder) {
  Credential draft = Draft(kAcme);
  std::swap(draft.organizations[0], draft.organizations[1]);
  const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Create(std::move(draft));
  ASSERT_THAT(info, IsOk());
  EXPECT_THAT((*info)->organizations,
              ElementsAre(Key(kFirstOrganization), Key(kSecondOrganization)));
}

TEST_F(CredentialManagerTest, CreateRejectsDuplicateName) {
  CreateAcme();
  Credential draft = Draft(kAcme);
  draft.username = "someone-else@acme.example";
  const absl::Status status = broker_.manager.Create(std::move(draft)).status();
  EXPECT_THAT(status, HasReason(Reason::kCredentialExists));
  EXPECT_THAT(status, HasMetadata("credential", kAcme));
}

TEST_F(CredentialManagerTest, CreateRejectsUserOfAnotherCredential) {
  CreateAcme();
  Credential twin = Draft("twin-of-the-first-one");
  twin.username = "ACME-accounts-payable@acme.example";
  const absl::Status status = broker_.manager.Create(std::move(twin)).status();
  EXPECT_THAT(status, HasReason(Reason::kCredentialExists));
  EXPECT_THAT(status, HasMetadata("credential", kAcme)) << "names the other credential";

  Credential elsewhere = Draft("acme-in-production");
  elsewhere.username = "acme-accounts-payable@acme.example";
  elsewhere.environment = "production";
  EXPECT_THAT(broker_.manager.Create(std::move(elsewhere)), IsOk());
}

TEST_F(CredentialManagerTest, CreateRejectsUnknownEnvironment) {
  Credential draft = Draft(kAcme);
  draft.environment = "staging";
  const absl::Status status = broker_.manager.Create(std::move(draft)).status();
  EXPECT_THAT(status, HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(status, HasMetadata("field", "environment"));
}

TEST_F(CredentialManagerTest, CreateRejectsInvalidCredential) {
  Credential draft = Draft(kAcme);
  draft.password = SecretString();
  EXPECT_THAT(broker_.manager.Create(std::move(draft)), HasMetadata("field", "password"));
}

TEST_F(CredentialManagerTest, LockedKeyringRejectsEveryChange) {
  const CredentialVersion acme = CreateAcme();
  const int writes = broker_.vault.writes();
  broker_.vault.set_state(VaultState::kLocked);
  const std::vector<absl::Status> answers = {
      broker_.manager.Create(Draft("another-credential")).status(),
      broker_.manager.Delete(acme, true),
      broker_.manager.Attach(acme, Organizations(kThirdOrganization, "")).status(),
      broker_.manager.Detach(acme, {kFirstOrganization}).status()};
  for (const absl::Status& status : answers) {
    EXPECT_THAT(status, HasReason(Reason::kVaultLocked));
  }
  broker_.vault.set_state(VaultState::kReady);
  EXPECT_EQ(broker_.vault.writes(), writes);
  EXPECT_THAT(broker_.credentials.Find(kFirstOrganization, ""), IsOk());
}

TEST_F(CredentialManagerTest, CreateFailsBeforeKeyringIsRead) {
  VaultHealth health;
  CredentialIndex unread(health);
  SessionManager sessions(SessionManagerOptions(), {broker_.clock,
                                                    executor_,
                                                    broker_.random,
                                                    broker_.vault,
                                                    health,
                                                    unread,
                                                    broker_.remember_me_refusals,
                                                    broker_.bill,
                                                    broker_.store,
                                                    broker_.own_observer,
                                                    {}});
  CredentialManager manager(
      {broker_.clock, broker_.random, broker_.vault, health, unread, sessions, {"sandbox"}});
  health.Set(VaultError(VaultState::kLocked));
  EXPECT_THAT(manager.Create(Draft(kAcme)), HasReason(Reason::kVaultLocked));
  EXPECT_EQ(broker_.vault.writes(), 0);
}

TEST_F(CredentialManagerTest, LostAnswerLeavesOutcomeUnknown) {
  broker_.vault.LoseNextAnswer(true);
  const absl::Status status = broker_.manager.Create(Draft(kAcme)).status();
  EXPECT_THAT(status, HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(status, HasMetadata("outcome", "unknown"));
  EXPECT_TRUE(broker_.vault_health.TakeReloadRequest());
  EXPECT_FALSE(broker_.vault_health.TakeReloadRequest());
}

TEST_F(CredentialManagerTest, RejectsAnotherVersionOrUid) {
  const CredentialVersion acme = CreateAcme();
  CredentialVersion old = acme;
  old.version = 7;
  CredentialVersion reborn = acme;
  reborn.uid = std::string(32, '0');
  for (const CredentialVersion& wrong : {old, reborn}) {
    const std::vector<absl::Status> answers = {
        broker_.manager.Delete(wrong, true),
        broker_.manager.Attach(wrong, Organizations(kThirdOrganization, "")).status(),
        broker_.manager.Detach(wrong, {kFirstOrganization}).status()};
    for (const absl::Status& status : answers) {
      EXPECT_THAT(status, HasReason(Reason::kVersionConflict));
    }
  }
  EXPECT_THAT(broker_.credentials.Find(kFirstOrganization, ""), IsOk());
}

TEST_F(CredentialManagerTest, RejectsUnknownCredential) {
  const CredentialVersion ghost = {"unknown-credential", std::string(32, '0'), 1};
  EXPECT_THAT(broker_.manager.Delete(ghost, true), HasReason(Reason::kUnknownCredential));
  EXPECT_THAT(broker_.manager.Attach(ghost, Organizations(kThirdOrganization, "")),
              HasReason(Reason::kUnknownCredential));
}

TEST_F(CredentialManagerTest, DeleteRejectsLiveSessions) {
  const CredentialVersion acme = CreateAcme();
  ASSERT_THAT(GetSession(kFirstOrganization), IsOk());
  const absl::Status status = broker_.manager.Delete(acme, false);
  EXPECT_THAT(status, HasReason(Reason::kSessionsLive));
  EXPECT_TRUE(broker_.bill.sign_outs().empty());
  EXPECT_THAT(broker_.vault.Load(kAcme), IsOk());
}

// Two sessions of kAcme are live.
class ForcedDeleteTest : public CredentialManagerTest {
 protected:
  ForcedDeleteTest() {
    EXPECT_THAT(GetSession(kFirstOrganization), IsOk());
    EXPECT_THAT(GetSession(kSecondOrganization), IsOk());
  }
  absl::Status Delete() { return broker_.manager.Delete(acme_, true); }
  void ExpectSessionsStay() {
    EXPECT_TRUE(broker_.bill.sign_outs().empty());
    EXPECT_EQ(broker_.sessions.RolloutOf(acme_.uid).live, 2);
    EXPECT_THAT(GetSession(kFirstOrganization), IsOk());
  }

  const CredentialVersion acme_ = CreateAcme();
};

TEST_F(ForcedDeleteTest, LogsSessionsOutAfterKeyring) {
  std::size_t ended_before_deletion = 0;
  broker_.vault.set_hook([this, &ended_before_deletion](absl::string_view call) {
    if (call == "Delete") ended_before_deletion = broker_.bill.sign_outs().size();
  });
  EXPECT_THAT(Delete(), IsOk());
  EXPECT_EQ(ended_before_deletion, 0U);
  EXPECT_EQ(broker_.bill.sign_outs().size(), 2U);
  EXPECT_THAT(GetSession(kFirstOrganization), HasReason(Reason::kUnknownOrganization));
  EXPECT_THAT(broker_.vault.Load(kAcme), HasReason(Reason::kUnknownCredential));
}

TEST_F(ForcedDeleteTest, LockedKeyringKeepsSessions) {
  broker_.vault.set_state(VaultState::kLocked);
  const absl::Status locked = Delete();
  EXPECT_THAT(locked, HasReason(Reason::kVaultLocked));
  EXPECT_FALSE(broker_.vault_health.TakeReloadRequest());
  ExpectSessionsStay();
  broker_.vault.set_state(VaultState::kReady);
  EXPECT_THAT(Delete(), IsOk());
}

TEST_F(ForcedDeleteTest, UnreachableKeyringKeepsSessions) {
  broker_.vault.set_state(VaultState::kNoProvider);
  EXPECT_THAT(Delete(),
              AllOf(HasReason(Reason::kVaultUnreachable), Not(HasMetadata("outcome", "unknown"))))
      << "nothing was written";
  ExpectSessionsStay();
}

TEST_F(ForcedDeleteTest, LostAnswerOfUndoneDeletionCanBeRepeated) {
  broker_.vault.LoseNextAnswer(false);
  EXPECT_THAT(Delete(),
              AllOf(HasReason(Reason::kVaultUnreachable), HasMetadata("outcome", "unknown")));
  EXPECT_TRUE(broker_.vault_health.TakeReloadRequest());
  ExpectSessionsStay();
  EXPECT_THAT(Delete(), IsOk());
  EXPECT_EQ(broker_.sessions.RolloutOf(acme_.uid).live, 0);
}

TEST_F(ForcedDeleteTest, ReloadEndsSessionsAfterLostAnswer) {
  broker_.vault.LoseNextAnswer(true);
  EXPECT_THAT(Delete(),
              AllOf(HasReason(Reason::kVaultUnreachable), HasMetadata("outcome", "unknown")));
  EXPECT_TRUE(broker_.vault_health.TakeReloadRequest());
  EXPECT_THAT(Delete(), HasReason(Reason::kVaultUnreachable)) << "one read proves nothing";
  EXPECT_TRUE(broker_.vault_health.TakeReloadRequest());
  ExpectSessionsStay();

  broker_.credentials.Reset({}, {});  // VaultSync read everything again
  executor_.RunUntilIdle();
  EXPECT_EQ(broker_.bill.sign_outs().size(), 2U);
  EXPECT_THAT(Delete(), HasReason(Reason::kUnknownCredential));
}

TEST_F(CredentialManagerTest, DeletedNameGetsNewUid) {
  const CredentialVersion first = CreateAcme();
  ASSERT_THAT(broker_.manager.Delete(first, false), IsOk());
  EXPECT_NE(CreateAcme().uid, first.uid);
}

TEST_F(CredentialManagerTest, AttachAddsOrganizationsAndDevKeys) {
  const CredentialVersion acme = CreateAcme();
  broker_.clock.Advance(absl::Hours(1));
  std::vector<Organization> organizations = Organizations("00800000000000000080", "s3cret-0080");
  organizations.push_back({kSecondOrganization, SecretString()});
  const absl::StatusOr<CredentialInfoPtr> info =
      broker_.manager.Attach(acme, std::move(organizations));
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ((*info)->version, 2U);
  EXPECT_EQ((*info)->update_time, broker_.clock.Now());
  EXPECT_EQ((*info)->create_time, broker_.clock.Now() - absl::Hours(1));
  EXPECT_THAT(
      (*info)->organizations,
      ElementsAre(Key("00800000000000000080"), Key(kFirstOrganization), Key(kSecondOrganization)));
  EXPECT_NE((*info)->organizations.at("00800000000000000080"), "");
  EXPECT_NE((*info)->organizations.at(kSecondOrganization), "")
      << "an attach without a devKey keeps the stored one";
  ASSERT_THAT(GetSession("00800000000000000080"), IsOk());
  EXPECT_EQ(broker_.bill.CountSignInsOfDevKey("s3cret-0080"), 1);
}

TEST_F(CredentialManagerTest, DetachRemovesAndLogsOut) {
  const CredentialVersion acme = CreateAcme();
  ASSERT_THAT(GetSession(kFirstOrganization), IsOk());
  ASSERT_THAT(GetSession(kSecondOrganization), IsOk());
  const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Detach(acme, {kFirstOrganization});
  ASSERT_THAT(info, IsOk());
  EXPECT_THAT((*info)->organizations, ElementsAre(Key(kSecondOrganization)));
  EXPECT_EQ(broker_.bill.sign_outs().size(), 1U) << "only the detached session";
  EXPECT_THAT(GetSession(kFirstOrganization), HasReason(Reason::kUnknownOrganization));
  EXPECT_EQ(broker_.sessions.RolloutOf(acme.uid).live, 1);
  EXPECT_THAT(LogOuts(), ElementsAre(absl::StrCat(kFirstOrganization, " starts"),
                                     absl::StrCat(kFirstOrganization, " OK")));
}

TEST_F(CredentialManagerTest, FailedLogoutDoesNotUndoDetach) {
  const CredentialVersion acme = CreateAcme();
  ASSERT_THAT(GetSession(kFirstOrganization), IsOk());
  broker_.bill.FailNextSignOuts(9, Refusal(Verdict::kUnavailable, ""));
  EXPECT_THAT(broker_.manager.Detach(acme, {kFirstOrganization}), IsOk());
  EXPECT_EQ(broker_.sessions.RolloutOf(acme.uid).live, 0);
  EXPECT_THAT(LogOuts(), ElementsAre(absl::StrCat(kFirstOrganization, " starts"),
                                     absl::StrCat(kFirstOrganization, " UNAVAILABLE")));
}

TEST_F(CredentialManagerTest, DetachIsAllOrNothing) {
  const CredentialVersion acme = CreateAcme();
  const absl::Status status =
      broker_.manager.Detach(acme, {kFirstOrganization, "00800000000000000099"}).status();
  EXPECT_THAT(status, HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(status, HasMetadata("field", "organization_ids[1]"));
  EXPECT_THAT(broker_.credentials.Find(kFirstOrganization, ""), IsOk());
}

TEST_F(CredentialManagerTest, ErrorTextsNameTheFix) {
  Credential draft = Draft(kAcme);
  draft.environment = "staging";
  EXPECT_EQ(broker_.manager.Create(std::move(draft)).status().message(),
            "environment: \"staging\" is not configured; there are: production, sandbox");
  const CredentialVersion acme = CreateAcme();
  EXPECT_EQ(
      broker_.manager.Detach(acme, {kFirstOrganization, "00800000000000000099"}).status().message(),
      "organization_ids[1]: \"00800000000000000099\" is not attached to credential "
      "\"acme-accounts-payable\"; leave it out");
  broker_.vault.LoseNextAnswer(true);
  EXPECT_THAT(std::string(broker_.manager.Delete(acme, true).message()),
              HasSubstr("whether the change was made is unknown"));
}

}  // namespace
}  // namespace billbroker

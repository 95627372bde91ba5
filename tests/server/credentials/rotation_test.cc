// Rotate(), Rollback(), Verify() and pending rotations of CredentialManager.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/credentials/credential_manager.h"
#include "tests/support/awaited_answer.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"
#include "vault/base/executor.h"
#include "vault/credential_change.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class RotationTest : public ::testing::Test {
 protected:
  RotationTest() {
    Credential draft = SampleUser(kAcme);
    draft.password = SecretString::CopyOf("s3cret-password-old");
    const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Create(std::move(draft));
    EXPECT_THAT(info, IsOk());
  }
  // Ends all work before the session manager is destroyed.
  ~RotationTest() override { threads_.reset(); }

  [[nodiscard]] CredentialVersion Now() const {
    const CredentialInfoPtr info = *broker_.credentials.Get(kAcme);
    return {info->name, info->uid, info->version};
  }
  [[nodiscard]] CredentialPtr Stored() { return *broker_.vault.Load(kAcme); }
  [[nodiscard]] std::string Password() { return std::string(Stored()->password.Reveal()); }
  [[nodiscard]] CredentialInfoPtr Shown() const { return *broker_.credentials.Get(kAcme); }

  static CredentialChange NewPassword(absl::string_view password) {
    CredentialChange change;
    change.password = SecretString::CopyOf(password);
    return change;
  }
  absl::StatusOr<CredentialInfoPtr> Rotate(absl::string_view password,
                                           const RotationOptions& options = {}) {
    return broker_.manager.Rotate(Now(), NewPassword(password), options);
  }
  absl::StatusOr<SessionPtr> Get(absl::string_view organization_id) {
    AwaitedAnswer<SessionPtr> answer;
    broker_.sessions.GetSession(organization_id, "", {}, answer.Callback());
    return answer.Take("a session");
  }
  static BillError Lost() {
    BillError lost;
    lost.verdict = Verdict::kUnavailable;
    lost.detail = "no answer";
    return lost;
  }

  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  TestBroker broker_{*threads_};
};

TEST_F(RotationTest, ProvedPasswordKeepsLiveSessions) {
  const SessionPtr other = *Get(kSecondOrganization);
  const absl::StatusOr<CredentialInfoPtr> rotated = Rotate("s3cret-password-new");
  ASSERT_THAT(rotated, IsOk());
  EXPECT_EQ((*rotated)->version, 2u);
  EXPECT_EQ(Password(), "s3cret-password-new");
  EXPECT_FALSE(Stored()->staged.has_value());
  EXPECT_EQ(*Get(kSecondOrganization), other);
  EXPECT_EQ(broker_.bill.sign_ins().back().secret, "s3cret-password-new");
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(RotationTest, ProbeSessionIsNextSession) {
  const SessionPtr before = *Get(kFirstOrganization);
  ASSERT_THAT(Rotate("s3cret-password-new"), IsOk());
  const SessionPtr after = *Get(kFirstOrganization);
  EXPECT_GT(after->generation, before->generation);
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(RotationTest, WritesTwiceOrOnceWithoutProof) {
  const int before = broker_.vault.writes();
  ASSERT_THAT(Rotate("s3cret-password-new"), IsOk());
  EXPECT_EQ(broker_.vault.writes(), before + 2);
  ASSERT_THAT(Rotate("s3cret-password-newer", {.verify = false}), IsOk());
  EXPECT_EQ(broker_.vault.writes(), before + 3);
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
  EXPECT_EQ(Password(), "s3cret-password-newer");
}

class RepeatedRotationTest : public RotationTest {
 protected:
  RepeatedRotationTest() { EXPECT_THAT(RotateFirst(NewPassword("s3cret-password-new")), IsOk()); }

  // Rotates the version that was there at the beginning.
  absl::StatusOr<CredentialInfoPtr> RotateFirst(CredentialChange change,
                                                const RotationOptions& options = {
                                                    .principal = "unix:operator-of-acme"}) {
    return broker_.manager.Rotate(first_, std::move(change), options);
  }

  const CredentialVersion first_ = Now();
};

TEST_F(RepeatedRotationTest, ReturnsCredentialWithoutProofOrHistory) {
  const int writes = broker_.vault.writes();
  const int sign_ins = broker_.bill.CountSignIns();
  const auto repeated = RotateFirst(NewPassword("s3cret-password-new"));
  ASSERT_THAT(repeated, IsOk());
  EXPECT_EQ((*repeated)->version, 2u);
  EXPECT_EQ((*repeated)->history.size(), 1u);
  EXPECT_EQ(broker_.vault.writes(), writes);
  EXPECT_EQ(broker_.bill.CountSignIns(), sign_ins);
}

TEST_F(RepeatedRotationTest, RejectsAnotherRequest) {
  CredentialChange more = NewPassword("s3cret-password-new");
  more.username = Stored()->username;
  const RotationOptions by_another = {.principal = "unix:another-operator"};
  const RotationOptions ending = {.end_sessions = true, .principal = "unix:operator-of-acme"};
  EXPECT_THAT(RotateFirst(NewPassword("s3cret-password-newer")),
              HasReason(Reason::kVersionConflict));
  EXPECT_THAT(RotateFirst(std::move(more)), HasReason(Reason::kVersionConflict));
  EXPECT_THAT(RotateFirst({}), HasReason(Reason::kVersionConflict));
  EXPECT_THAT(RotateFirst(NewPassword("s3cret-password-new"), by_another),
              HasReason(Reason::kVersionConflict));
  EXPECT_THAT(RotateFirst(NewPassword("s3cret-password-new"), ending),
              HasReason(Reason::kVersionConflict));
}

TEST_F(RepeatedRotationTest, RejectsOnceChangedAgain) {
  ASSERT_THAT(broker_.manager.Detach(Now(), {kSecondOrganization}), IsOk());
  EXPECT_THAT(RotateFirst(NewPassword("s3cret-password-new")), HasReason(Reason::kVersionConflict));
}

TEST_F(RepeatedRotationTest, ComparesEveryField) {
  CredentialChange change;
  change.username = "another-user@acme.example";
  change.dev_key = SecretString::CopyOf("s3cret-next-dev-key");
  change.remember_me_id = SecretString::CopyOf("s3cret-next-remember-me");
  change.device = "another-broker-of-acme";
  change.organizations.push_back({kSecondOrganization, SecretString::CopyOf("s3cret-own-dev-key")});
  const CredentialVersion second = Now();
  ASSERT_THAT(broker_.manager.Rotate(second, CloneOf(change), {.verify = false}), IsOk());
  EXPECT_THAT(broker_.manager.Rotate(second, CloneOf(change), {.verify = false}), IsOk());
  change.organizations[0].dev_key = SecretString::CopyOf("s3cret-other-dev-key");
  EXPECT_THAT(broker_.manager.Rotate(second, CloneOf(change), {.verify = false}),
              HasReason(Reason::kVersionConflict));
}

TEST_F(RotationTest, RejectsControlCharactersWithoutProof) {
  const absl::Status refused = Rotate("s3cret-\x1B[2J-password").status();
  EXPECT_THAT(refused, HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(refused, HasMetadata("field", "password"));
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
  ASSERT_THAT(Rotate("s3cret-password-new\n"), IsOk());
  EXPECT_EQ(Password(), "s3cret-password-new\n") << "a line break at the end is kept";
}

TEST_F(RotationTest, RefusedPasswordChangesNothing) {
  const SessionPtr before = *Get(kFirstOrganization);
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  const absl::Status refused = Rotate("s3cret-password-wrong").status();
  EXPECT_THAT(refused, HasReason(Reason::kCredentialRejected));
  EXPECT_THAT(refused, HasMetadata("bill_code", "BDC_1101"));
  EXPECT_EQ(Password(), "s3cret-password-old");
  EXPECT_EQ(Now().version, 1u);
  EXPECT_EQ(*Get(kFirstOrganization), before);
  ASSERT_EQ(Shown()->history.size(), 1u);
  EXPECT_EQ(Shown()->history[0].kind, PastChangeKind::kRefused);
  EXPECT_EQ(Shown()->history[0].bill_code, "BDC_1101");
  EXPECT_FALSE(Shown()->pending.has_value());
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(RotationTest, RefusalTextNamesUnchangedState) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(std::string(Rotate("s3cret-password-wrong").status().message()),
              HasSubstr("nothing was changed"));
}

TEST_F(RotationTest, LostAnswerLeavesRotationPending) {
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = Rotate("s3cret-password-new").status();
  EXPECT_THAT(pending, HasReason(Reason::kRotationPending));
  EXPECT_EQ(Password(), "s3cret-password-old");
  EXPECT_EQ(Stored()->staged->change.password->Reveal(), "s3cret-password-new");
  ASSERT_TRUE(Shown()->pending.has_value());
  EXPECT_EQ(Shown()->pending->id, DetailsOf(pending)->metadata["rotation_id"]);
  EXPECT_THAT(Shown()->pending->fields, ElementsAre("password"));
  // No other rotation may start.
  EXPECT_THAT(Rotate("s3cret-password-other"), HasReason(Reason::kRotationPending));
}

TEST_F(RotationTest, ResumesPendingRotation) {
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = Rotate("s3cret-password-new").status();
  const std::string id = DetailsOf(pending)->metadata["rotation_id"];
  EXPECT_THAT(broker_.manager.ResumeRotation(Now(), "another", kPatience),
              HasReason(Reason::kMalformedRequest));
  const auto resumed = broker_.manager.ResumeRotation(Now(), id, kPatience);
  ASSERT_THAT(resumed, IsOk());
  EXPECT_EQ((*resumed)->version, 2u);
  EXPECT_EQ(Password(), "s3cret-password-new");
}

TEST_F(RotationTest, CancelsPendingRotation) {
  broker_.bill.FailNextSignIns(1, Lost());
  const std::string id = DetailsOf(Rotate("s3cret-password-new").status())->metadata["rotation_id"];
  const auto cancelled = broker_.manager.CancelRotation(Now(), id, "unix:root-of-the-host");
  ASSERT_THAT(cancelled, IsOk());
  EXPECT_FALSE((*cancelled)->pending.has_value());
  EXPECT_EQ((*cancelled)->history[0].kind, PastChangeKind::kCancelled);
  EXPECT_EQ((*cancelled)->history[0].principal, "unix:root-of-the-host");
  EXPECT_FALSE(Stored()->staged.has_value());
  EXPECT_EQ(Password(), "s3cret-password-old");
  EXPECT_THAT(Rotate("s3cret-password-other"), IsOk());
}

TEST_F(RotationTest, UntriedRotationIsNotStaged) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  const absl::Status untried = Rotate("s3cret-password-new").status();
  EXPECT_THAT(untried, HasReason(Reason::kBillRateLimited));
  EXPECT_FALSE(Stored()->staged.has_value());
  EXPECT_TRUE(Shown()->history.empty());
  EXPECT_EQ(Password(), "s3cret-password-old");
}

TEST_F(RotationTest, RollbackRestoresAndCanBeRolledBack) {
  ASSERT_THAT(Rotate("s3cret-password-new"), IsOk());
  const auto back = broker_.manager.Rollback(Now(), {});
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ((*back)->version, 3u);
  EXPECT_EQ(Password(), "s3cret-password-old");
  EXPECT_EQ(broker_.bill.sign_ins().back().secret, "s3cret-password-old");
  EXPECT_EQ((*back)->history[0].kind, PastChangeKind::kRolledBack);
  ASSERT_THAT(broker_.manager.Rollback(Now(), {}), IsOk());
  EXPECT_EQ(Password(), "s3cret-password-new");
}

TEST_F(RotationTest, KeepsLimitedOldVersions) {
  ASSERT_THAT(Rotate("s3cret-password-2"), IsOk());
  ASSERT_THAT(Rotate("s3cret-password-3"), IsOk());
  const CredentialPtr stored = Stored();
  ASSERT_EQ(stored->history.size(), 2u);
  EXPECT_EQ(stored->history[0].before->password->Reveal(), "s3cret-password-2");
  EXPECT_FALSE(stored->history[1].before.has_value());
}

TEST_F(RotationTest, RollbackNeedsPreviousVersion) {
  EXPECT_THAT(broker_.manager.Rollback(Now(), {}), HasReason(Reason::kNoPreviousVersion));
}

TEST_F(RotationTest, RollbackDoesNotTryRefusedSecret) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(Get(kFirstOrganization), Not(IsOk()));
  ASSERT_THAT(Rotate("s3cret-password-new"), IsOk());
  const absl::Status refused = broker_.manager.Rollback(Now(), {}).status();
  EXPECT_THAT(refused, HasReason(Reason::kCredentialRejected));
  EXPECT_EQ(Password(), "s3cret-password-new");
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(RotationTest, OneOfTwoOperatorsWins) {
  const CredentialVersion seen = Now();
  ASSERT_THAT(broker_.manager.Rotate(seen, NewPassword("s3cret-password-a"), {}), IsOk());
  EXPECT_THAT(broker_.manager.Rotate(seen, NewPassword("s3cret-password-b"), {}),
              HasReason(Reason::kVersionConflict));
  EXPECT_EQ(Password(), "s3cret-password-a");
}

TEST_F(RotationTest, RejectsInvalidChange) {
  EXPECT_THAT(broker_.manager.Rotate(Now(), {}, {}), HasReason(Reason::kMalformedRequest));
  CredentialChange token = NewPassword("x");
  token.console_api_token = SecretString::CopyOf("x");
  const absl::Status wrong_kind = broker_.manager.Rotate(Now(), std::move(token), {}).status();
  EXPECT_THAT(wrong_kind, HasMetadata("field", "console_api_token"));
  CredentialChange stranger = NewPassword("x");
  stranger.organizations.push_back({"00800000000000000099", SecretString::CopyOf("k")});
  const absl::Status detached = broker_.manager.Rotate(Now(), std::move(stranger), {}).status();
  EXPECT_THAT(detached, HasMetadata("field", "organizations[0].organization_id"));
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(RotationTest, EndSessionsKeepsProbeSession) {
  const SessionPtr first = *Get(kFirstOrganization);
  const SessionPtr second = *Get(kSecondOrganization);
  ASSERT_THAT(Rotate("s3cret-password-new", {.end_sessions = true}), IsOk());
  EXPECT_FALSE(broker_.bill.IsLive(first->keys.session_id->Reveal()));
  EXPECT_FALSE(broker_.bill.IsLive(second->keys.session_id->Reveal()));
  EXPECT_TRUE(Shown()->history[0].end_sessions);
  EXPECT_EQ(Shown()->sessions_ended_version, 2u);
  EXPECT_EQ(broker_.bill.CountSignIns(), 3);
  EXPECT_TRUE(broker_.bill.IsLive((*Get(kFirstOrganization))->keys.session_id->Reveal()));
  EXPECT_EQ(broker_.bill.CountSignIns(), 3);
}

TEST_F(RotationTest, ResumedRotationEndsSessions) {
  const SessionPtr other = *Get(kSecondOrganization);
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = Rotate("s3cret-password-new", {.end_sessions = true}).status();
  EXPECT_TRUE(broker_.bill.IsLive(other->keys.session_id->Reveal()));
  const std::string id = DetailsOf(pending)->metadata["rotation_id"];
  ASSERT_THAT(broker_.manager.ResumeRotation(Now(), id, kPatience), IsOk());
  EXPECT_FALSE(broker_.bill.IsLive(other->keys.session_id->Reveal()));
}

TEST_F(RotationTest, ResumedRollbackIsRollback) {
  ASSERT_THAT(Rotate("s3cret-password-new"), IsOk());
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = broker_.manager.Rollback(Now(), {}).status();
  ASSERT_THAT(pending, HasReason(Reason::kRotationPending));
  const std::string id = DetailsOf(pending)->metadata["rotation_id"];
  const auto resumed = broker_.manager.ResumeRotation(Now(), id, kPatience);
  ASSERT_THAT(resumed, IsOk());
  EXPECT_EQ(Password(), "s3cret-password-old");
  EXPECT_EQ((*resumed)->history[0].kind, PastChangeKind::kRolledBack);
}

// An organization is attached while the rotation is pending. The credential must stay usable.
TEST_F(RotationTest, CancelsRotationThatNoLongerFits) {
  CredentialChange own_keys;
  own_keys.dev_key = SecretString();
  for (const char* id : {kFirstOrganization, kSecondOrganization}) {
    own_keys.organizations.push_back({id, SecretString::CopyOf("s3cret-password-own")});
  }
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = broker_.manager.Rotate(Now(), std::move(own_keys), {}).status();
  ASSERT_THAT(pending, HasReason(Reason::kRotationPending));
  std::vector<Organization> more;
  more.push_back({kThirdOrganization, {}});
  ASSERT_THAT(broker_.manager.Attach(Now(), std::move(more)), IsOk());
  const std::string id = DetailsOf(pending)->metadata["rotation_id"];
  const absl::Status misfit = broker_.manager.ResumeRotation(Now(), id, kPatience).status();
  EXPECT_THAT(misfit, HasReason(Reason::kMalformedRequest));
  EXPECT_THAT(broker_.manager.CancelRotation(Now(), id, ""), IsOk());
  EXPECT_THAT(Get(kThirdOrganization), IsOk());
}

TEST_F(RotationTest, FailedCommitLeavesRotationPending) {
  broker_.vault.set_hook([this](absl::string_view call) {
    if (call == "Replace") broker_.vault.LoseNextAnswer(false);
  });
  const absl::Status failed = Rotate("s3cret-password-new").status();
  EXPECT_THAT(failed, HasReason(Reason::kRotationPending));
  broker_.vault.set_hook(nullptr);
  EXPECT_EQ(Password(), "s3cret-password-old");
  const std::string id = DetailsOf(failed)->metadata["rotation_id"];
  ASSERT_THAT(broker_.manager.ResumeRotation(Now(), id, kPatience), IsOk());
  EXPECT_EQ(Password(), "s3cret-password-new");
}

TEST_F(RotationTest, VerifyChangesNothing) {
  EXPECT_THAT(broker_.manager.Verify(Now(), "", kPatience), IsOk());
  EXPECT_EQ(Now().version, 1u);
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
  EXPECT_THAT(Get(kFirstOrganization), IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(broker_.manager.Verify(Now(), kSecondOrganization, kPatience),
              HasReason(Reason::kCredentialRejected));
}

TEST_F(RotationTest, AttachAndDetachKeepRevertibleHistory) {
  ASSERT_THAT(Rotate("s3cret-password-new"), IsOk());
  for (int i = 0; i < 15; ++i) {
    std::vector<Organization> more;
    more.push_back({kThirdOrganization, SecretString()});
    ASSERT_THAT(broker_.manager.Attach(Now(), std::move(more)), IsOk());
    ASSERT_THAT(broker_.manager.Detach(Now(), {kThirdOrganization}), IsOk());
  }
  const CredentialInfoPtr shown = Shown();
  ASSERT_EQ(shown->history.size(), kMaxHistory);
  EXPECT_EQ(shown->history[0].kind, PastChangeKind::kDetached);
  EXPECT_EQ(shown->history[0].version, shown->version);
  EXPECT_THAT(shown->history[1].fields, ElementsAre("organizations"));
  EXPECT_EQ(shown->history.back().kind, PastChangeKind::kRotated);
  EXPECT_TRUE(shown->history.back().revertible);
  ASSERT_THAT(broker_.manager.Rollback(Now(), {}), IsOk());
  EXPECT_EQ(Password(), "s3cret-password-old");
}

}  // namespace
}  // namespace billbroker

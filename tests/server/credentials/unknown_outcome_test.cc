// Changes to which the keyring's answer is lost, and their repetition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/credentials/credential_manager.h"
#include "server/credentials/unknown_outcomes.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"
#include "vault/base/executor.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kOperator[] = "unix:operator-of-acme";

class UnknownOutcomeTest : public ::testing::Test {
 protected:
  // Ends all work before the session manager is destroyed.
  ~UnknownOutcomeTest() override { threads_.reset(); }

  absl::StatusOr<CredentialInfoPtr> Create(const std::string& principal = kOperator,
                                           const std::string& password = "s3cret-password-old") {
    Credential draft = SampleUser(kAcme);
    draft.password = SecretString::CopyOf(password);
    return broker_.manager.Create(std::move(draft), principal);
  }
  // Loses the answer to the next call of the vault's function `call`.
  void Lose(const std::string& call, bool done) {
    broker_.vault.set_hook([this, call, done](absl::string_view called) {
      if (called != call) return;
      broker_.vault.LoseNextAnswer(done);
    });
  }
  void LoseNone() { broker_.vault.set_hook(nullptr); }

  static auto IsUnknown(Reason reason = Reason::kVaultUnreachable) {
    return AllOf(HasReason(reason), HasMetadata("outcome", "unknown"));
  }

  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  TestBroker broker_{*threads_};
};

TEST_F(UnknownOutcomeTest, RepeatedCreateReturnsCredential) {
  Lose("Create", true);
  EXPECT_THAT(Create(), IsUnknown());
  LoseNone();
  const absl::StatusOr<CredentialInfoPtr> repeated = Create();
  ASSERT_THAT(repeated, IsOk());
  EXPECT_EQ((*repeated)->uid, (*broker_.vault.Load(kAcme))->uid);
  EXPECT_EQ(broker_.vault.writes(), 1);
  EXPECT_THAT(Create(), HasReason(Reason::kCredentialExists)) << "the outcome is known by now";
}

TEST_F(UnknownOutcomeTest, RepeatedCreateStoresUndoneOne) {
  Lose("Create", false);
  EXPECT_THAT(Create(), IsUnknown());
  broker_.clock.Advance(absl::Minutes(1));
  LoseNone();
  const absl::StatusOr<CredentialInfoPtr> repeated = Create();
  ASSERT_THAT(repeated, IsOk());
  EXPECT_EQ((*repeated)->create_time, broker_.clock.Now() - absl::Minutes(1))
      << "a late store of the first call makes the same document";
  EXPECT_EQ(broker_.vault.writes(), 1);
}

TEST_F(UnknownOutcomeTest, CreateByAnotherOrOfAnotherIsRejected) {
  Lose("Create", true);
  EXPECT_THAT(Create(), IsUnknown());
  LoseNone();
  EXPECT_THAT(Create("unix:another-operator"), HasReason(Reason::kCredentialExists));
  EXPECT_THAT(Create(kOperator, "s3cret-password-guess"), HasReason(Reason::kCredentialExists));
  broker_.clock.Advance(UnknownOutcomes::kKept);
  EXPECT_THAT(Create(), HasReason(Reason::kCredentialExists));
}

TEST_F(UnknownOutcomeTest, CreateAfterChangeByAnotherIsRejected) {
  Lose("Create", true);
  EXPECT_THAT(Create(), IsUnknown());
  LoseNone();
  Credential next = (*broker_.vault.Load(kAcme))->Clone();
  ++next.version;
  ASSERT_THAT(broker_.vault.Replace(next), IsOk());
  EXPECT_THAT(Create(), HasReason(Reason::kCredentialExists));
}

// kAcme exists as version 1.
class UnknownChangeTest : public UnknownOutcomeTest {
 protected:
  [[nodiscard]] CredentialInfoPtr Shown() const { return *broker_.credentials.Get(kAcme); }
  [[nodiscard]] CredentialVersion Now() const { return {kAcme, Shown()->uid, Shown()->version}; }
  [[nodiscard]] std::string Password() {
    return std::string((*broker_.vault.Load(kAcme))->password.Reveal());
  }
  absl::Status Attach() {
    std::vector<Organization> more;
    more.push_back({kThirdOrganization, SecretString()});
    return broker_.manager.Attach(first_, std::move(more), kOperator).status();
  }
  absl::Status Detach() {
    return broker_.manager.Detach(first_, {kFirstOrganization}, kOperator).status();
  }
  absl::Status Rotate() {
    CredentialChange change;
    change.password = SecretString::CopyOf("s3cret-password-new");
    return broker_.manager.Rotate(first_, std::move(change), {.principal = kOperator}).status();
  }
  // Leaves a rotation pending, and returns its id.
  std::string StageRotation() {
    BillError lost;
    lost.verdict = Verdict::kUnavailable;
    broker_.bill.FailNextSignIns(1, lost);
    const absl::Status pending = Rotate();
    EXPECT_THAT(pending, AllOf(HasReason(Reason::kRotationPending), Not(IsUnknown())));
    return DetailsOf(pending)->metadata["rotation_id"];
  }

  const CredentialVersion first_ = CreateFirst();

 private:
  CredentialVersion CreateFirst() {
    EXPECT_THAT(Create(), IsOk());
    return Now();
  }
};

TEST_F(UnknownChangeTest, LockedKeyringHasKnownOutcome) {
  broker_.vault.set_hook([this](absl::string_view call) {
    if (call == "Replace") broker_.vault.set_state(VaultState::kLocked);
  });
  EXPECT_THAT(Attach(), AllOf(HasReason(Reason::kVaultLocked), Not(IsUnknown())));
  EXPECT_FALSE(broker_.vault_health.TakeReloadRequest());
}

// The provider answers one read as if the credential did not exist.
TEST_F(UnknownChangeTest, MissedReadKeepsCredential) {
  const CredentialPtr stored = *broker_.vault.Load(kAcme);
  for (const absl::string_view missing_at : {"Load", "Replace"}) {
    broker_.vault.set_hook([&](absl::string_view call) {
      if (call != missing_at) return;
      LoseNone();
      ASSERT_THAT(broker_.vault.Delete(kAcme, stored->uid, stored->version), IsOk());
    });
    EXPECT_THAT(Attach(), AllOf(HasReason(Reason::kVaultUnreachable), Not(IsUnknown()),
                                HasMetadata("credential", kAcme)));
    EXPECT_TRUE(broker_.vault_health.TakeReloadRequest());
    EXPECT_EQ(Shown()->uid, stored->uid);
    ASSERT_THAT(broker_.vault.Create(*stored), IsOk());
  }
  EXPECT_THAT(Attach(), IsOk());
}

TEST_F(UnknownChangeTest, RepeatedAttachConflictsOnceDone) {
  Lose("Replace", false);
  EXPECT_THAT(Attach(), IsUnknown());
  Lose("Replace", true);
  EXPECT_THAT(Attach(), IsUnknown());
  LoseNone();
  EXPECT_THAT(Attach(), HasReason(Reason::kVersionConflict));
  EXPECT_EQ(Shown()->version, 2u);
  EXPECT_EQ(Shown()->organizations.count(kThirdOrganization), 1u);
}

TEST_F(UnknownChangeTest, RepeatedDetachConflictsOnceDone) {
  Lose("Replace", true);
  EXPECT_THAT(Detach(), IsUnknown());
  LoseNone();
  EXPECT_THAT(Detach(), HasReason(Reason::kVersionConflict));
  EXPECT_EQ(Shown()->version, 2u);
  EXPECT_EQ(Shown()->organizations.count(kFirstOrganization), 0u);
}

TEST_F(UnknownChangeTest, RepeatedRotationReturnsCredential) {
  Lose("Replace", true);
  EXPECT_THAT(Rotate(), IsUnknown(Reason::kRotationPending));
  LoseNone();
  const int sign_ins = broker_.bill.CountSignIns();
  EXPECT_THAT(Rotate(), IsOk());
  EXPECT_EQ(broker_.bill.CountSignIns(), sign_ins);
  EXPECT_EQ(Password(), "s3cret-password-new");
}

TEST_F(UnknownChangeTest, RepeatedRollbackDoesNotRevertItself) {
  ASSERT_THAT(Rotate(), IsOk());
  const CredentialVersion rotated = {kAcme, first_.uid, 2};
  Lose("Replace", true);
  EXPECT_THAT(broker_.manager.Rollback(rotated, {}), IsUnknown(Reason::kRotationPending));
  LoseNone();
  EXPECT_THAT(broker_.manager.Rollback(rotated, {}), HasReason(Reason::kVersionConflict));
  EXPECT_EQ(Password(), "s3cret-password-old");
}

TEST_F(UnknownChangeTest, RepeatedResumeConflictsOnceDone) {
  const std::string id = StageRotation();
  Lose("Replace", true);
  EXPECT_THAT(broker_.manager.ResumeRotation(first_, id, kPatience),
              IsUnknown(Reason::kRotationPending));
  LoseNone();
  EXPECT_THAT(broker_.manager.ResumeRotation(first_, id, kPatience),
              HasReason(Reason::kVersionConflict));
  EXPECT_EQ(Shown()->version, 2u);
  EXPECT_FALSE(Shown()->pending.has_value());
  EXPECT_EQ(Password(), "s3cret-password-new");
}

// The keyring stores the rotation and sends no notification, so the index does not have it.
class LateStageTest : public UnknownChangeTest {
 protected:
  LateStageTest() {
    Lose("Restage", true);
    EXPECT_THAT(Rotate(), IsUnknown());
    LoseNone();
    EXPECT_FALSE(Shown()->pending.has_value());
  }
};

TEST_F(LateStageTest, IsShownAndResumed) {
  ASSERT_TRUE(broker_.manager.IsInDoubt(kAcme));
  broker_.manager.ReadAgain(kAcme);
  ASSERT_TRUE(Shown()->pending.has_value());
  EXPECT_THAT(broker_.manager.ResumeRotation(first_, Shown()->pending->id, kPatience), IsOk());
  EXPECT_FALSE(broker_.manager.IsInDoubt(kAcme));
}

TEST_F(LateStageTest, NextRotationShowsIt) {
  const absl::Status pending = Rotate();
  EXPECT_THAT(pending, HasReason(Reason::kRotationPending));
  ASSERT_TRUE(Shown()->pending.has_value());
  EXPECT_THAT(pending, HasMetadata("rotation_id", Shown()->pending->id));
}

TEST_F(LateStageTest, ResumeOfAnotherRotationShowsIt) {
  EXPECT_THAT(broker_.manager.ResumeRotation(first_, "id-of-another-rotation", kPatience),
              HasReason(Reason::kMalformedRequest));
  EXPECT_TRUE(Shown()->pending.has_value());
}

TEST_F(UnknownChangeTest, UnstoredRotationMayBeRepeated) {
  Lose("Restage", false);
  EXPECT_THAT(Rotate(), IsUnknown());
  LoseNone();
  broker_.manager.ReadAgain(kAcme);
  EXPECT_FALSE(Shown()->pending.has_value());
  const absl::Status nothing =
      broker_.manager.ResumeRotation(first_, "id-of-no-rotation", kPatience).status();
  EXPECT_THAT(nothing, HasMetadata("field", "rotation_id"));
  EXPECT_THAT(std::string(nothing.message()), HasSubstr("the rotation may be repeated"));
  EXPECT_THAT(Rotate(), IsOk());
}

TEST_F(UnknownChangeTest, RepeatedCancelFindsNothingStaged) {
  const std::string id = StageRotation();
  Lose("Restage", true);
  EXPECT_THAT(broker_.manager.CancelRotation(first_, id, kOperator), IsUnknown());
  LoseNone();
  EXPECT_TRUE(Shown()->pending.has_value());
  EXPECT_THAT(broker_.manager.CancelRotation(first_, id, kOperator),
              HasMetadata("field", "rotation_id"));
  EXPECT_FALSE(Shown()->pending.has_value());
}

TEST_F(UnknownChangeTest, LostRemovalLeavesRotationPending) {
  int restages = 0;
  broker_.vault.set_hook([this, &restages](absl::string_view call) {
    if (call == "Restage" && ++restages == 2) broker_.vault.LoseNextAnswer(false);
  });
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(Rotate(), IsUnknown(Reason::kRotationPending));
}

}  // namespace
}  // namespace billbroker

// What CredentialManager::Rotate() and its kin promise: prove, then commit, always reversible.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/credentials/credential_manager.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"
#include "vault/base/executor.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RotationTest : public ::testing::Test {
 protected:
  RotationTest() {
    Credential draft = SampleUser("acme");
    draft.password = SecretString::CopyOf("s3cret-old");
    const absl::StatusOr<CredentialInfoPtr> info = broker_.manager.Create(std::move(draft));
    EXPECT_TRUE(info.ok()) << info.status();
  }
  ~RotationTest() override { threads_.reset(); }  // its work ends before the engine goes

  [[nodiscard]] CredentialVersion Now() const {
    const CredentialInfoPtr info = *broker_.directory.Get("acme");
    return {info->name, info->uid, info->version};
  }
  [[nodiscard]] CredentialPtr Stored() { return *broker_.vault.Load("acme"); }
  [[nodiscard]] std::string Password() { return std::string(Stored()->password.Reveal()); }
  [[nodiscard]] CredentialInfoPtr Shown() const { return *broker_.directory.Get("acme"); }

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
    std::promise<absl::StatusOr<SessionPtr>> answer;
    broker_.engine.GetSession(organization_id, "", {}, [&answer](absl::StatusOr<SessionPtr> got) {
      answer.set_value(std::move(got));
    });
    return answer.get_future().get();
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

TEST_F(RotationTest, AProvedPasswordIsInForceAndLiveSessionsStay) {
  const SessionPtr other = *Get("00800000000000000082");
  const absl::StatusOr<CredentialInfoPtr> rotated = Rotate("s3cret-new");
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_EQ((*rotated)->version, 2u);
  EXPECT_EQ(Password(), "s3cret-new");
  EXPECT_FALSE(Stored()->staged.has_value());
  EXPECT_EQ(*Get("00800000000000000082"), other);
  EXPECT_EQ(broker_.bill.sign_ins().back().secret, "s3cret-new");
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(RotationTest, TheProofsSessionIsTheOrganizationsNextOne) {
  const SessionPtr before = *Get("00800000000000000081");
  ASSERT_TRUE(Rotate("s3cret-new").ok());
  const SessionPtr after = *Get("00800000000000000081");
  EXPECT_GT(after->generation, before->generation);
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(RotationTest, ItTakesTwoWritesAndOneWithoutProof) {
  const int before = broker_.vault.writes();
  ASSERT_TRUE(Rotate("s3cret-new").ok());
  EXPECT_EQ(broker_.vault.writes(), before + 2);
  ASSERT_TRUE(Rotate("s3cret-newer", {.verify = false}).ok());
  EXPECT_EQ(broker_.vault.writes(), before + 3);
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
  EXPECT_EQ(Password(), "s3cret-newer");
}

TEST_F(RotationTest, ARefusedPasswordChangesNothingAndIsRemembered) {
  const SessionPtr before = *Get("00800000000000000081");
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  const absl::Status refused = Rotate("s3cret-wrong").status();
  EXPECT_TRUE(HasReason(refused, Reason::kCredentialRejected)) << refused;
  EXPECT_EQ(DetailsOf(refused)->metadata["bill_code"], "BDC_1101");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("nothing was changed"));
  EXPECT_EQ(Password(), "s3cret-old");
  EXPECT_EQ(Now().version, 1u);
  EXPECT_EQ(*Get("00800000000000000081"), before);
  ASSERT_EQ(Shown()->history.size(), 1u);
  EXPECT_EQ(Shown()->history[0].kind, PastChangeKind::kRefused);
  EXPECT_EQ(Shown()->history[0].bill_code, "BDC_1101");
  EXPECT_FALSE(Shown()->pending.has_value());
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(RotationTest, WhereTheAnswerIsLostNothingIsInForceAndTheRotationIsPending) {
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = Rotate("s3cret-new").status();
  EXPECT_TRUE(HasReason(pending, Reason::kRotationPending)) << pending;
  EXPECT_EQ(Password(), "s3cret-old");
  EXPECT_EQ(Stored()->staged->change.password->Reveal(), "s3cret-new");
  ASSERT_TRUE(Shown()->pending.has_value());
  EXPECT_EQ(Shown()->pending->id, DetailsOf(pending)->metadata["rotation_id"]);
  EXPECT_THAT(Shown()->pending->fields, ElementsAre("password"));
  // Another one has to wait.
  EXPECT_TRUE(HasReason(Rotate("s3cret-other").status(), Reason::kRotationPending));
}

TEST_F(RotationTest, APendingRotationIsResumedByName) {
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = Rotate("s3cret-new").status();
  const std::string id = DetailsOf(pending)->metadata["rotation_id"];
  EXPECT_TRUE(HasReason(broker_.manager.ResumeRotation(Now(), "another", kPatience).status(),
                        Reason::kMalformedRequest));
  const auto resumed = broker_.manager.ResumeRotation(Now(), id, kPatience);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ((*resumed)->version, 2u);
  EXPECT_EQ(Password(), "s3cret-new");
}

TEST_F(RotationTest, APendingRotationIsCancelledByName) {
  broker_.bill.FailNextSignIns(1, Lost());
  const std::string id = DetailsOf(Rotate("s3cret-new").status())->metadata["rotation_id"];
  const auto cancelled = broker_.manager.CancelRotation(Now(), id, "unix:root");
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_FALSE((*cancelled)->pending.has_value());
  EXPECT_EQ((*cancelled)->history[0].kind, PastChangeKind::kCancelled);
  EXPECT_EQ((*cancelled)->history[0].principal, "unix:root");
  EXPECT_FALSE(Stored()->staged.has_value());
  EXPECT_EQ(Password(), "s3cret-old");
  EXPECT_TRUE(Rotate("s3cret-other").ok());
}

TEST_F(RotationTest, WhatWasNotTriedIsNotStagedAnyMore) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  const absl::Status untried = Rotate("s3cret-new").status();
  EXPECT_TRUE(HasReason(untried, Reason::kBillRateLimited)) << untried;
  EXPECT_FALSE(Stored()->staged.has_value());
  EXPECT_TRUE(Shown()->history.empty());
  EXPECT_EQ(Password(), "s3cret-old");
}

TEST_F(RotationTest, ARollBackPutsTheOldSecretBackAndCanBeRolledBackItself) {
  ASSERT_TRUE(Rotate("s3cret-new").ok());
  const auto back = broker_.manager.Rollback(Now(), {});
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ((*back)->version, 3u);
  EXPECT_EQ(Password(), "s3cret-old");
  EXPECT_EQ(broker_.bill.sign_ins().back().secret, "s3cret-old");
  EXPECT_EQ((*back)->history[0].kind, PastChangeKind::kRolledBack);
  ASSERT_TRUE(broker_.manager.Rollback(Now(), {}).ok());
  EXPECT_EQ(Password(), "s3cret-new");
}

TEST_F(RotationTest, OnlySoManyOldVersionsAreKept) {
  ASSERT_TRUE(Rotate("s3cret-2").ok());
  ASSERT_TRUE(Rotate("s3cret-3").ok());
  const CredentialPtr stored = Stored();
  ASSERT_EQ(stored->history.size(), 2u);
  EXPECT_EQ(stored->history[0].before->password->Reveal(), "s3cret-2");
  EXPECT_FALSE(stored->history[1].before.has_value());
}

TEST_F(RotationTest, WithoutAnOldVersionThereIsNoRollBack) {
  EXPECT_TRUE(HasReason(broker_.manager.Rollback(Now(), {}).status(), Reason::kNoPreviousVersion));
}

TEST_F(RotationTest, ARollBackDoesNotTryASecretThatBillRefused) {
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_FALSE(Get("00800000000000000081").ok());
  ASSERT_TRUE(Rotate("s3cret-new").ok());
  const absl::Status refused = broker_.manager.Rollback(Now(), {}).status();
  EXPECT_TRUE(HasReason(refused, Reason::kCredentialRejected)) << refused;
  EXPECT_EQ(Password(), "s3cret-new");
  EXPECT_EQ(broker_.bill.CountSignIns(), 2);
}

TEST_F(RotationTest, OfTwoOperatorsOneWins) {
  const CredentialVersion seen = Now();
  ASSERT_TRUE(broker_.manager.Rotate(seen, NewPassword("s3cret-a"), {}).ok());
  EXPECT_TRUE(HasReason(broker_.manager.Rotate(seen, NewPassword("s3cret-b"), {}).status(),
                        Reason::kVersionConflict));
  EXPECT_EQ(Password(), "s3cret-a");
}

TEST_F(RotationTest, AChangeThatMakesNoCredentialIsNamed) {
  EXPECT_TRUE(HasReason(broker_.manager.Rotate(Now(), {}, {}).status(), Reason::kMalformedRequest));
  CredentialChange token = NewPassword("x");
  token.console_api_token = SecretString::CopyOf("x");
  const absl::Status wrong_kind = broker_.manager.Rotate(Now(), std::move(token), {}).status();
  EXPECT_EQ(DetailsOf(wrong_kind)->metadata["field"], "console_api_token");
  CredentialChange stranger = NewPassword("x");
  stranger.organizations.push_back({"00800000000000000099", SecretString::CopyOf("k")});
  const absl::Status detached = broker_.manager.Rotate(Now(), std::move(stranger), {}).status();
  EXPECT_EQ(DetailsOf(detached)->metadata["field"], "organizations[0].organization_id");
  EXPECT_EQ(broker_.bill.CountSignIns(), 0);
}

TEST_F(RotationTest, EndSessionsEndsAllButTheProofsOwn) {
  const SessionPtr first = *Get("00800000000000000081");
  const SessionPtr second = *Get("00800000000000000082");
  ASSERT_TRUE(Rotate("s3cret-new", {.end_sessions = true}).ok());
  EXPECT_FALSE(broker_.bill.IsLive(first->keys.session_id->Reveal()));
  EXPECT_FALSE(broker_.bill.IsLive(second->keys.session_id->Reveal()));
  EXPECT_TRUE(Shown()->history[0].end_sessions);
  EXPECT_EQ(Shown()->sessions_ended_version, 2u);
  EXPECT_EQ(broker_.bill.CountSignIns(), 3);
  EXPECT_TRUE(broker_.bill.IsLive((*Get("00800000000000000081"))->keys.session_id->Reveal()));
  EXPECT_EQ(broker_.bill.CountSignIns(), 3);
}

TEST_F(RotationTest, WhatARotationWasMeantToDoIsDoneWhenItIsResumed) {
  const SessionPtr other = *Get("00800000000000000082");
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = Rotate("s3cret-new", {.end_sessions = true}).status();
  EXPECT_TRUE(broker_.bill.IsLive(other->keys.session_id->Reveal()));
  const std::string id = DetailsOf(pending)->metadata["rotation_id"];
  ASSERT_TRUE(broker_.manager.ResumeRotation(Now(), id, kPatience).ok());
  EXPECT_FALSE(broker_.bill.IsLive(other->keys.session_id->Reveal()));
}

TEST_F(RotationTest, AResumedRollBackIsOne) {
  ASSERT_TRUE(Rotate("s3cret-new").ok());
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = broker_.manager.Rollback(Now(), {}).status();
  ASSERT_TRUE(HasReason(pending, Reason::kRotationPending)) << pending;
  const std::string id = DetailsOf(pending)->metadata["rotation_id"];
  const auto resumed = broker_.manager.ResumeRotation(Now(), id, kPatience);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(Password(), "s3cret-old");
  EXPECT_EQ((*resumed)->history[0].kind, PastChangeKind::kRolledBack);
}

// Attached and detached meanwhile: what is pending must not cost the credential.
TEST_F(RotationTest, APendingRotationThatNoLongerFitsCanBeCancelled) {
  CredentialChange own_keys;
  own_keys.dev_key = SecretString();
  for (const char* id : {"00800000000000000081", "00800000000000000082"}) {
    own_keys.organizations.push_back({id, SecretString::CopyOf("s3cret-own")});
  }
  broker_.bill.FailNextSignIns(1, Lost());
  const absl::Status pending = broker_.manager.Rotate(Now(), std::move(own_keys), {}).status();
  ASSERT_TRUE(HasReason(pending, Reason::kRotationPending)) << pending;
  std::vector<Organization> more;
  more.push_back({"00800000000000000083", {}});
  ASSERT_TRUE(broker_.manager.Attach(Now(), std::move(more)).ok());
  const std::string id = DetailsOf(pending)->metadata["rotation_id"];
  const absl::Status misfit = broker_.manager.ResumeRotation(Now(), id, kPatience).status();
  EXPECT_TRUE(HasReason(misfit, Reason::kMalformedRequest)) << misfit;
  EXPECT_TRUE(broker_.manager.CancelRotation(Now(), id, "").ok());
  EXPECT_TRUE(Get("00800000000000000083").ok());
}

TEST_F(RotationTest, AKeyringThatFailsAtTheCommitLeavesItPending) {
  broker_.vault.set_hook([this](absl::string_view call) {
    if (call == "Replace") broker_.vault.LoseNextAnswer(false);
  });
  const absl::Status failed = Rotate("s3cret-new").status();
  EXPECT_TRUE(HasReason(failed, Reason::kRotationPending)) << failed;
  broker_.vault.set_hook(nullptr);
  EXPECT_EQ(Password(), "s3cret-old");
  const std::string id = DetailsOf(failed)->metadata["rotation_id"];
  ASSERT_TRUE(broker_.manager.ResumeRotation(Now(), id, kPatience).ok());
  EXPECT_EQ(Password(), "s3cret-new");
}

TEST_F(RotationTest, VerifyProvesWhatIsInForceAndChangesNothing) {
  EXPECT_EQ(broker_.manager.Verify(Now(), "", kPatience), absl::OkStatus());
  EXPECT_EQ(Now().version, 1u);
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
  EXPECT_TRUE(Get("00800000000000000081").ok());
  EXPECT_EQ(broker_.bill.CountSignIns(), 1);
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_TRUE(HasReason(broker_.manager.Verify(Now(), "00800000000000000082", kPatience),
                        Reason::kCredentialRejected));
}

TEST_F(RotationTest, AttachingAndDetachingAreHistoryAndPushOutNoVersionThatIsKept) {
  ASSERT_TRUE(Rotate("s3cret-new").ok());
  for (int i = 0; i < 15; ++i) {
    std::vector<Organization> more;
    more.push_back({"00800000000000000083", SecretString()});
    ASSERT_TRUE(broker_.manager.Attach(Now(), std::move(more)).ok());
    ASSERT_TRUE(broker_.manager.Detach(Now(), {"00800000000000000083"}).ok());
  }
  const CredentialInfoPtr shown = Shown();
  ASSERT_EQ(shown->history.size(), kMaxHistory);
  EXPECT_EQ(shown->history[0].kind, PastChangeKind::kDetached);
  EXPECT_EQ(shown->history[0].version, shown->version);
  EXPECT_THAT(shown->history[1].fields, ElementsAre("organizations"));
  EXPECT_EQ(shown->history.back().kind, PastChangeKind::kRotated);
  EXPECT_TRUE(shown->history.back().revertible);
  ASSERT_TRUE(broker_.manager.Rollback(Now(), {}).ok());
  EXPECT_EQ(Password(), "s3cret-old");
}

}  // namespace
}  // namespace billbroker

// Which writes of CredentialManager and MfaManager may show a prompt of the Secret Service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/credentials/credential_manager.h"
#include "tests/support/await.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::SizeIs;

class PromptsTest : public ::testing::Test {
 protected:
  PromptsTest() {
    Credential draft = SampleUser(kAcme);
    draft.remember_me_id = SecretString();
    draft.device = "";
    EXPECT_THAT(broker_.manager.Create(std::move(draft)), IsOk());
    broker_.vault.set_hook([this](absl::string_view call) {
      const bool writes =
          call == "Create" || call == "Replace" || call == "Restage" || call == "Delete";
      if (!writes) return;
      MutexLock lock(mutex_);
      writes_.push_back(absl::StrCat(call, broker_.vault.prompts_allowed() ? " allowed" : ""));
    });
  }
  ~PromptsTest() override { threads_.reset(); }

  [[nodiscard]] CredentialVersion Now() const {
    const CredentialInfoPtr info = *broker_.credentials.Get(kAcme);
    return {info->name, info->uid, info->version};
  }
  static CredentialChange NewPassword(absl::string_view password) {
    CredentialChange change;
    change.password = SecretString::CopyOf(password);
    return change;
  }
  // Rotates with an answer of BILL that is lost. Returns the id of the pending rotation.
  std::string LeavePending(Prompts prompts) {
    BillError lost;
    lost.verdict = Verdict::kUnavailable;
    lost.detail = "no answer";
    broker_.bill.FailNextSignIns(1, lost);
    const absl::Status pending =
        broker_.manager.Rotate(Now(), NewPassword("s3cret-pending"), {.prompts = prompts}).status();
    EXPECT_THAT(pending, HasReason(Reason::kRotationPending));
    return (*broker_.credentials.Get(kAcme))->pending->id;
  }
  // Makes every kind of change. Returns the writes.
  std::vector<std::string> ChangeEverything(Prompts prompts);

  std::vector<std::string> TakeWrites() {
    MutexLock lock(mutex_);
    return std::exchange(writes_, {});
  }

  Mutex mutex_;
  std::vector<std::string> writes_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  TestBroker broker_{*threads_};
};

std::vector<std::string> PromptsTest::ChangeEverything(Prompts prompts) {
  CredentialManager& manager = broker_.manager;
  TakeWrites();
  Credential another = SampleUser("mill-payables-user");
  another.username = "ada@mill.example";
  const absl::StatusOr<CredentialInfoPtr> made =
      manager.Create(std::move(another), "unix:operations-team", prompts);
  EXPECT_THAT(made, IsOk());
  std::vector<Organization> third;
  third.push_back({kThirdOrganization, SecretString()});
  EXPECT_THAT(manager.Attach(Now(), std::move(third), "", prompts), IsOk());
  EXPECT_THAT(manager.Detach(Now(), {kThirdOrganization}, "", prompts), IsOk());
  EXPECT_THAT(manager.Rotate(Now(), NewPassword("s3cret-next"), {.prompts = prompts}), IsOk());
  EXPECT_THAT(manager.Rollback(Now(), {.prompts = prompts}), IsOk());
  const std::string resumed = LeavePending(prompts);
  EXPECT_THAT(manager.ResumeRotation(Now(), resumed, kPatience, "", {}, prompts), IsOk());
  const std::string cancelled = LeavePending(prompts);
  EXPECT_THAT(manager.CancelRotation(Now(), cancelled, "unix:operations-team", prompts), IsOk());
  const absl::StatusOr<OpenChallenge> challenge =
      broker_.mfa.StartChallenge(kAcme, "", "unix:operations-team", kPatience);
  EXPECT_THAT(challenge, IsOk());
  EXPECT_THAT(broker_.mfa.CompleteChallenge(challenge->id, SecretString::CopyOf("123456"), "",
                                            "unix:operations-team", prompts),
              IsOk());
  EXPECT_THAT(
      manager.Delete({(*made)->name, (*made)->uid, (*made)->version}, /*force=*/true, prompts),
      IsOk());
  return TakeWrites();
}

constexpr char kCreate[] = "Create";
constexpr char kReplace[] = "Replace";
constexpr char kRestage[] = "Restage";
constexpr char kDelete[] = "Delete";

TEST_F(PromptsTest, NoChangePromptsByDefault) {
  EXPECT_THAT(ChangeEverything(Prompts::kRefused),
              ElementsAre(kCreate, kReplace, kReplace,             // attach, detach
                          kRestage, kReplace, kRestage, kReplace,  // rotate, roll back
                          kRestage, kReplace, kRestage, kRestage,  // resume, cancel
                          kReplace, kDelete));                     // mfa
}

TEST_F(PromptsTest, EveryChangePromptsIfAllowed) {
  const std::vector<std::string> writes = ChangeEverything(Prompts::kAllowed);
  EXPECT_THAT(writes, SizeIs(13));
  EXPECT_THAT(writes, Each(EndsWith(" allowed")));
  EXPECT_FALSE(broker_.vault.prompts_allowed());
}

TEST_F(PromptsTest, FailedChangeEndsItsScope) {
  CredentialVersion stale = Now();
  ++stale.version;
  EXPECT_THAT(broker_.manager.Detach(stale, {kFirstOrganization}, "", Prompts::kAllowed),
              HasReason(Reason::kVersionConflict));
  EXPECT_FALSE(broker_.vault.prompts_allowed());
}

// Of two changes at the same time, only one may prompt.
class ConcurrentPromptsTest : public PromptsTest {
 protected:
  // Creates a credential, and while that is written, detaches an organization of another one.
  // Returns the writes.
  std::vector<std::string> ChangeAtOnce(Prompts create, Prompts detach) {
    std::promise<void> held;
    std::promise<void> release;
    broker_.vault.set_hook([&, released = release.get_future().share()](absl::string_view call) {
      if (call == "Create") {
        held.set_value();
        released.wait();
      }
      if (call != "Create" && call != "Replace") return;
      MutexLock lock(mutex_);
      writes_.push_back(absl::StrCat(call, broker_.vault.prompts_allowed() ? " allowed" : ""));
    });
    std::thread first([this, create] {
      Credential another = SampleUser("mill-payables-user");
      another.username = "ada@mill.example";
      EXPECT_THAT(broker_.manager.Create(std::move(another), "", create), IsOk());
    });
    EXPECT_TRUE(AwaitReady(held.get_future(), "the first write"));
    EXPECT_THAT(broker_.manager.Detach(Now(), {kFirstOrganization}, "", detach), IsOk());
    release.set_value();
    first.join();
    broker_.vault.set_hook(nullptr);
    return TakeWrites();
  }
};

TEST_F(ConcurrentPromptsTest, OtherChangeDoesNotInherit) {
  EXPECT_THAT(ChangeAtOnce(Prompts::kAllowed, Prompts::kRefused),
              ElementsAre(kReplace, "Create allowed"));
}

TEST_F(ConcurrentPromptsTest, OtherChangeAllowsOnlyItsOwn) {
  EXPECT_THAT(ChangeAtOnce(Prompts::kRefused, Prompts::kAllowed),
              ElementsAre("Replace allowed", kCreate));
}

}  // namespace
}  // namespace billbroker

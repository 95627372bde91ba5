#include "server/app/restoration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/server/access/audit/audit_harness.h"
#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/await.h"
#include "tests/support/seeded_random.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;

// The answer of the audit log about past sign-ins, and the times of the questions.
struct PastAnswer {
  absl::StatusOr<std::vector<PastSignIn>> answer = std::vector<PastSignIn>();
  std::vector<absl::Time> since;
};

class FakePast final : public PastSignInSource {
 public:
  explicit FakePast(PastAnswer& past) : past_(past) {}

  absl::StatusOr<std::vector<PastSignIn>> Since(absl::Time since) override {
    past_.since.push_back(since);
    return past_.answer;
  }

 private:
  PastAnswer& past_;
};

class SilentAuditObserver final : public AuditObserver {
 public:
  void AuditStateChanged() override {}
};

// A new process on the store and the vault of SessionManagerTest. The base's own session manager is
// the process before.
class RestorationTest : public SessionManagerTest {
 protected:
  RestorationTest() {
    bill.AnswerAtOnce();
    vault_health.Set(absl::OkStatus());
    store.Close();
  }

  Answer Call() {
    Answer answer = absl::UnknownError("not answered");
    process_.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
    executor.RunUntilIdle();
    return answer;
  }

  PastAnswer past_;
  int restored_ = 0;  // calls
  std::string key_;   // of the source of past sign-ins
  SessionManager process_{WithoutKeepAlive(), MakeParts()};
  FakeAuditFile audit_file_;
  AuditHeadKeeper audit_head_{store};
  SeededRandom audit_random_;
  SilentAuditObserver audit_observer_;
  AuditLog audit_{{.path = "audit.jsonl"}, audit_file_,    audit_head_, clock,
                  audit_random_,           audit_observer_};
  Restoration restoration_{{clock, executor, vault, store, audit_head_, audit_, process_},
                           [this](const SecretString& master_key) {
                             key_ = std::string(master_key.Reveal());
                             return std::make_unique<FakePast>(past_);
                           },
                           [this] { ++restored_; }};
};

TEST_F(RestorationTest, BeginsOnceTheKeyringGivesTheKey) {
  const int opens = store.opens();
  vault.set_state(VaultState::kLocked);
  restoration_.Begin();
  EXPECT_EQ(store.opens(), opens);
  EXPECT_EQ(restored_, 0);
  EXPECT_THAT(Call(), HasReason(Reason::kVaultUnreachable)) << "the ledger is not known";
  vault.set_state(VaultState::kReady);
  for (int reads = 0; reads < 3; ++reads) restoration_.Begin();
  EXPECT_EQ(store.opens(), opens + 1);
  EXPECT_EQ(restored_, 1);
  EXPECT_THAT(Call(), IsOk());
}

TEST_F(RestorationTest, OpenStoreNeedsNoAuditLogOfThePast) {
  restoration_.Begin();
  EXPECT_TRUE(past_.since.empty());
  EXPECT_EQ(key_, (*vault.MasterKey()).Reveal());
  EXPECT_THAT(audit_head_.Load(), IsOk());
  Await([this] { return audit_.state().ok; }, "the audit log to open");
}

TEST_F(RestorationTest, CountsPastSignInsWithoutStore) {
  store.set_usable(false);
  restoration_.Begin();
  EXPECT_THAT(past_.since, ElementsAre(clock.Now() - absl::Hours(1)));
  EXPECT_EQ(restored_, 1);
  EXPECT_THAT(Call(), IsOk());
}

TEST_F(RestorationTest, TakesOverStoreThatOpensLate) {
  store.set_usable(false);
  restoration_.Begin();
  ASSERT_FALSE((*audit_head_.Load()).has_value());
  EXPECT_FALSE(audit_.state().ok) << "an empty log needs the head";
  store.set_usable(true);
  EXPECT_EQ(restored_, 2);
  EXPECT_TRUE((*audit_head_.Load()).has_value());
  EXPECT_EQ(past_.since.size(), 1U);
  Await([this] { return audit_.state().ok; }, "the audit log to open with the head");
}

TEST_F(RestorationTest, ReadsUnreadableAuditLogAgain) {
  store.set_usable(false);
  past_.answer = absl::UnavailableError("the disk is broken");
  restoration_.Begin();
  EXPECT_EQ(restored_, 1) << "callers receive the new error";
  EXPECT_THAT(Call(), HasReason(Reason::kAuditUnavailable));
  past_.answer = std::vector<PastSignIn>();
  executor.Advance(absl::Seconds(5));
  EXPECT_EQ(past_.since.size(), 2U);
  EXPECT_THAT(Call(), IsOk());
  executor.Advance(absl::Minutes(1));
  EXPECT_EQ(past_.since.size(), 2U) << "it was read";
}

TEST_F(RestorationTest, LateStoreEndsReadsOfAuditLog) {
  store.set_usable(false);
  past_.answer = absl::UnavailableError("the disk is broken");
  restoration_.Begin();
  store.set_usable(true);
  EXPECT_THAT(Call(), IsOk());
  executor.Advance(absl::Minutes(1));
  EXPECT_EQ(past_.since.size(), 1U);
}

TEST_F(RestorationTest, StopIgnoresStoreThatOpensLater) {
  store.set_usable(false);
  restoration_.Begin();
  restoration_.Stop();
  store.set_usable(true);
  EXPECT_EQ(restored_, 1);
  EXPECT_FALSE((*audit_head_.Load()).has_value());
}

}  // namespace
}  // namespace billbroker

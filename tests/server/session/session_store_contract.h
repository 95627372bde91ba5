// The contract of SessionStore, as a test suite that the fake and the SQLite store both pass:
//
//   INSTANTIATE_TEST_SUITE_P(Fake, SessionStoreContract, testing::Values(StoreKind{"fake", Make}));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "server/session/session_store.h"
#include "tests/support/await.h"
#include "tests/support/sample_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"
#include "vault/base/mutex.h"

namespace billbroker {

// A store that is empty and not opened, with the failures that can occur.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual SessionStore& store() = 0;
  // Ends the process in order and starts another, after a boot of the machine if not `same_boot`.
  virtual void Restart(bool same_boot) = 0;
  virtual void FailWrites() = 0;
  virtual void RepairWrites() = 0;
  // After this and Restart(), the store cannot be opened.
  virtual void MakeUnusable() = 0;
  // The store can be opened again, with the contents that it had.
  virtual void MakeUsable() = 0;
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

inline constexpr char kFirstUid[] = "uid-of-the-first-credential";
inline constexpr char kSecondUid[] = "uid-of-the-second-credential";

// The contents of a store that may open later. Thread-safe.
class LateContents final {
 public:
  void Open(SessionStore& store) {
    store.Open(SecretString::CopyOf(std::string(32, 'k')), [this](StoreContents contents) {
      MutexLock lock(mutex_);
      contents_ = std::move(contents);
    });
  }
  [[nodiscard]] bool opened() const {
    MutexLock lock(mutex_);
    return contents_.has_value();
  }
  // Requires: opened().
  [[nodiscard]] StoreContents contents() const {
    MutexLock lock(mutex_);
    return *contents_;
  }

 private:
  mutable Mutex mutex_;
  absl::optional<StoreContents> contents_ ABSL_GUARDED_BY(mutex_);
};

class SessionStoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  SessionStore& store() { return under_test_->store(); }
  StoreUnderTest& under_test() { return *under_test_; }
  StoreContents Open() { return OpenNow(store(), SecretString::CopyOf(std::string(32, 'k'))); }
  StoreContents Reopen(bool same_boot = true) {
    under_test_->Restart(same_boot);
    return Open();
  }

 private:
  std::unique_ptr<StoreUnderTest> under_test_ = GetParam().make();
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SessionStoreContract);

TEST_P(SessionStoreContract, StartsWaitingAndEmpty) {
  EXPECT_EQ(store().state(), StoreState::kWaiting);
  EXPECT_EQ(Describe(Open()), "");
  EXPECT_EQ(store().state(), StoreState::kReady);
}

TEST_P(SessionStoreContract, ReadsBackEveryField) {
  StoreContents written;
  written.slots = {SampleSlot(kFirstUid, kFirstOrganization, 7),
                   SampleSlot(kFirstUid, kSecondOrganization, 8),
                   {kSecondUid, kFirstOrganization, 9, nullptr, 3}};
  written.attempts = {SampleAttempt()};
  for (const auto ending : {SignInEnding::kAccepted, SignInEnding::kFailed, SignInEnding::kUnclear,
                            SignInEnding::kNeutral}) {
    StoredAttempt ended =
        SampleAttempt("attempt-that-ended-" + std::to_string(static_cast<int>(ending)));
    ended.ended = Moment{ended.started.wall + absl::Seconds(3), absl::Hours(7)};
    ended.ending = ending;
    ended.failed_scope = QuarantineScope::kUserAndOrganization;
    ended.forced = ending == SignInEnding::kNeutral;
    ended.passes_slot_cap = ending == SignInEnding::kAccepted;
    written.attempts.push_back(ended);
  }
  written.quarantines = {
      SampleQuarantine("user\x1f"
                       "sandbox\x1f"
                       "ann@acme.example")};
  written.quarantines.push_back(
      {"secret\x1f"
       "0123456789abcdef",
       {Reason::kCredentialRejected, "BDC_1101", absl::UnixEpoch(), {}, {}}});
  written.accepted_secrets = {SampleAcceptedSecret(), SampleAcceptedSecret("bob@acme.example")};
  written.suspensions = {SampleSuspension(), SampleSuspension("fingerprint-of-another-key")};
  written.suspensions[1].checks = true;
  Open();
  for (const auto& secret : written.accepted_secrets) store().WriteSoon(secret);
  for (const auto& suspension : written.suspensions) store().WriteSoon(suspension);
  for (const auto& slot : written.slots) EXPECT_THAT(WriteAndWait(store(), slot), IsOk());
  for (const auto& attempt : written.attempts) store().WriteSoon(attempt);
  for (const auto& entry : written.quarantines) EXPECT_THAT(WriteAndWait(store(), entry), IsOk());
  const StoreContents read = Reopen();
  EXPECT_EQ(Describe(read), Describe(written));
  EXPECT_TRUE(read.same_boot);
}

TEST_P(SessionStoreContract, InterruptedAttemptHasNoEnd) {
  Open();
  EXPECT_THAT(WriteAndWait(store(), SampleAttempt()), IsOk());
  const StoreContents read = Reopen();
  ASSERT_EQ(read.attempts.size(), 1u);
  EXPECT_FALSE(read.attempts[0].ended.has_value());
}

TEST_P(SessionStoreContract, RecordedAttemptHasEarlierChangesBeforeIt) {
  Open();
  store().WriteSoon(SampleSlot(41));
  std::vector<std::string> answered;
  Mutex mutex;
  for (const char* id : {"attempt-to-sign-in-1", "attempt-to-sign-in-2"}) {
    store().RecordAttempt(SampleAttempt(id), [&, id](const absl::Status& status) {
      EXPECT_THAT(status, IsOk());
      EXPECT_EQ(store().state(), StoreState::kReady);  // no lock is held
      MutexLock lock(mutex);
      answered.emplace_back(id);
    });
  }
  ASSERT_TRUE(Await(
      [&] {
        MutexLock lock(mutex);
        return answered.size() == 2;
      },
      "two answers"));
  EXPECT_THAT(answered, testing::ElementsAre("attempt-to-sign-in-1", "attempt-to-sign-in-2"));
  EXPECT_EQ(Describe(Reopen()), Describe(SampleAttempt("attempt-to-sign-in-1")) + "\n" +
                                    Describe(SampleAttempt("attempt-to-sign-in-2")) + "\n" +
                                    Describe(SampleSlot(41)));
}

TEST_P(SessionStoreContract, KeepsLastChangeOfRow) {
  Open();
  for (std::uint64_t generation = 1; generation < 100; ++generation) {
    store().WriteSoon(SampleSlot(generation));
  }
  store().WriteSoon(SampleAttempt("attempt-that-is-gone"));
  store().WriteSoon(AttemptForgotten{"attempt-that-is-gone"});
  store().WriteSoon(QuarantineLifted{"scope-that-is-kept"});
  store().WriteSoon(SampleQuarantine("scope-that-is-kept"));
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(100)), IsOk());
  EXPECT_EQ(Describe(Reopen()),
            Describe(SampleQuarantine("scope-that-is-kept")) + "\n" + Describe(SampleSlot(100)));
}

TEST_P(SessionStoreContract, ForgetsOnlyNamedRows) {
  Open();
  for (const char* uid : {kFirstUid, kSecondUid}) {
    store().WriteSoon(SampleSlot(uid, kFirstOrganization, 5));
  };
  store().WriteSoon(SampleAttempt());
  store().WriteSoon(SampleQuarantine());
  for (const char* name : {"ann@acme.example", "bob@acme.example"}) {
    store().WriteSoon(SampleAcceptedSecret(name));
    store().WriteSoon(SampleSuspension(name));
  }
  store().WriteSoon(AcceptedSecretForgotten{SampleAcceptedSecret("ann@acme.example").user});
  store().WriteSoon(SuspensionEnded{SampleSuspension("ann@acme.example").dev_key});
  EXPECT_THAT(WriteAndWait(store(), SlotForgotten{kFirstUid, kFirstOrganization}), IsOk());
  EXPECT_THAT(WriteAndWait(store(), AttemptForgotten{kSampleAttempt}), IsOk());
  EXPECT_THAT(WriteAndWait(store(), QuarantineLifted{kSampleScope}), IsOk());
  EXPECT_THAT(WriteAndWait(store(), SlotForgotten{"uid-that-is-unknown", kFirstOrganization}),
              IsOk());
  StoreContents kept;
  kept.slots = {SampleSlot(kSecondUid, kFirstOrganization, 5)};
  kept.accepted_secrets = {SampleAcceptedSecret("bob@acme.example")};
  kept.suspensions = {SampleSuspension("bob@acme.example")};
  EXPECT_EQ(Describe(Reopen()), Describe(kept));
}

TEST_P(SessionStoreContract, KeepsGenerationWithoutSession) {
  Open();
  store().WriteSoon(SampleSlot(41));
  EXPECT_THAT(WriteAndWait(store(), StoredSlot{kSampleUid, kFirstOrganization, 42, nullptr, 0}),
              IsOk());
  const StoreContents read = Reopen();
  ASSERT_EQ(read.slots.size(), 1u);
  EXPECT_EQ(read.slots[0].generation, 42u);
  EXPECT_EQ(read.slots[0].session, nullptr);
}

TEST_P(SessionStoreContract, RemembersLogout) {
  Open();
  const StoredSlot logged_out{kSampleUid, kFirstOrganization, 42, nullptr, 0, true};
  EXPECT_THAT(WriteAndWait(store(), logged_out), IsOk());
  EXPECT_EQ(Describe(Reopen()), Describe(logged_out));
}

TEST_P(SessionStoreContract, ReadsBackLastAuditHead) {
  Open();
  EXPECT_THAT(WriteAndWait(store(), StoredAuditHead{41, std::string(64, 'a')}), IsOk());
  const StoredAuditHead last{42, std::string(64, 'b')};
  EXPECT_THAT(WriteAndWait(store(), last), IsOk());
  EXPECT_EQ(Describe(Reopen()), Describe(last));
}

TEST_P(SessionStoreContract, ReportsAnotherBoot) {
  Open();
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(5)), IsOk());
  EXPECT_FALSE(Reopen(/*same_boot=*/false).same_boot);
}

TEST_P(SessionStoreContract, WritesFailedChangesLater) {
  Open();
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(1)), IsOk());
  under_test().FailWrites();
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(2)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(store().state(), StoreState::kDegraded);
  store().WriteSoon(SampleAttempt());
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(3)), testing::Not(IsOk()));
  under_test().RepairWrites();
  EXPECT_THAT(WriteAndWait(store(), SampleAttempt("attempt-to-sign-in-2")), IsOk());
  EXPECT_EQ(store().state(), StoreState::kReady);
  EXPECT_EQ(Describe(Reopen()), Describe(SampleAttempt()) + "\n" +
                                    Describe(SampleAttempt("attempt-to-sign-in-2")) + "\n" +
                                    Describe(SampleSlot(3)));
}

TEST_P(SessionStoreContract, UnusableStoreIsMemoryOnly) {
  Open();
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(1)), IsOk());
  under_test().MakeUnusable();
  EXPECT_EQ(Describe(Reopen()), "");
  EXPECT_EQ(store().state(), StoreState::kMemoryOnly);
  EXPECT_NE(store().status().why, "");
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(2)), StatusIs(absl::StatusCode::kUnavailable));
  store().WriteSoon(SampleSlot(3));
}

TEST_P(SessionStoreContract, OpensLateWithOldContents) {
  Open();
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(kFirstUid, kFirstOrganization, 1)), IsOk());
  under_test().MakeUnusable();
  under_test().Restart(/*same_boot=*/true);
  LateContents late;
  late.Open(store());
  EXPECT_FALSE(late.opened());
  const StoredSlot newer = SampleSlot(kFirstUid, kFirstOrganization, 2);
  const StoredSlot added = SampleSlot(kSecondUid, kFirstOrganization, 3);
  store().WriteSoon(newer);
  store().WriteSoon(added);
  under_test().MakeUsable();
  ASSERT_TRUE(Await([&] { return late.opened(); }, "the store to open"));
  EXPECT_EQ(Describe(late.contents()), Describe(SampleSlot(kFirstUid, kFirstOrganization, 1)));
  EXPECT_THAT(WriteAndWait(store(), SampleAttempt()), IsOk());
  EXPECT_EQ(store().state(), StoreState::kReady);
  StoreContents all;
  all.slots = {newer, added};
  all.attempts = {SampleAttempt()};
  EXPECT_EQ(Describe(Reopen()), Describe(all));
}

TEST_P(SessionStoreContract, OpensLateWithoutReplacedRows) {
  Open();
  const UserId user{"sandbox-environment", "payables@example.com", ""};
  const UserId other{"sandbox-environment", "receivables@example.com", ""};
  store().WriteSoon(StoredAcceptedSecret{user, "secret-that-was-accepted"});
  EXPECT_THAT(WriteAndWait(store(), StoredAcceptedSecret{other, "secret-of-another-user"}), IsOk());
  under_test().MakeUnusable();
  under_test().Restart(/*same_boot=*/true);
  LateContents late;
  late.Open(store());
  store().WriteSoon(AcceptedSecretForgotten{user});
  under_test().MakeUsable();
  ASSERT_TRUE(Await([&] { return late.opened(); }, "the store to open"));
  EXPECT_EQ(Describe(late.contents()),
            Describe(StoredAcceptedSecret{other, "secret-of-another-user"}));
}

TEST_P(SessionStoreContract, WritesChangesMadeBeforeOpen) {
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(1)), StatusIs(absl::StatusCode::kUnavailable));
  store().WriteSoon(SampleAttempt());
  EXPECT_EQ(Describe(Open()), "");
  EXPECT_EQ(Describe(Reopen()), Describe(SampleAttempt()) + "\n" + Describe(SampleSlot(1)));
}

}  // namespace billbroker

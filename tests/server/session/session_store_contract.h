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

#include "server/session/session_store.h"
#include "tests/support/sample_store.h"
#include "tests/support/status_matchers.h"

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
  // After this and Restart(), Open() cannot use the store.
  virtual void MakeUnusable() = 0;
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

inline constexpr char kFirstUid[] = "uid-of-the-first-credential";
inline constexpr char kSecondUid[] = "uid-of-the-second-credential";

class SessionStoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  SessionStore& store() { return under_test_->store(); }
  StoreUnderTest& under_test() { return *under_test_; }
  StoreContents Open() { return store().Open(SecretString::CopyOf(std::string(32, 'k'))); }
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
  for (const auto ending : {SignInGate::Ending::kAccepted, SignInGate::Ending::kFailed,
                            SignInGate::Ending::kUnclear, SignInGate::Ending::kNeutral}) {
    StoredAttempt ended =
        SampleAttempt("attempt-that-ended-" + std::to_string(static_cast<int>(ending)));
    ended.ended = Moment{ended.started.wall + absl::Seconds(3), absl::Hours(7)};
    ended.ending = ending;
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
  Open();
  for (const auto& slot : written.slots) EXPECT_THAT(store().WriteNow(slot), IsOk());
  for (const auto& attempt : written.attempts) store().WriteSoon(attempt);
  for (const auto& entry : written.quarantines) EXPECT_THAT(store().WriteNow(entry), IsOk());
  const StoreContents read = Reopen();
  EXPECT_EQ(Describe(read), Describe(written));
  EXPECT_TRUE(read.same_boot);
}

TEST_P(SessionStoreContract, InterruptedAttemptHasNoEnd) {
  Open();
  EXPECT_THAT(store().WriteNow(SampleAttempt()), IsOk());
  const StoreContents read = Reopen();
  ASSERT_EQ(read.attempts.size(), 1u);
  EXPECT_FALSE(read.attempts[0].ended.has_value());
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
  EXPECT_THAT(store().WriteNow(SampleSlot(100)), IsOk());
  EXPECT_EQ(Describe(Reopen()),
            Describe(SampleSlot(100)) + "\n" + Describe(SampleQuarantine("scope-that-is-kept")));
}

TEST_P(SessionStoreContract, ForgetsOnlyNamedRows) {
  Open();
  for (const char* uid : {kFirstUid, kSecondUid}) {
    store().WriteSoon(SampleSlot(uid, kFirstOrganization, 5));
  };
  store().WriteSoon(SampleAttempt());
  store().WriteSoon(SampleQuarantine());
  EXPECT_THAT(store().WriteNow(SlotForgotten{kFirstUid, kFirstOrganization}), IsOk());
  EXPECT_THAT(store().WriteNow(AttemptForgotten{kSampleAttempt}), IsOk());
  EXPECT_THAT(store().WriteNow(QuarantineLifted{kSampleScope}), IsOk());
  EXPECT_THAT(store().WriteNow(SlotForgotten{"uid-that-is-unknown", kFirstOrganization}), IsOk());
  EXPECT_EQ(Describe(Reopen()), Describe(SampleSlot(kSecondUid, kFirstOrganization, 5)));
}

TEST_P(SessionStoreContract, KeepsGenerationWithoutSession) {
  Open();
  store().WriteSoon(SampleSlot(41));
  EXPECT_THAT(store().WriteNow(StoredSlot{kSampleUid, kFirstOrganization, 42, nullptr, 0}), IsOk());
  const StoreContents read = Reopen();
  ASSERT_EQ(read.slots.size(), 1u);
  EXPECT_EQ(read.slots[0].generation, 42u);
  EXPECT_EQ(read.slots[0].session, nullptr);
}

TEST_P(SessionStoreContract, RemembersLogout) {
  Open();
  const StoredSlot logged_out{kSampleUid, kFirstOrganization, 42, nullptr, 0, true};
  EXPECT_THAT(store().WriteNow(logged_out), IsOk());
  EXPECT_EQ(Describe(Reopen()), Describe(logged_out));
}

TEST_P(SessionStoreContract, ReadsBackLastAuditHead) {
  Open();
  EXPECT_THAT(store().WriteNow(StoredAuditHead{41, std::string(64, 'a')}), IsOk());
  const StoredAuditHead last{42, std::string(64, 'b')};
  EXPECT_THAT(store().WriteNow(last), IsOk());
  EXPECT_EQ(Describe(Reopen()), Describe(last));
}

TEST_P(SessionStoreContract, ReportsAnotherBoot) {
  Open();
  EXPECT_THAT(store().WriteNow(SampleSlot(5)), IsOk());
  EXPECT_FALSE(Reopen(/*same_boot=*/false).same_boot);
}

TEST_P(SessionStoreContract, WritesFailedChangesLater) {
  Open();
  EXPECT_THAT(store().WriteNow(SampleSlot(1)), IsOk());
  under_test().FailWrites();
  EXPECT_THAT(store().WriteNow(SampleSlot(2)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(store().state(), StoreState::kDegraded);
  store().WriteSoon(SampleAttempt());
  EXPECT_THAT(store().WriteNow(SampleSlot(3)), testing::Not(IsOk()));
  under_test().RepairWrites();
  EXPECT_THAT(store().WriteNow(SampleAttempt("attempt-to-sign-in-2")), IsOk());
  EXPECT_EQ(store().state(), StoreState::kReady);
  EXPECT_EQ(Describe(Reopen()), Describe(SampleAttempt()) + "\n" +
                                    Describe(SampleAttempt("attempt-to-sign-in-2")) + "\n" +
                                    Describe(SampleSlot(3)));
}

TEST_P(SessionStoreContract, UnusableStoreIsMemoryOnly) {
  Open();
  EXPECT_THAT(store().WriteNow(SampleSlot(1)), IsOk());
  under_test().MakeUnusable();
  EXPECT_EQ(Describe(Reopen()), "");
  EXPECT_EQ(store().state(), StoreState::kMemoryOnly);
  EXPECT_THAT(store().WriteNow(SampleSlot(2)), StatusIs(absl::StatusCode::kUnavailable));
  store().WriteSoon(SampleSlot(3));
}

TEST_P(SessionStoreContract, WritesChangesMadeBeforeOpen) {
  EXPECT_THAT(store().WriteNow(SampleSlot(1)), StatusIs(absl::StatusCode::kUnavailable));
  store().WriteSoon(SampleAttempt());
  EXPECT_EQ(Describe(Open()), "");
  EXPECT_EQ(Describe(Reopen()), Describe(SampleAttempt()) + "\n" + Describe(SampleSlot(1)));
}

}  // namespace billbroker

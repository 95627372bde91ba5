// The contract of SessionStore, as a suite of tests that the fake and the real thing both pass:
//
//   INSTANTIATE_TEST_SUITE_P(Fake, SessionStoreContract, testing::Values(StoreKind{"fake", Make}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "server/session/session_store.h"
#include "tests/support/sample_store.h"

namespace billbroker {

// A store, empty and not opened, and what can befall it.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual SessionStore& store() = 0;
  // The process ends in good order and another begins, perhaps after a boot of the machine.
  virtual void Restart(bool same_boot) = 0;
  virtual void FailWrites() = 0;
  virtual void MendWrites() = 0;
  // To be followed by Restart(): Open() can then make nothing of it.
  virtual void MakeUnusable() = 0;
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

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

TEST_P(SessionStoreContract, WaitsForItsKeyAndIsEmptyAtFirst) {
  EXPECT_EQ(store().state(), StoreState::kWaiting);
  EXPECT_EQ(Describe(Open()), "");
  EXPECT_EQ(store().state(), StoreState::kReady);
}

TEST_P(SessionStoreContract, WhatWasWrittenComesBackWhole) {
  StoreContents written;
  written.pairs = {SamplePair("uid-1", "0081", 7),
                   SamplePair("uid-1", "0082", 8),
                   {"uid-2", "0081", 9, nullptr, 3}};
  written.attempts = {SampleAttempt("a1")};
  for (const auto ending : {SignInGate::Ending::kAccepted, SignInGate::Ending::kFailed,
                            SignInGate::Ending::kUnclear, SignInGate::Ending::kNeutral}) {
    StoredAttempt ended = SampleAttempt("ended " + std::to_string(static_cast<int>(ending)));
    ended.ended = Moment{ended.started.wall + absl::Seconds(3), absl::Hours(7)};
    ended.ending = ending;
    written.attempts.push_back(ended);
  }
  written.quarantines = {
      SampleQuarantine("user\x1f"
                       "sandbox\x1f"
                       "ann")};
  written.quarantines.push_back(
      {"secret\x1f"
       "0123",
       {Reason::kCredentialRejected, "BDC_1101", absl::UnixEpoch(), {}, {}}});
  Open();
  for (const auto& pair : written.pairs) EXPECT_EQ(store().WriteNow(pair), absl::OkStatus());
  for (const auto& attempt : written.attempts) store().WriteSoon(attempt);
  for (const auto& entry : written.quarantines)
    EXPECT_EQ(store().WriteNow(entry), absl::OkStatus());
  const StoreContents read = Reopen();
  EXPECT_EQ(Describe(read), Describe(written));
  EXPECT_TRUE(read.same_boot);
}

TEST_P(SessionStoreContract, AnAttemptThatWasCutOffHasNoEnd) {
  Open();
  EXPECT_EQ(store().WriteNow(SampleAttempt("a1")), absl::OkStatus());
  const StoreContents read = Reopen();
  ASSERT_EQ(read.attempts.size(), 1u);
  EXPECT_FALSE(read.attempts[0].ended.has_value());
}

TEST_P(SessionStoreContract, OfSeveralChangesOfARowTheLastCounts) {
  Open();
  for (std::uint64_t generation = 1; generation < 100; ++generation) {
    store().WriteSoon(SamplePair("uid", "0081", generation));
  }
  store().WriteSoon(SampleAttempt("gone"));
  store().WriteSoon(AttemptForgotten{"gone"});
  store().WriteSoon(QuarantineLifted{"kept"});
  store().WriteSoon(SampleQuarantine("kept"));
  EXPECT_EQ(store().WriteNow(SamplePair("uid", "0081", 100)), absl::OkStatus());
  EXPECT_EQ(Describe(Reopen()),
            Describe(SamplePair("uid", "0081", 100)) + "\n" + Describe(SampleQuarantine("kept")));
}

TEST_P(SessionStoreContract, WhatIsForgottenIsGoneAndNothingElse) {
  Open();
  for (const char* uid : {"uid-1", "uid-2"}) store().WriteSoon(SamplePair(uid, "0081", 5));
  store().WriteSoon(SampleAttempt("a1"));
  store().WriteSoon(SampleQuarantine("scope"));
  EXPECT_EQ(store().WriteNow(PairForgotten{"uid-1", "0081"}), absl::OkStatus());
  EXPECT_EQ(store().WriteNow(AttemptForgotten{"a1"}), absl::OkStatus());
  EXPECT_EQ(store().WriteNow(QuarantineLifted{"scope"}), absl::OkStatus());
  EXPECT_EQ(store().WriteNow(PairForgotten{"unknown", "0081"}), absl::OkStatus());
  EXPECT_EQ(Describe(Reopen()), Describe(SamplePair("uid-2", "0081", 5)));
}

TEST_P(SessionStoreContract, TheGenerationOfAPairOutlivesItsSession) {
  Open();
  store().WriteSoon(SamplePair("uid", "0081", 41));
  EXPECT_EQ(store().WriteNow(StoredPair{"uid", "0081", 42, nullptr, 0}), absl::OkStatus());
  const StoreContents read = Reopen();
  ASSERT_EQ(read.pairs.size(), 1u);
  EXPECT_EQ(read.pairs[0].generation, 42u);
  EXPECT_EQ(read.pairs[0].session, nullptr);
}

TEST_P(SessionStoreContract, ThatAPairWasLoggedOutIsRemembered) {
  Open();
  const StoredPair logged_out{"uid", "0081", 42, nullptr, 0, true};
  EXPECT_EQ(store().WriteNow(logged_out), absl::OkStatus());
  EXPECT_EQ(Describe(Reopen()), Describe(logged_out));
}

TEST_P(SessionStoreContract, TheLastAuditHeadComesBack) {
  Open();
  EXPECT_EQ(store().WriteNow(StoredAuditHead{41, std::string(64, 'a')}), absl::OkStatus());
  const StoredAuditHead last{42, std::string(64, 'b')};
  EXPECT_EQ(store().WriteNow(last), absl::OkStatus());
  EXPECT_EQ(Describe(Reopen()), Describe(last));
}

TEST_P(SessionStoreContract, AnotherBootIsTold) {
  Open();
  EXPECT_EQ(store().WriteNow(SamplePair("uid", "0081", 5)), absl::OkStatus());
  EXPECT_FALSE(Reopen(/*same_boot=*/false).same_boot);
}

TEST_P(SessionStoreContract, WhatCouldNotBeWrittenIsWrittenLater) {
  Open();
  EXPECT_EQ(store().WriteNow(SamplePair("uid", "0081", 1)), absl::OkStatus());
  under_test().FailWrites();
  EXPECT_EQ(store().WriteNow(SamplePair("uid", "0081", 2)).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store().state(), StoreState::kDegraded);
  store().WriteSoon(SampleAttempt("a1"));
  EXPECT_FALSE(store().WriteNow(SamplePair("uid", "0081", 3)).ok());
  under_test().MendWrites();
  EXPECT_EQ(store().WriteNow(SampleAttempt("a2")), absl::OkStatus());
  EXPECT_EQ(store().state(), StoreState::kReady);
  EXPECT_EQ(Describe(Reopen()), Describe(SampleAttempt("a1")) + "\n" +
                                    Describe(SampleAttempt("a2")) + "\n" +
                                    Describe(SamplePair("uid", "0081", 3)));
}

TEST_P(SessionStoreContract, WhatCannotBeOpenedIsMemoryOnlyAndEmpty) {
  Open();
  EXPECT_EQ(store().WriteNow(SamplePair("uid", "0081", 1)), absl::OkStatus());
  under_test().MakeUnusable();
  EXPECT_EQ(Describe(Reopen()), "");
  EXPECT_EQ(store().state(), StoreState::kMemoryOnly);
  EXPECT_EQ(store().WriteNow(SamplePair("uid", "0081", 2)).code(), absl::StatusCode::kUnavailable);
  store().WriteSoon(SamplePair("uid", "0081", 3));
}

TEST_P(SessionStoreContract, WhatIsGivenBeforeItIsOpenIsWrittenAfterwards) {
  EXPECT_EQ(store().WriteNow(SamplePair("uid", "0081", 1)).code(), absl::StatusCode::kUnavailable);
  store().WriteSoon(SampleAttempt("a1"));
  EXPECT_EQ(Describe(Open()), "");
  EXPECT_EQ(Describe(Reopen()),
            Describe(SampleAttempt("a1")) + "\n" + Describe(SamplePair("uid", "0081", 1)));
}

}  // namespace billbroker

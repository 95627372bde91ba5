#include "server/session/session_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/support/fake_store.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_ids.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

CredentialInfoPtr JournalCredential() {
  auto info = std::make_shared<CredentialInfo>();
  info->name = kAcme;
  info->uid = "uid-of-acme-accounts-payable";
  return info;
}

class SessionJournalTest : public ::testing::Test {
 protected:
  SessionJournalTest() {
    (void)OpenNow(store, SecretString::CopyOf("master-key-of-the-journal-test"));
  }

  // A sign-in that ended `ago`.
  StoredAttempt Attempt(absl::string_view id, absl::Duration ago = absl::ZeroDuration()) {
    StoredAttempt attempt;
    attempt.id = std::string(id);
    attempt.ended = Moment{clock.Now() - ago, clock.SinceBoot() - ago};
    return attempt;
  }
  std::vector<std::string> StoredAttempts() const {
    std::vector<std::string> ids;
    for (const StoredAttempt& attempt : store.contents().attempts) ids.push_back(attempt.id);
    return ids;
  }

  ManualClock clock;
  FakeStore store;
  SessionJournal journal{clock, store};
  SessionSlot slot{SlotId{"uid-of-acme-accounts-payable", kFirstOrganization}, JournalCredential()};
};

// --- slots ----------------------------------------------------------------------------------

TEST_F(SessionJournalTest, SavesAllOfASlot) {
  auto session = std::make_shared<Session>();
  session->organization_id = kFirstOrganization;
  slot.session.RestoreGeneration(77);
  slot.session.Adopt(session);
  slot.signed_out = true;
  slot.in_doubt = true;
  slot.accepted_dev_key_id = "dev-key-fingerprint-of-acme";
  journal.SaveSlot(slot, 5);
  ASSERT_THAT(store.contents().slots, SizeIs(1));
  const StoredSlot stored = store.contents().slots[0];
  EXPECT_EQ(stored.credential_uid, slot.id.credential_uid);
  EXPECT_EQ(stored.organization_id, kFirstOrganization);
  EXPECT_EQ(stored.generation, 77U);
  EXPECT_EQ(stored.session, session);
  EXPECT_EQ(stored.place, 5U);
  EXPECT_TRUE(stored.logged_out);
  EXPECT_TRUE(stored.in_doubt);
  EXPECT_EQ(stored.accepted_dev_key_id, "dev-key-fingerprint-of-acme");
}

TEST_F(SessionJournalTest, RemembersThatAPlaceIsStored) {
  journal.SaveSlot(slot, 5);
  EXPECT_TRUE(slot.place_stored);
  journal.SaveSlot(slot, 0);
  EXPECT_FALSE(slot.place_stored);
  EXPECT_EQ(store.contents().slots[0].place, 0U);
}

TEST_F(SessionJournalTest, RemovedSlotIsNotSaved) {
  slot.removed = true;
  journal.SaveSlot(slot, 5);
  EXPECT_THAT(store.writes(), IsEmpty());
}

TEST_F(SessionJournalTest, ForgetsASlot) {
  journal.SaveSlot(slot, 0);
  journal.ForgetSlot(slot.id);
  EXPECT_THAT(store.contents().slots, IsEmpty());
}

TEST_F(SessionJournalTest, PassesOtherChangesOn) {
  const DevKeyBudgetId dev_key = {"sandbox", "dev-key-fingerprint-of-acme"};
  journal.WriteSoon(StoredSuspension{dev_key, {clock.Now(), clock.SinceBoot()}});
  ASSERT_THAT(store.contents().suspensions, SizeIs(1));
  EXPECT_EQ(store.contents().suspensions[0].dev_key, dev_key);
}

// --- attempts -------------------------------------------------------------------------------

TEST_F(SessionJournalTest, ForgetsAttemptsAfterAnHour) {
  journal.EndAttempt(Attempt("first-attempt-of-the-hour"));
  clock.Advance(absl::Minutes(30));
  journal.EndAttempt(Attempt("second-attempt-of-the-hour"));
  clock.Advance(absl::Minutes(30) - absl::Milliseconds(1));
  journal.ForgetOldAttempts();
  EXPECT_THAT(StoredAttempts(), SizeIs(2));
  clock.Advance(absl::Milliseconds(1));
  journal.ForgetOldAttempts();
  EXPECT_THAT(StoredAttempts(), ElementsAre("second-attempt-of-the-hour"));
}

TEST_F(SessionJournalTest, ForgetsRestoredAttemptsInTheOrderOfTheirEnds) {
  journal.RestoreAttempt(Attempt("attempt-that-ended-last", absl::Minutes(10)), true);
  journal.RestoreAttempt(Attempt("attempt-that-ended-first", absl::Minutes(50)), true);
  EXPECT_THAT(StoredAttempts(),
              UnorderedElementsAre("attempt-that-ended-first", "attempt-that-ended-last"));
  clock.Advance(absl::Minutes(10));
  journal.ForgetOldAttempts();
  EXPECT_THAT(StoredAttempts(), ElementsAre("attempt-that-ended-last"));
}

TEST_F(SessionJournalTest, UnchangedAttemptIsNotWrittenAgain) {
  journal.RestoreAttempt(Attempt("attempt-of-this-boot", absl::Minutes(10)), false);
  EXPECT_THAT(store.writes(), IsEmpty());
  journal.RestoreAttempt(Attempt("attempt-of-the-last-boot", absl::Minutes(20)), true);
  EXPECT_THAT(store.writes(), SizeIs(1));
}

TEST_F(SessionJournalTest, UnchangedAttemptIsForgottenAfterAnHour) {
  const StoredAttempt attempt = Attempt("attempt-of-this-boot", absl::Minutes(10));
  store.WriteSoon(attempt);
  journal.RestoreAttempt(attempt, false);
  clock.Advance(absl::Minutes(50));
  journal.ForgetOldAttempts();
  EXPECT_THAT(StoredAttempts(), IsEmpty());
}

}  // namespace
}  // namespace billbroker

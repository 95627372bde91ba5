// A store of version 1. testdata/store_version_1.db was written by the code of that version, under
// MasterKey() and in the boot "boot-1".
#include "server/session/sqlite/upgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/server/session/sqlite/store_harness.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using testing::ElementsAre;

class StoreUpgradeTest : public testing::Test {
 protected:
  StoreUpgradeTest() {
    std::filesystem::copy_file(absl::StrCat(TESTDATA, "/store_version_1.db"), harness_.path());
  }

  // Returns the attempt `id`, as the old code wrote it.
  static StoredAttempt Attempt(const std::string& id, const UserId& user, const std::string& secret,
                               int minutes, SignInEnding ending) {
    StoredAttempt attempt = SampleAttempt(id);
    attempt.slot = {};
    attempt.principal.clear();
    attempt.user = user;
    attempt.secret_id = secret;
    attempt.started.wall += absl::Minutes(minutes);
    attempt.started.since_boot += absl::Minutes(minutes);
    attempt.ended = Moment{attempt.started.wall + absl::Seconds(2),
                           attempt.started.since_boot + absl::Seconds(2)};
    attempt.ending = ending;
    return attempt;
  }

  static StoreContents Expected() {
    using Ending = SignInEnding;
    const UserId ann = {"sandbox", "ann@acme.example", ""};
    const UserId bob = {"sandbox", "bob@acme.example", ""};
    const UserId as_user = {"sandbox", "partner@acme.example", "006USEROFTHEPARTNER0"};
    StoreContents contents;
    StoredSlot live = SampleSlot(kSampleUid, kFirstOrganization, 7);
    live.accepted_dev_key_id = live.session->dev_key_id;
    live.in_doubt = false;
    contents.slots = {live,
                      {kSampleUid, kSecondOrganization, 8, nullptr, 3},
                      {"uid-of-the-second-credential", kFirstOrganization, 9, nullptr, 0, true}};
    contents.attempts = {
        Attempt("attempt-of-ann-failed", ann, "secret-of-ann-old", 1, Ending::kFailed),
        Attempt("attempt-of-ann-accepted", ann, "secret-of-ann-new", 2, Ending::kAccepted),
        Attempt("attempt-of-ann-neutral", ann, "secret-of-ann-new", 3, Ending::kNeutral),
        Attempt("attempt-of-bob-accepted", bob, "secret-of-bob-old", 1, Ending::kAccepted),
        Attempt("attempt-of-bob-failed", bob, "secret-of-bob-old", 2, Ending::kFailed),
        Attempt("attempt-of-partner-unclear", as_user, "secret-of-partner", 1, Ending::kUnclear),
        Attempt("attempt-under-way", ann, "fedcba9876543210", 0, Ending::kUnclear)};
    contents.attempts.back().ended.reset();
    StoredQuarantine locked = SampleQuarantine(
        "user\x1f"
        "sandbox\x1f"
        "ann@acme.example");
    locked.entry.scope = QuarantineScope::kNone;
    locked.entry.organization_id.clear();
    locked.entry.history = {};
    contents.quarantines = {
        locked,
        {"secret\x1f"
         "secret-of-bob-old",
         {Reason::kCredentialRejected, "BDC_1101", absl::FromUnixSeconds(1'800'000'000), {}, {}}}};
    contents.accepted_secrets = {{ann, "secret-of-ann-new"}};
    contents.audit_head = StoredAuditHead{42, std::string(64, 'a')};
    return contents;
  }

  SqliteStoreHarness harness_;
};

TEST_F(StoreUpgradeTest, ReadsFileOfVersion1) {
  const StoreContents read = harness_.Open();
  EXPECT_EQ(Describe(read), Describe(Expected()));
  EXPECT_TRUE(read.same_boot);
  EXPECT_THAT(harness_.observer().events(),
              ElementsAre("upgraded 14 rows, dropped 1", "state READY"));
}

TEST_F(StoreUpgradeTest, UpgradesOnce) {
  (void)harness_.Open();
  const StoreContents read = harness_.Reopen();
  EXPECT_EQ(Describe(read), Describe(Expected()));
  EXPECT_TRUE(read.same_boot);
  EXPECT_THAT(harness_.observer().events(), ElementsAre("state READY"));
}

TEST_F(StoreUpgradeTest, RowsKeepTheirBoot) {
  harness_.options().boot_id = "the-boot-after-that";
  EXPECT_FALSE(harness_.Reopen().same_boot);
  EXPECT_FALSE(harness_.Reopen().same_boot);
}

TEST_F(StoreUpgradeTest, FailedUpgradeLeavesRowsReadable) {
  {
    const NoWrites no_writes;
    (void)harness_.Open();
  }
  EXPECT_EQ(Describe(harness_.Reopen()), Describe(Expected()));
}

// A process that ends between the new version number and the new rows.
TEST_F(StoreUpgradeTest, ReadsOldRowsUnderNewVersion) {
  harness_.RawSql("PRAGMA user_version = 2");
  EXPECT_EQ(Describe(harness_.Reopen()), Describe(Expected()));
}

}  // namespace
}  // namespace billbroker

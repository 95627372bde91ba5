// Checks the bytes of the payloads: a later billbroker reads the rows of an earlier one.
#include "server/session/sqlite/row_json.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/sample_store.h"

namespace billbroker {
namespace {

template <typename Row>
std::string Payload(const Row& row) {
  return std::string(WritePayload(row).Reveal());
}

TEST(RowJsonTest, SlotIsWrittenExactly) {
  EXPECT_EQ(Payload(SampleSlot(1)),
            R"({"place":1,"in_doubt":true,"accepted_dev_key_id":"accepted-dev-key-1",)"
            R"("session":{"environment":"sandbox",)"
            R"("session_id":"s3cret-session-00800000000000000081-1",)"
            R"("dev_key":"s3cret-dev-key-of-credential","dev_key_id":"0123456789abcdef",)"
            R"("credential":"acme-accounts-payable","version":2,)"
            R"("user_id":"006\"USER\\\u000a0000000000000",)"
            R"("base_url":"https://bill.test/connect","trusted":true,"generation":1,)"
            R"("first_generation":0,"sign_in_time":"1800000000123455789",)"
            R"("verified_time":"1800000000123456789","expire_time":"1800002100123456789",)"
            R"("signed_in":"25199999999000","deadline":"27300000000000"}})");
  StoredSlot empty = SampleSlot(9);
  empty.session = nullptr;
  empty.logged_out = true;
  empty.accepted_dev_key_id = "";
  EXPECT_EQ(Payload(empty), R"({"place":4,"logged_out":true})");
}

TEST(RowJsonTest, AttemptIsWrittenExactly) {
  StoredAttempt attempt = SampleAttempt();
  attempt.principal = "unix:\xe9\"\\\n";
  attempt.on_trial = true;
  attempt.failed_scope = QuarantineScope::kUserAndOrganization;
  attempt.forced = true;
  attempt.passes_slot_cap = true;
  attempt.ending = SignInEnding::kFailed;
  attempt.ended = Moment{absl::InfiniteFuture(), -absl::InfiniteDuration()};
  EXPECT_EQ(Payload(attempt),
            R"({"credential_uid":"uid-of-acme-accounts-payable",)"
            R"("organization_id":"00800000000000000081","principal":"unix:)"
            "\xe9"
            R"(\"\\\u000a",)"
            R"("dev_key":{"environment":"sandbox","dev_key_id":"0123456789abcdef"},)"
            R"("user":{"environment":"sandbox","username":"ann@acme.example",)"
            R"("acting_as":"006USERACTINGAS000000"},"secret_id":"fedcba9876543210",)"
            R"("started":"1800000000123456789","started_since_boot":"25200000000000",)"
            R"("ending":"failed","on_trial":true,"failed_scope":5,"forced":true,)"
            R"("passes_slot_cap":true,"ended":"9223372036854775807",)"
            R"("ended_since_boot":"-9223372036854775808"})");
}

TEST(RowJsonTest, QuarantineIsWrittenExactly) {
  EXPECT_EQ(Payload(SampleQuarantine()),
            R"({"scope":"scope-of-a-quarantine","reason":"LOCKED_OUT",)"
            R"("bill_code":"BDC_1110","since":"1800000000123456789",)"
            R"("until":"1800003600123456789","lapses":"28800000000001",)"
            R"("organization_id":"00800000000000000082","kind":6,)"
            R"("history":{"secret_accepted":true,"secret_accepted_elsewhere":false,)"
            R"("dev_key_worked_here":false,"dev_key_worked_anywhere":true,)"
            R"("dev_key_refused_elsewhere":false}})");
}

TEST(RowJsonTest, SmallRowsAreWrittenExactly) {
  EXPECT_EQ(Payload(StoredAuditHead{18446744073709551615u, "mac"}),
            R"({"sequence":18446744073709551615,"mac":"mac"})");
  EXPECT_EQ(Payload(SampleAcceptedSecret()),
            R"({"user":{"environment":"sandbox","username":"ann@acme.example",)"
            R"("acting_as":"006USERACTINGAS000000"},"secret_id":"fedcba9876543210"})");
  EXPECT_EQ(Payload(SampleSuspension()),
            R"({"dev_key":{"environment":"sandbox",)"
            R"("dev_key_id":"fingerprint-of-a-dev-key"},"until":"1800002400123456789",)"
            R"("until_since_boot":"28800000000000"})");
  StoredSuspension of_checks = SampleSuspension();
  of_checks.checks = true;
  EXPECT_EQ(Payload(of_checks), R"({"dev_key":{"environment":"sandbox",)"
                                R"("dev_key_id":"fingerprint-of-a-dev-key"},)"
                                R"("until":"1800002400123456789",)"
                                R"("until_since_boot":"28800000000000","checks":true})");
}

TEST(RowJsonTest, RejectsDuplicateUnknownAndMissingMembers) {
  StoredAuditHead head;
  EXPECT_TRUE(ReadPayload(SecretString::CopyOf(R"({"mac":"m","sequence":1} )"), head));
  for (const char* text :
       {R"({"sequence":1})", R"({"sequence":1,"mac":"m","mac":"m"})",
        R"({"sequence":1,"mac":"m","more":1})", R"({"sequence":1,"mac":"m"}x)", "[]"}) {
    EXPECT_FALSE(ReadPayload(SecretString::CopyOf(text), head)) << text;
  }
}

}  // namespace
}  // namespace billbroker

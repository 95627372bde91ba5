#include "tests/support/sample_store.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace billbroker {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000) + absl::Nanoseconds(123'456'789);

std::string Text(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}
std::string Text(const Moment& moment) {
  return absl::StrCat(Text(moment.wall), "/", absl::FormatDuration(moment.since_boot));
}
std::string Text(const UserId& user) {
  return absl::StrCat(user.environment, "/", user.username, "/", user.acting_as);
}
std::string Text(const DevKeyBudgetId& dev_key) {
  return absl::StrCat(dev_key.environment, "/", dev_key.dev_key_id);
}
std::string Text(const SignInHistory& history) {
  return absl::StrCat(history.secret_accepted, history.secret_accepted_elsewhere,
                      history.dev_key_worked_here, history.dev_key_worked_anywhere,
                      history.dev_key_refused_elsewhere);
}

}  // namespace

std::string SampleOrganizationId(std::uint64_t n) { return absl::StrFormat("0081%016d", n); }

SessionPtr SampleSession(const std::string& organization_id, std::uint64_t generation) {
  auto session = std::make_shared<Session>();
  const auto age = absl::Microseconds(generation % 1000);
  session->keys = {
      "sandbox",
      std::make_shared<SecretString>(
          SecretString::CopyOf(absl::StrCat("s3cret-session-", organization_id, "-", generation))),
      std::make_shared<SecretString>(SecretString::CopyOf("s3cret-dev-key-of-credential"))};
  session->dev_key_id = "0123456789abcdef";
  session->organization_id = organization_id;
  session->credential = kAcme;
  session->version = generation + 1;
  session->user_id = "006\"USER\\\n0000000000000";
  session->base_url = "https://bill.test/connect";
  session->trusted = generation % 2 == 1;
  session->generation = generation;
  session->first_generation = generation - 1;
  session->sign_in_time = kNow - age;
  session->verified_time = kNow;
  session->expire_time = kNow + absl::Minutes(35);
  session->signed_in = absl::Hours(7) - age;
  session->deadline = absl::Hours(7) + absl::Minutes(35);
  return session;
}

StoredSlot SampleSlot(const std::string& uid, const std::string& organization_id,
                      std::uint64_t generation) {
  return {uid,
          organization_id,
          generation,
          SampleSession(organization_id, generation),
          generation % 5,
          false,
          absl::StrCat("accepted-dev-key-", generation),
          generation % 3 == 1};
}

StoredSlot SampleSlot(std::uint64_t generation) {
  return SampleSlot(kSampleUid, kFirstOrganization, generation);
}

StoredAttempt SampleAttempt(const std::string& id) {
  StoredAttempt attempt;
  attempt.id = id;
  attempt.slot = {kSampleUid, kFirstOrganization};
  attempt.principal = "unix:payroll-of-the-company";
  attempt.dev_key = {"sandbox", "0123456789abcdef"};
  attempt.user = {"sandbox", "ann@acme.example", "006USERACTINGAS000000"};
  attempt.secret_id = "fedcba9876543210";
  attempt.started = {kNow, absl::Hours(7)};
  return attempt;
}

StoredQuarantine SampleQuarantine(const std::string& scope) {
  return {scope,
          {Reason::kLockedOut,
           "BDC_1110",
           kNow,
           kNow + absl::Hours(1),
           absl::Hours(8) + absl::Nanoseconds(1),
           QuarantineScope::kUserLockout,
           kSecondOrganization,
           {.secret_accepted = true, .dev_key_worked_anywhere = true}}};
}

StoredAcceptedSecret SampleAcceptedSecret(const std::string& username) {
  return {{"sandbox", username, "006USERACTINGAS000000"}, "fedcba9876543210"};
}

StoredSuspension SampleSuspension(const std::string& dev_key_id) {
  return {{"sandbox", dev_key_id}, {kNow + absl::Minutes(40), absl::Hours(8)}};
}

std::string Describe(const StoredSlot& slot) {
  std::string text =
      absl::StrCat("slot ", slot.credential_uid, " ", slot.organization_id, " ", slot.generation,
                   " place ", slot.place, slot.logged_out ? " logged out" : "",
                   slot.in_doubt ? " in doubt" : "", " devKey ", slot.accepted_dev_key_id);
  if (slot.session == nullptr) return text;
  const Session& session = *slot.session;
  absl::StrAppend(&text, "\n  ", session.keys.environment, " ", session.keys.session_id->Reveal(),
                  " ", session.keys.dev_key->Reveal(), " ", session.dev_key_id);
  absl::StrAppend(&text, "\n  ", session.organization_id, " ", session.credential, " ",
                  session.version, " ", session.user_id, " ", session.base_url,
                  session.trusted ? " trusted " : " ", session.generation, " ",
                  session.first_generation);
  absl::StrAppend(&text, "\n  ", Text(session.sign_in_time), " ", Text(session.verified_time), " ",
                  Text(session.expire_time), " ", absl::FormatDuration(session.signed_in), " ",
                  absl::FormatDuration(session.deadline));
  return text;
}

std::string Describe(const StoredAttempt& attempt) {
  return absl::StrCat(
      "attempt ", attempt.id, " ", attempt.slot.credential_uid, " ", attempt.slot.organization_id,
      " ", attempt.principal, " ", Text(attempt.dev_key), " ", Text(attempt.user), " ",
      attempt.secret_id, " ", Text(attempt.started), " ",
      attempt.ended.has_value() ? Text(*attempt.ended) : "under way", " ",
      static_cast<int>(attempt.ending), attempt.on_trial ? " on trial" : "", " refused in ",
      static_cast<int>(attempt.failed_scope), attempt.forced ? " forced" : "",
      attempt.passes_slot_cap ? " passes slot cap" : "");
}

std::string Describe(const StoredQuarantine& quarantine) {
  const QuarantineEntry& entry = quarantine.entry;
  return absl::StrCat(
      "quarantine ", quarantine.scope, " ", ReasonName(entry.reason), " ", entry.bill_code, " ",
      Text(entry.since), " ", entry.until.has_value() ? Text(*entry.until) : "for good", " ",
      entry.lapses.has_value() ? absl::FormatDuration(*entry.lapses) : "never", " scope ",
      static_cast<int>(entry.scope), " at ", entry.organization_id, " ", Text(entry.history));
}

std::string Describe(const StoredAcceptedSecret& secret) {
  return absl::StrCat("accepted secret ", Text(secret.user), " ", secret.secret_id);
}

std::string Describe(const StoredSuspension& suspension) {
  return absl::StrCat("suspension ", Text(suspension.dev_key), " ", Text(suspension.until),
                      suspension.checks ? " checks too" : "");
}

std::string Describe(const StoredAuditHead& head) {
  return absl::StrCat("audit head ", head.sequence, " ", head.mac);
}

std::string Describe(const StoreContents& contents) {
  std::vector<std::string> texts;
  for (const auto& slot : contents.slots) texts.push_back(Describe(slot));
  for (const auto& attempt : contents.attempts) texts.push_back(Describe(attempt));
  for (const auto& quarantine : contents.quarantines) texts.push_back(Describe(quarantine));
  for (const auto& secret : contents.accepted_secrets) texts.push_back(Describe(secret));
  for (const auto& suspension : contents.suspensions) texts.push_back(Describe(suspension));
  if (contents.audit_head.has_value()) texts.push_back(Describe(*contents.audit_head));
  std::sort(texts.begin(), texts.end());
  return absl::StrJoin(texts, "\n");
}

}  // namespace billbroker

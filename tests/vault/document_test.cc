#include "vault/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<CredentialPtr> Read(absl::string_view text) {
  return ReadDocument("acme-payables-user", SecretString::CopyOf(text));
}

std::string Text(const Credential& credential) {
  return std::string(WriteDocument(credential).Reveal());
}

// Returns a valid document of "acme-payables-user" with `from` replaced by `to`.
std::string Changed(absl::string_view from, absl::string_view to) {
  const std::string text = Text(SampleUser("acme-payables-user"));
  EXPECT_TRUE(absl::StrContains(text, from)) << from;
  return absl::StrReplaceAll(text, {{from, to}});
}

void ExpectInvalid(absl::string_view text) {
  EXPECT_THAT(Read(text), HasReason(Reason::kVaultDocumentInvalid)) << text.substr(0, 100);
}

// Expects an error whose message names the credential and contains `phrase`. For golden tests.
void ExpectInvalidWith(absl::string_view text, const std::string& phrase) {
  const absl::Status status = Read(text).status();
  EXPECT_THAT(status, HasReason(Reason::kVaultDocumentInvalid)) << phrase;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("\"acme-payables-user\""), HasSubstr(phrase)));
}

TEST(DocumentTest, ReadsBackTheWholeDocument) {
  Credential rotated = SampleUser("acme-payables-user");
  rotated.password = SecretString::CopyOf("s3cret \x01 password \x7f of before");
  AddRotations(rotated);
  const Credential user = SampleUser("acme-payables-user");
  const Credential console = SampleConsole("acme-payables-user");
  const Credential partner = SamplePartner("acme-payables-user");
  for (const Credential* each :
       std::initializer_list<const Credential*>{&rotated, &user, &console, &partner}) {
    const Credential& credential = *each;
    const absl::StatusOr<CredentialPtr> read = Read(Text(credential));
    ASSERT_THAT(read, IsOk());
    EXPECT_TRUE(SameCredential(**read, credential));
    EXPECT_TRUE((*read)->password == credential.password);
    EXPECT_TRUE((*read)->console_api_token == credential.console_api_token);
    EXPECT_TRUE((*read)->app_key == credential.app_key);
    ASSERT_EQ((*read)->organizations.size(), credential.organizations.size());
    EXPECT_EQ((*read)->organizations[0].user_id, credential.organizations[0].user_id);
    EXPECT_EQ((*read)->create_time, credential.create_time);
  }
}

TEST(DocumentTest, ReadsStoredSampleOfFormat1) {
  std::ostringstream text;
  text << std::ifstream(TESTDATA "/credential_format1.json").rdbuf();
  const absl::StatusOr<CredentialPtr> read =
      ReadDocument("acme-payables", SecretString::CopyOf(text.str()));
  ASSERT_THAT(read, IsOk());
  const Credential& credential = **read;
  EXPECT_EQ(credential.uid, "6f1d0c5a9b3e4d7f8a2b1c0d9e8f7a6b");
  EXPECT_EQ(credential.version, 3u);
  EXPECT_EQ(credential.environment, "production");
  EXPECT_EQ(credential.kind, CredentialKind::kUser);
  EXPECT_EQ(credential.username, "ap@acme.example");
  EXPECT_TRUE(credential.sync_token);
  EXPECT_EQ(credential.password.Reveal(), "pass \"word\" \xf0\x9f\x94\x91");
  EXPECT_EQ(credential.remember_me_id.Reveal(), "remember-me");
  EXPECT_EQ(credential.device, "billbroker");
  EXPECT_EQ(credential.DevKeyFor("00801ABC").Reveal(), "01DEVKEY");
  EXPECT_EQ(credential.DevKeyFor("00802DEF").Reveal(), "02DEVKEY");
  EXPECT_EQ(absl::FormatTime(credential.update_time, absl::UTCTimeZone()),
            "2026-03-02T08:30:00.25+00:00");
}

TEST(DocumentTest, ReadsStoredSampleOfFormat2) {
  std::ostringstream text;
  text << std::ifstream(TESTDATA "/credential_format2.json").rdbuf();
  const absl::StatusOr<CredentialPtr> read = ReadDocument("acme", SecretString::CopyOf(text.str()));
  ASSERT_THAT(read, IsOk());
  Credential sample = SampleUser("acme");
  // A new credential cannot have such a password any more, but a stored one stays readable.
  sample.password = SecretString::CopyOf("s3cret \"p\\ss\"\x01\tword\x7f \xc3\xa9\xf0\x9f\x94\x91");
  AddRotations(sample);
  EXPECT_TRUE(SameCredential(**read, sample));
  EXPECT_EQ((*read)->staged->change.password->Reveal(), "s3cret-next \"password\"");
  EXPECT_EQ((*read)->staged->change.remember_me_id->Reveal(), "");
  EXPECT_FALSE((*read)->staged->change.console_api_token.has_value());
  EXPECT_EQ((*read)->remember_me_time, (*read)->create_time);
  ASSERT_EQ((*read)->history.size(), 4u);
  EXPECT_EQ((*read)->history[0].before->password->Reveal(), "s3cret-before");
  EXPECT_EQ((*read)->history[1].kind, PastChangeKind::kRefused);
  EXPECT_EQ((*read)->history[1].bill_code, "BDC_1101");
  EXPECT_TRUE((*read)->history[2].end_sessions);
  EXPECT_FALSE((*read)->history[3].end_sessions);
  EXPECT_EQ((*read)->history[3].kind, PastChangeKind::kMfaRenewed);
  EXPECT_EQ((*read)->history[3].before->remember_me_time, (*read)->create_time - absl::Hours(1));
}

TEST(DocumentTest, ReadsStoredSampleOfAPartner) {
  std::ostringstream text;
  text << std::ifstream(TESTDATA "/credential_format2_partner.json").rdbuf();
  const absl::StatusOr<CredentialPtr> read = ReadDocument("firm", SecretString::CopyOf(text.str()));
  ASSERT_THAT(read, IsOk());
  const Credential& credential = **read;
  EXPECT_EQ(credential.kind, CredentialKind::kPartner);
  EXPECT_EQ(credential.app_key.Reveal(), "01APPKEY");
  EXPECT_EQ(credential.UserSecret().Reveal(), "partner-password");
  EXPECT_EQ(credential.FindOrganization("00800000000000000095")->user_id, "0060000000000000000a");
  EXPECT_EQ(credential.DevKeyFor("00800000000000000096").Reveal(), "02DEVKEY");
  EXPECT_EQ(credential.staged->change.app_key->Reveal(), "02APPKEY");
  EXPECT_EQ(credential.history.at(0).before->app_key->Reveal(), "00APPKEY");
}

TEST(DocumentTest, WritesStoredSamplesUnchanged) {
  for (const auto& [name, file] : {std::pair<absl::string_view, absl::string_view>(
                                       "acme", TESTDATA "/credential_format2.json"),
                                   {"firm", TESTDATA "/credential_format2_partner.json"}}) {
    std::ostringstream text;
    text << std::ifstream(std::string(file)).rdbuf();
    const absl::StatusOr<CredentialPtr> read = ReadDocument(name, SecretString::CopyOf(text.str()));
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(Text(**read), absl::StripTrailingAsciiWhitespace(text.str()));
  }
}

// An older billbroker would read a partner as another kind of user.
TEST(DocumentTest, PartnerNeedsFormat2) {
  const std::string text = Text(SamplePartner("acme-payables-user"));
  EXPECT_TRUE(absl::StartsWith(text, "{\"format\":2,"));
  ExpectInvalid(absl::StrReplaceAll(text, {{"\"format\":2", "\"format\":1"}}));
  ExpectInvalid(Changed("{\"id\":\"00800000000000000081\"}",
                        "{\"id\":\"00800000000000000081\",\"user_id\":\"0060000000000000000a\"}"));
  ExpectInvalid(absl::StrReplaceAll(
      text, {{"\"user_id\":\"0060000000000000000a\"", "\"user_id\":\"00 6\""}}));
}

TEST(DocumentTest, WritesFormat1WithoutRotations) {
  Credential sample = SampleUser("acme-payables-user");
  EXPECT_TRUE(absl::StartsWith(Text(sample), "{\"format\":1,"));
  EXPECT_EQ((*ReadDocument("acme-payables-user", WriteDocument(sample)))->remember_me_time,
            absl::InfinitePast());
  sample.remember_me_time = sample.create_time;
  EXPECT_TRUE(absl::StartsWith(Text(sample), "{\"format\":2,"));
  EXPECT_TRUE(SameCredential(**ReadDocument("acme-payables-user", WriteDocument(sample)), sample));
  ExpectInvalid(Changed("\"name\":", "\"history\":[],\"name\":"));
}

TEST(DocumentTest, RejectsMalformedRotation) {
  Credential rotated = SampleUser("acme-payables-user");
  rotated.password = SecretString::CopyOf("s3cret \x01 password \x7f of before");
  AddRotations(rotated);
  const std::string good = Text(rotated);
  const std::pair<absl::string_view, absl::string_view> damages[] = {
      {"\"id\":\"staged-uid\"", "\"id\":\"\""},
      {"\"id\":\"staged-uid\",", ""},
      {"\"kind\":\"rolled_back\",\"organization\"", "\"kind\":\"refused\",\"organization\""},
      {"\"end_sessions\":true", "\"end_sessions\":1"},
      {"\"dev_key\":\"s3cret-next-dev-key\"", "\"new_secret\":\"x\""},
      {"\"kind\":\"refused\"", "\"kind\":\"lost\""},
      {"\"kind\":\"refused\",", ""},
      {"\"before\":{\"password\":\"s3cret-before\"}", "\"before\":{}"},
      {"\"fields\":[\"password\"],\"bill_code\"", "\"fields\":[7],\"bill_code\""},
  };
  for (const auto& [from, to] : damages) {
    ASSERT_TRUE(absl::StrContains(good, from)) << from;
    const absl::Status status = Read(absl::StrReplaceAll(good, {{from, to}})).status();
    EXPECT_THAT(status, HasReason(Reason::kVaultDocumentInvalid)) << from;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("s3cret")));
  }
}

// The attached organizations may have changed since. The credential itself must stay readable.
TEST(DocumentTest, ReadsStagedChangeThatNoLongerFits) {
  Credential credential = SampleUser("acme-payables-user");
  AddRotations(credential);
  credential.staged->change.dev_key = SecretString();
  credential.staged->change.organizations.clear();
  EXPECT_THAT(Read(Text(credential)), IsOk());
}

TEST(DocumentTest, RejectsTooLongHistory) {
  Credential rotated = SampleUser("acme-payables-user");
  rotated.password = SecretString::CopyOf("s3cret \x01 password \x7f of before");
  AddRotations(rotated);
  while (rotated.history.size() < kMaxHistory) {
    rotated.history.push_back(PastChange{1, PastChangeKind::kCancelled, "", {}, {}, "", false, {}});
  }
  EXPECT_THAT(Read(Text(rotated)), IsOk());
  rotated.history.push_back(PastChange{1, PastChangeKind::kCancelled, "", {}, {}, "", false, {}});
  EXPECT_THAT(Read(Text(rotated)), Not(IsOk()));
}

TEST(DocumentTest, GoldenLaterFormatAsksForAnUpgrade) {
  ExpectInvalidWith(Changed("\"format\":1", "\"format\":3"), "upgrade");
  ExpectInvalidWith(R"({"format":7,"whatever":[{"may":null}]})", "format 7");
}

TEST(DocumentTest, RejectsMalformedDocument) {
  for (const char* text : {"", "hello", "null", "[]", "{", "{}", R"({"user":"me"})", "{\"format\"",
                           R"({"format":"1"})", R"({"format":0})", R"({"format":-1})"}) {
    EXPECT_THAT(Read(text), HasReason(Reason::kVaultDocumentInvalid)) << text;
  }
}

TEST(DocumentTest, RejectsAnyPrefixOfADocument) {
  const std::string text = Text(SampleUser("acme-payables-user"));
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_THAT(Read(text.substr(0, size)), Not(IsOk())) << size;
  }
  EXPECT_THAT(Read(text + " \n"), IsOk());
  EXPECT_THAT(Read(text + "x"), Not(IsOk()));
}

TEST(DocumentTest, GoldenErrorNamesTheMember) {
  ExpectInvalidWith(Changed("\"version\":1", "\"version\":0"), "bad \"version\"");
  ExpectInvalidWith(Changed("\"version\":1", "\"version\":1.5"), "not the JSON");
  ExpectInvalidWith(Changed("\"version\":1", "\"version\":99999999999999999999"),
                    "bad \"version\"");
  ExpectInvalidWith(Changed("\"version\":1", "\"version\":9223372036854775808"), "bad \"version\"");
  EXPECT_THAT(Read(Changed("\"version\":1", "\"version\":9223372036854775807")), IsOk());
  ExpectInvalidWith(Changed("\"version\":1", "\"version\":1,\"version\":1"), "\"version\" twice");
  ExpectInvalidWith(Changed("\"version\":1,", ""), "lacks \"version\"");
  ExpectInvalidWith(Changed("\"version\":1", "\"hostile\":1"), "a member that");
  ExpectInvalidWith(Changed("\"kind\":\"user\"", "\"kind\":\"robot\""), "bad \"kind\"");
  ExpectInvalidWith(Changed("\"kind\":\"user\"", "\"kind\":\"console\""),
                    "password: must be empty");
  ExpectInvalidWith(Changed("\"name\":\"acme-payables-user\"", "\"name\":\"mill-payables-user\""),
                    "another name");
  ExpectInvalidWith(Changed("\"uid\":\"uid-of-credential-acme-payables-user\"", "\"uid\":\"\""),
                    "bad \"uid\"");
  ExpectInvalidWith(
      Changed("{\"id\":\"00800000000000000081\"}", "{\"id\":\"00800000000000000083\"}"),
      "ordered by id");
  ExpectInvalidWith(
      Changed("{\"id\":\"00800000000000000081\"}", "{\"id\":\"00800000000000000082\"}"),
      "is there twice");
  ExpectInvalidWith(Changed("{\"id\":\"00800000000000000081\"}",
                            "{\"id\":\"00800000000000000081\",\"id\":\"00800000000000000081\"}"),
                    "bad \"organizations\"");
  ExpectInvalidWith(Changed("{\"id\":\"00800000000000000081\"}", "{}"), "organization_id");
  ExpectInvalidWith(Changed("\"create_time\":\"2026", "\"create_time\":\"infinite-future"),
                    "bad \"create_time\"");
}

TEST(DocumentTest, ErrorsContainNothingOfTheDocument) {
  for (const std::string& text :
       {Changed("\"environment\":\"sandbox\"", "\"environment\":\"s3cret\\n\""),
        Changed("\"username\":\"acme-payables-user", "\"s3cret\":\"acme-payables-user"),
        Changed("00800000000000000081", "s3cret!"),
        Changed("\"kind\":\"user\"", "\"kind\":\"s3cret\"")}) {
    const absl::Status status = Read(text).status();
    EXPECT_THAT(status, HasReason(Reason::kVaultDocumentInvalid));
    EXPECT_THAT(status.ToString(), Not(HasSubstr("s3cret")));
  }
}

TEST(DocumentTest, GoldenTooLargeDocumentIsNotParsed) {
  ExpectInvalidWith(std::string(17 * 1024 * 1024, ' '), "too large");
}

TEST(DocumentTest, RejectsHistoryNewerThanTheDocument) {
  Credential rotated = SampleUser("acme-payables-user");
  rotated.password = SecretString::CopyOf("s3cret \x01 password \x7f of before");
  AddRotations(rotated);
  rotated.history[2].version = rotated.version + 1;  // would invalidate every session at once
  EXPECT_THAT(Read(Text(rotated)), HasReason(Reason::kVaultDocumentInvalid));
}

}  // namespace
}  // namespace billbroker

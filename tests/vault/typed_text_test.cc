#include "vault/typed_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

auto IsMalformed(const char* field) {
  return AllOf(HasReason(Reason::kMalformedRequest), HasMetadata("field", field));
}

class RefusedTextTest : public testing::TestWithParam<std::string> {};

TEST_P(RefusedTextTest, NamesFieldAndNotTheText) {
  const std::string text = "s3cret-before-" + GetParam() + "-s3cret-after";
  const absl::Status refused = ValidateTypedText("username", text);
  EXPECT_THAT(refused, IsMalformed("username"));
  EXPECT_THAT(refused.ToString(), Not(HasSubstr("s3cret")));
  EXPECT_THAT(ValidateTypedSecret("password", SecretString::CopyOf(text)), IsMalformed("password"));
}

INSTANTIATE_TEST_SUITE_P(Characters, RefusedTextTest,
                         testing::Values(std::string(1, '\0'), "\x01", "\n", "\t", "\x7F",
                                         "\x1B[2J", "\u0080", "\u0085", "\u009B31m", "\u009F",
                                         "\xFF", "\xC2"));

TEST(TypedTextTest, AcceptsPrintableText) {
  for (const char* text : {"", "correct horse battery", "p\u00E4ssw\u00F6rd", "\u00A0\u00A1",
                           "\u65E5\u672C", "\U0001F511"}) {
    EXPECT_THAT(ValidateTypedText("username", text), IsOk()) << text;
  }
}

TEST(TypedTextTest, AcceptsWhiteSpaceAtTheEndOfASecretOnly) {
  for (const char* end : {" ", "\n", "\r\n", "\t"}) {
    const std::string text = std::string("s3cret-password") + end;
    EXPECT_THAT(ValidateTypedSecret("password", SecretString::CopyOf(text)), IsOk());
  }
  EXPECT_THAT(ValidateTypedText("username", "acme@acme.example\n"), IsMalformed("username"));
  EXPECT_THAT(ValidateTypedSecret("password", SecretString::CopyOf("s3cret-password\n\x1B")),
              IsMalformed("password"));
}

TEST(TypedTextTest, NamesTheFieldOfADraftAndOfAChange) {
  const SecretString bad = SecretString::CopyOf("s3cret-\x1B-value");
  Credential draft = SampleUser(kAcme);
  EXPECT_THAT(ValidateTypedTexts(draft), IsOk());
  draft.remember_me_id = bad.Clone();
  EXPECT_THAT(ValidateTypedTexts(draft), IsMalformed("remember_me_id"));
  draft.console_api_token = bad.Clone();
  EXPECT_THAT(ValidateTypedTexts(draft), IsMalformed("console_api_token"));
  draft.password = bad.Clone();
  EXPECT_THAT(ValidateTypedTexts(draft), IsMalformed("password"));
  draft.device = "device-of-acme-\u009B";
  EXPECT_THAT(ValidateTypedTexts(draft), IsMalformed("device"));
  draft.username = "payables-\u009B@acme.example";
  EXPECT_THAT(ValidateTypedTexts(draft), IsMalformed("username"));

  CredentialChange change;
  EXPECT_THAT(ValidateTypedTexts(change), IsOk());
  change.password = bad.Clone();
  EXPECT_THAT(ValidateTypedTexts(change), IsMalformed("password"));
  change.username = "payables-\u009B@acme.example";
  EXPECT_THAT(ValidateTypedTexts(change), IsMalformed("username"));
}

}  // namespace
}  // namespace billbroker

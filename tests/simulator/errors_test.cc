// The shapes of refusals, and the settings that choose them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulator/bill_harness.h"
#include "tests/simulator/errors.h"
#include "tests/support/status_matchers.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

HttpAnswer RefusalWith(absl::string_view settings) {
  BillHarness harness(settings);
  return harness.Use("session-harness-unknown");
}

TEST(ErrorsTest, BodyIsArrayOfOneEntry) {
  const json body = BillHarness::BodyOf(RefusalWith("{}"));
  ASSERT_EQ(body.size(), 1u);
  EXPECT_EQ(body[0]["code"], "BDC_1109");
  EXPECT_EQ(body[0]["severity"], "ERROR");
  EXPECT_EQ(body[0]["category"], "DOWNSTREAM");
  EXPECT_EQ(body[0]["message"], "Session is invalid.  Please log in.");
  EXPECT_EQ(body[0]["timestamp"], "2027-01-15T08:00:00.000+00:00");
  EXPECT_EQ(body[0]["params"].size(), 1u);
  EXPECT_TRUE(body[0]["params"][0].contains("additional"));
  EXPECT_TRUE(body[0].contains("detail"));
  EXPECT_TRUE(body[0].contains("help"));
  EXPECT_EQ(body[0].size(), 8u);
}

TEST(ErrorsTest, SettingChoosesShape) {
  EXPECT_FALSE(
      BillHarness::BodyOf(RefusalWith(R"({"error_shape": "array_without_code"})"))[0].contains(
          "code"));
  EXPECT_EQ(RefusalWith(R"({"error_shape": "message_object"})").body,
            R"({"message":"Session is invalid.  Please log in."})");
  EXPECT_EQ(
      BillHarness::BodyOf(RefusalWith(R"({"error_shape": "errors_object"})"))["errors"][0]["code"],
      "BDC_1109");
  const HttpAnswer html = RefusalWith(R"({"error_shape": "html"})");
  EXPECT_EQ(html.content_type, "text/html");
  EXPECT_EQ(html.status, 401);
  EXPECT_EQ(RefusalWith(R"({"error_shape": "empty"})").body, "");
}

TEST(ErrorsTest, SettingsChooseParamsAndPlaceholders) {
  const auto entry = [](absl::string_view settings) -> json {
    return BillHarness::BodyOf(RefusalWith(settings))[0];
  };
  EXPECT_TRUE(entry(R"({"error_params": "object"})")["params"].is_object());
  EXPECT_FALSE(entry(R"({"error_params": "absent"})").contains("params"));
  EXPECT_EQ(entry(R"({"error_params": "absent", "error_extra_keys": false})").size(), 5u);
  EXPECT_THAT(entry(R"({"error_placeholders": true})")["message"].get<std::string>(),
              testing::HasSubstr("${paramName0}"));
}

TEST(ErrorsTest, SettingChoosesHttpStatus) {
  EXPECT_EQ(RefusalWith(R"({"http_status": {"BDC_1109": 403}})").status, 403);
  EXPECT_EQ(RefusalWith(R"({"http_status": {"BDC_1101": 403}})").status, 401);
}

TEST(ErrorsTest, SendsUnknownCode) {
  const HttpAnswer answer = ErrorAnswer("BDC_9999", Settings(), absl::UnixEpoch());
  EXPECT_EQ(BillHarness::Outcome(answer), "400 BDC_9999");
}

TEST(SettingsTest, WrittenSettingsCanBeReadBack) {
  Settings settings;
  ASSERT_THAT(ApplySetting("error_shape=errors_object", settings), IsOk());
  ASSERT_THAT(ApplySetting("sliding=false", settings), IsOk());
  ASSERT_THAT(ApplySetting("http_status={\"BDC_1144\": 429}", settings), IsOk());
  ASSERT_THAT(ApplySetting("session_idle_seconds=60", settings), IsOk());
  Settings read;
  ASSERT_THAT(ApplySettings(SettingsJson(settings), "", read), IsOk());
  EXPECT_EQ(SettingsJson(read), SettingsJson(settings));
  EXPECT_EQ(read.session_idle, absl::Seconds(60));
  EXPECT_EQ(read.error_shape, ErrorShape::kErrorsObject);
}

TEST(SettingsTest, ErrorNamesSettingAndChangesNothing) {
  const auto error = [](const char* assignment) {
    Settings settings;
    const json before = SettingsJson(settings);
    const std::string message(ApplySetting(assignment, settings).message());
    EXPECT_EQ(SettingsJson(settings), before);
    return message;
  };
  EXPECT_EQ(error("sliding"), "setting \"sliding\" has no value; write name=value");
  EXPECT_EQ(error("sliding=maybe"), "sliding: must be true or false");
  EXPECT_EQ(error("concurrent_calls=-1"),
            "concurrent_calls: must be a whole number from 0 to 1000000000");
  EXPECT_EQ(error("error_shape=round").substr(0, 30), "error_shape: must be one of: a");
  EXPECT_EQ(error("http_status={\"BDC_1109\": 7}"),
            "http_status.BDC_1109: must be a whole number from 100 to 599");
  EXPECT_EQ(error("session_id_alphabet=ab"),
            "session_id_alphabet: must be 16 to 256 characters of visible ASCII");
  EXPECT_EQ(error("slidng=true").substr(0, 22), "slidng: is not known h");
}

}  // namespace
}  // namespace billbroker::billsim

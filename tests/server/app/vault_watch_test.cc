#include "server/app/vault_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <vector>

#include "tests/support/manual_time.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(VaultWatchTest, LogsStatesAndNotifies) {
  std::ostringstream out;
  ManualClock clock;
  JsonLog log(LogLevel::kInfo, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  std::vector<bool> notified;
  VaultWatch watch(
      log, [&notified](bool ready) { notified.push_back(ready); }, [] {});
  watch.VaultStateChanged(VaultState::kUnknown, VaultState::kLocked);
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"warning","event":"vault_state","before":"UNKNOWN",)"
                                   R"("state":"LOCKED","fix":")"));
  watch.VaultStateChanged(VaultState::kLocked, VaultState::kReady);
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"info","event":"vault_state","before":"LOCKED",)"
                                   R"("state":"READY","fix":""})"));
  EXPECT_THAT(notified, ElementsAre(false, true));
}

TEST(VaultWatchTest, WarnsOfUnreadableDocuments) {
  std::ostringstream out;
  ManualClock clock;
  JsonLog log(LogLevel::kInfo, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  int loaded = 0;
  VaultWatch watch(
      log, [](bool) {}, [&loaded] { ++loaded; });
  VaultContents contents;
  contents.invalid_documents.push_back(
      {"invalid-credential", MakeError(Reason::kVaultDocumentInvalid, "not valid JSON")});
  watch.VaultLoaded(contents);
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"info","event":"vault_loaded","credentials":0})"));
  EXPECT_THAT(out.str(),
              HasSubstr(R"("level":"warning","event":"vault_document_invalid",)"
                        R"("credential":"invalid-credential","message":"not valid JSON")"));
  watch.VaultLoadFailed(MakeError(Reason::kVaultLocked, "the keyring is locked"));
  EXPECT_THAT(out.str(),
              HasSubstr(R"("event":"vault_load_failed","message":"the keyring is locked")"));
}

}  // namespace
}  // namespace billbroker

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

TEST(VaultWatchTest, StatesAreLoggedWithTheirFixAndPassedOn) {
  std::ostringstream out;
  ManualClock clock;
  JsonLog log(LogLevel::kInfo, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  std::vector<bool> heard;
  VaultWatch watch(
      log, [&heard](bool ready) { heard.push_back(ready); }, [] {});
  watch.VaultStateChanged(VaultState::kUnknown, VaultState::kLocked);
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"warning","event":"vault_state","before":"UNKNOWN",)"
                                   R"("state":"LOCKED","fix":"unlock )"));
  watch.VaultStateChanged(VaultState::kLocked, VaultState::kReady);
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"info","event":"vault_state","before":"LOCKED",)"
                                   R"("state":"READY","fix":""})"));
  EXPECT_THAT(heard, ElementsAre(false, true));
}

TEST(VaultWatchTest, DocumentsThatCannotBeReadAreNamedInAWarning) {
  std::ostringstream out;
  ManualClock clock;
  JsonLog log(LogLevel::kInfo, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  int loaded = 0;
  VaultWatch watch(
      log, [](bool) {}, [&loaded] { ++loaded; });
  VaultContents contents;
  contents.invalid_documents.push_back(
      {"odd", MakeError(Reason::kVaultDocumentInvalid, "credential \"odd\" is no JSON")});
  watch.VaultLoaded(contents);
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"info","event":"vault_loaded","credentials":0})"));
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"warning","event":"vault_document_invalid",)"
                                   R"("credential":"odd","message":"credential \"odd\" is no )"));
  watch.VaultLoadFailed(MakeError(Reason::kVaultLocked, "the keyring is locked"));
  EXPECT_THAT(out.str(), HasSubstr(R"("event":"vault_load_failed","message":"the keyring )"));
}

}  // namespace
}  // namespace billbroker

#include "server/app/vault_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <vector>

#include "tests/support/fake_vault.h"
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
  const FakeVault vault;
  VaultWatch watch(
      log, vault, [&notified](bool ready) { notified.push_back(ready); }, [] {});
  const VaultProvider provider = {"unix:path=/run/user/990/bus", "gnome-keyring-daemon", 4711, ""};
  watch.VaultStateChanged(VaultState::kUnknown, VaultError(VaultState::kLocked), provider);
  EXPECT_THAT(out.str(),
              HasSubstr(R"("level":"warning","event":"vault_state","before":"UNKNOWN",)"
                        R"("state":"LOCKED","message":"the keyring is locked","fix":"unlock)"));
  watch.VaultStateChanged(VaultState::kLocked, absl::OkStatus(), provider);
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"info","event":"vault_state","before":"LOCKED",)"
                                   R"("state":"READY","message":"","fix":"",)"
                                   R"("provider":"gnome-keyring-daemon",)"
                                   R"("bus":"unix:path=/run/user/990/bus"})"));
  EXPECT_THAT(notified, ElementsAre(false, true));
}

TEST(VaultWatchTest, WarnsOfUnreadableDocuments) {
  std::ostringstream out;
  ManualClock clock;
  JsonLog log(LogLevel::kInfo, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  int loaded = 0;
  const FakeVault vault;
  VaultWatch watch(
      log, vault, [](bool) {}, [&loaded] { ++loaded; });
  VaultReading reading;
  reading.credentials = 1;
  reading.added = {"acme-payables-user", "mill-payables-user"};
  reading.missing = {"zebra-payables-user"};
  reading.reverted = {"yacht-payables-user"};
  reading.invalid_documents.push_back(
      {"invalid-credential", MakeError(Reason::kVaultDocumentInvalid, "not valid JSON")});
  watch.VaultLoaded(reading);
  EXPECT_THAT(out.str(), HasSubstr(R"("level":"info","event":"vault_loaded","credentials":1,)"
                                   R"("added":"acme-payables-user, mill-payables-user",)"));
  EXPECT_THAT(out.str(), HasSubstr(R"("event":"vault_credential_missing",)"
                                   R"("credential":"zebra-payables-user")"));
  EXPECT_THAT(out.str(), HasSubstr(R"("event":"vault_credential_reverted",)"
                                   R"("credential":"yacht-payables-user")"));
  EXPECT_THAT(out.str(),
              HasSubstr(R"("level":"warning","event":"vault_document_invalid",)"
                        R"("credential":"invalid-credential","message":"not valid JSON")"));
  EXPECT_EQ(loaded, 1);
}

TEST(VaultWatchTest, DistinguishesTakeoverFromChangedItems) {
  std::ostringstream out;
  ManualClock clock;
  JsonLog log(LogLevel::kInfo, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  FakeVault vault;
  VaultWatch watch(
      log, vault, [](bool) {}, [] {});
  const auto logged = [&] {
    out.str("");
    watch.VaultChangedElsewhere();
    return out.str();
  };
  const char* const items = "another program changed or removed items of the keyring";
  vault.TakeOver();
  watch.VaultStateChanged(VaultState::kUnknown, absl::OkStatus(), vault.provider());
  EXPECT_THAT(logged(), HasSubstr(items));
  vault.TakeOver();
  EXPECT_THAT(logged(), HasSubstr("the Secret Service ended, restarted or was replaced"));
  EXPECT_THAT(logged(), HasSubstr(items));
  vault.TakeOver();  // during a read, which needs no event
  watch.VaultLoaded({});
  EXPECT_THAT(logged(), HasSubstr(items));
}

}  // namespace
}  // namespace billbroker

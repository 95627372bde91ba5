// Session stores that cannot be opened at the start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A connection of another process to the store.
class OtherProcess final {
 public:
  explicit OtherProcess(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
  }
  ~OtherProcess() { sqlite3_close(database_); }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  void Run(const char* sql) {
    EXPECT_EQ(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
  }

 private:
  sqlite3* database_ = nullptr;
};

class StoreE2eTest : public ::testing::Test {
 protected:
  StoreE2eTest() { env_.StartBroker(); }

  [[nodiscard]] std::string StoreFile() const { return env_.File("state/sessions.db"); }
  [[nodiscard]] nlohmann::json StoreStatus() const {
    return env_.Cli({"--output", "json", "status"}).Json()["store"];
  }
  // Starts the broker again. The client's channel may need some time to notice.
  void StartAgain() {
    env_.StartBroker();
    ASSERT_TRUE(Await([&] { return env_.admin().GetStatus().ok(); }, "the channel to reconnect"));
  }
  void AwaitReadyStore() {
    ASSERT_TRUE(Await([&] { return StoreStatus()["state"] == "ready"; }, "the store to open"));
  }
  // Expects one unbroken chain in the audit log.
  void ExpectWholeAuditLog() {
    const TestEnvironment::Output verified = env_.Cli({"audit", "verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.text;
  }

  TestEnvironment env_;
};

TEST_F(StoreE2eTest, OpensOnceReaderIsGone) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  ASSERT_EQ(env_.StopBroker(), 0);
  auto reader = std::make_unique<OtherProcess>(StoreFile());
  reader->Run("BEGIN; SELECT count(*) FROM rows");
  StartAgain();
  const nlohmann::json closed = StoreStatus();
  EXPECT_EQ(closed["state"], "memory_only");
  EXPECT_EQ(closed["file"], StoreFile());
  EXPECT_THAT(closed["message"].get<std::string>(), HasSubstr("stop the other process"));
  EXPECT_TRUE(closed["since_time"].is_string());
  EXPECT_TRUE(closed["next_try_time"].is_string());
  EXPECT_THAT(env_.Cli({"status"}).text, HasSubstr("NOT OPEN"));
  EXPECT_THAT(env_.Cli({"doctor"}).text, HasSubstr("stop the other process"));
  EXPECT_THAT(env_.sessions().GetSession(kReceivables), IsOk()) << "sign-ins go on";
  const int sign_ins = env_.SignIns();
  reader.reset();
  AwaitReadyStore();
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  EXPECT_EQ(env_.SignIns(), sign_ins) << "the stored session is back";
  ExpectWholeAuditLog();
  ASSERT_EQ(env_.StopBroker(), 0);
  StartAgain();
  for (const char* organization : {kPayables, kReceivables}) {
    EXPECT_THAT(env_.sessions().GetSession(organization), IsOk());
  }
  EXPECT_EQ(env_.SignIns(), sign_ins) << "all sessions were stored";
  ExpectWholeAuditLog();
}

TEST_F(StoreE2eTest, OpensOnceFolderAtItsPathIsGone) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  ASSERT_EQ(env_.StopBroker(), 0);
  std::filesystem::rename(StoreFile(), env_.File("kept.db"));
  std::filesystem::create_directory(StoreFile());
  StartAgain();
  EXPECT_THAT(StoreStatus()["message"].get<std::string>(),
              AllOf(HasSubstr(StoreFile()), HasSubstr("directory")));
  EXPECT_GT(env_.CountEvents("store_state", {{"state", "MEMORY_ONLY"}}), 0);
  const int sign_ins = env_.SignIns();
  ExchangeFiles(StoreFile(), env_.File("kept.db"));
  AwaitReadyStore();
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  EXPECT_EQ(env_.SignIns(), sign_ins);
  ExpectWholeAuditLog();
}

TEST_F(StoreE2eTest, OpensOnceItsFileSystemIsWritable) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  const int sign_ins = env_.SignIns();
  ASSERT_EQ(env_.StopBroker(), 0);
  const std::string state = env_.File("state");
  if (::mount(state.c_str(), state.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "cannot mount here: run the tests as root";
  }
  const auto remount = [&state](unsigned long flags) {
    return ::mount(nullptr, state.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr);
  };
  EXPECT_EQ(remount(MS_RDONLY), 0);
  StartAgain();
  EXPECT_EQ(StoreStatus()["state"], "memory_only");
  EXPECT_EQ(remount(0), 0);
  AwaitReadyStore();
  EXPECT_TRUE(Await([&] { return env_.sessions().GetSession(kPayables).ok(); }, "the session"));
  EXPECT_EQ(env_.SignIns(), sign_ins) << "the stored session is back";
  EXPECT_EQ(env_.StopBroker(), 0);
  EXPECT_EQ(::umount(state.c_str()), 0);
}

TEST_F(StoreE2eTest, RestartsWithoutStoreDoNotLockUser) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  ASSERT_EQ(env_.StopBroker(), 0);
  ASSERT_THAT(env_.bill().model().ChangeUser(kAcmeUser, {{"password", "changed-at-bill"}}), IsOk());
  std::filesystem::rename(StoreFile(), env_.File("kept.db"));
  std::filesystem::create_directory(StoreFile());
  const int before = env_.SignIns();
  for (int restart = 0; restart < 14; ++restart) {
    StartAgain();
    EXPECT_THAT(env_.sessions().GetSession(kReceivables), Not(IsOk()));
    restart % 2 == 0 ? env_.KillBroker() : static_cast<void>(env_.StopBroker());
  }
  EXPECT_EQ(env_.SignIns() - before, 1) << "one failed sign-in an hour";
  ExchangeFiles(StoreFile(), env_.File("kept.db"));
  ASSERT_THAT(env_.bill().model().ChangeUser(kAcmeUser, {{"password", kAcmePassword}}), IsOk());
  StartAgain();
  EXPECT_THAT(env_.sessions().GetSession(kReceivables), IsOk()) << "BILL has not locked the user";
  ExpectWholeAuditLog();
}

TEST_F(StoreE2eTest, NoSignInWithoutStoreAndAuditLog) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  ASSERT_EQ(env_.StopBroker(), 0);
  const int before = env_.SignIns();
  std::filesystem::rename(StoreFile(), env_.File("kept.db"));
  std::filesystem::create_directory(StoreFile());
  std::filesystem::rename(env_.File("state/audit.jsonl"), env_.File("kept.jsonl"));
  StartAgain();
  EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kAuditUnavailable);
  EXPECT_EQ(env_.SignIns(), before);
  std::filesystem::rename(env_.File("kept.jsonl"), env_.File("state/audit.jsonl"));
  Await([&] { return env_.sessions().GetSession(kPayables).ok(); }, "the log to be read");
}

TEST_F(StoreE2eTest, NewerSchemaPreventsTheStart) {
  ASSERT_EQ(env_.StopBroker(), 0);
  OtherProcess(StoreFile()).Run("PRAGMA user_version = 99");
  const TestEnvironment::Output refused = env_.RunBroker(env_.File("broker.toml"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.text,
              AllOf(HasSubstr("schema version 99"), HasSubstr("up to version 2"),
                    HasSubstr("Install the newer package"), HasSubstr("move the file away")));
  EXPECT_TRUE(std::filesystem::exists(StoreFile()));
}

}  // namespace
}  // namespace billbroker

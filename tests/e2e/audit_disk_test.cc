// Disks that do not take the audit log: full, read-only, or hanging.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/freezable_disk.h"
#include "tests/support/small_disk.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

// Returns the health of service `name`. Debian has no client for the health service, so the request
// is encoded and the response decoded by hand: `service` and `status` are both field 1.
std::string Health(const std::string& socket, const std::string& name) {
  std::string request;
  if (!name.empty()) request = "\x0a" + std::string(1, static_cast<char>(name.size())) + name;
  const grpc::Slice sent(request);
  grpc::ByteBuffer bytes(&sent, 1);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(
      grpc::CreateChannel(absl::StrCat("unix:", socket), grpc::InsecureChannelCredentials()));
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", bytes, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return status.error_message();
  grpc::Slice received;
  if (!response.DumpToSingleSlice(&received).ok() || received.size() != 2) return "malformed";
  return received.begin()[1] == 1 ? "SERVING" : "NOT_SERVING";
}

TestEnvironment::Options AuditTo(const std::string& file, const std::string& more = "") {
  TestEnvironment::Options options;
  options.config = absl::StrCat("[audit]\nfile = \"", file, "\"\n", more);
  return options;
}

class AuditDiskTest : public ::testing::Test {
 protected:
  // Starts a broker with a live session of the payables.
  void Start(const TestEnvironment::Options& options) {
    env_ = std::make_unique<TestEnvironment>(options);
    env_->StartBroker();
    ASSERT_THAT(env_->CreateAcme(), IsOk());
    ASSERT_THAT(env_->sessions().GetSession(kPayables), IsOk());
    sign_ins_ = env_->SignIns();
  }
  // Waits until the log is found not to be writable. Sign-outs write to it meanwhile.
  void AwaitRefusals() {
    const CredentialTarget unknown = {"unknown-credential", std::string(32, '0'), 1};
    int refused = 0;
    const auto is_refused_repeatedly = [&] {
      (void)env_->admin().Logout(kReceivables);
      const bool no_change =
          HasReason(env_->credentials().Delete(unknown, false), Reason::kAuditUnavailable);
      const bool no_sign_in = env_->WhyNoSession(kReceivables) == Reason::kAuditUnavailable;
      refused = no_change && no_sign_in ? refused + 1 : 0;
      return refused == 3;
    };
    Await(is_refused_repeatedly, "sign-ins and changes to be refused");
  }
  // Expects sign-ins and changes to be refused and live sessions to be returned.
  void ExpectOnlyLiveSessions() {
    const int sign_ins = env_->SignIns();
    EXPECT_THAT(env_->credentials().Create(TestEnvironment::Books()),
                HasReason(Reason::kAuditUnavailable));
    EXPECT_EQ(env_->WhyNoSession(kReceivables), Reason::kAuditUnavailable);
    EXPECT_EQ(env_->SignIns(), sign_ins);
    EXPECT_THAT(env_->sessions().GetSession(kPayables), IsOk());
    ExpectHealthOfChanges("NOT_SERVING");
    EXPECT_EQ(AuditStatus()["writable"], false);
  }
  // Expects sign-ins and changes to work, and an unbroken log.
  void ExpectRecovery() {
    Await([&] { return env_->sessions().GetSession(kReceivables).ok(); }, "a sign-in to work");
    ExpectHealthOfChanges("SERVING");
    EXPECT_THAT(env_->CreateBooks(), IsOk());
    const TestEnvironment::Output verified = env_->Cli({"audit", "verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.text;
  }
  [[nodiscard]] nlohmann::json AuditStatus() const {
    return env_->Cli({"--output", "json", "status"}).Json()["audit"];
  }

  // The broker ends before its disk goes away.
  void TearDown() override { env_.reset(); }

  std::unique_ptr<TestEnvironment> env_;
  int sign_ins_ = 0;  // before the disk fails

 private:
  // The services that change something follow the audit log. Live sessions are served all the time.
  void ExpectHealthOfChanges(const std::string& health) {
    for (const char* name : {"", "billbroker.v1.SessionService"}) {
      EXPECT_EQ(Health(env_->socket(), name), "SERVING") << name;
    }
    for (const char* name : {"billbroker.v1.AuditService", "billbroker.v1.CredentialService"}) {
      Await([&] { return Health(env_->socket(), name) == health; },
            absl::StrCat(name, " to be ", health));
    }
  }
};

class SmallDiskAuditTest : public AuditDiskTest {
 protected:
  [[nodiscard]] TestEnvironment::Options OnDisk() const {
    return AuditTo(disk_.File("audit.jsonl"));
  }

  const SmallDisk disk_;
};

TEST_F(SmallDiskAuditTest, FullDiskBlocksSignInsAndChanges) {
  if (!disk_.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  Start(OnDisk());
  disk_.Fill();
  // The rest of the file's last page takes some more lines.
  AwaitRefusals();
  ExpectOnlyLiveSessions();
  disk_.MakeRoom();
  ExpectRecovery();
}

TEST_F(SmallDiskAuditTest, ReadOnlyDiskBlocksSignInsAndChanges) {
  if (!disk_.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  Start(OnDisk());
  ASSERT_TRUE(disk_.Cover());
  // The open file takes entries until the log checks its path.
  AwaitRefusals();
  ExpectOnlyLiveSessions();
  ASSERT_TRUE(disk_.Uncover());
  ExpectRecovery();
}

TEST_F(SmallDiskAuditTest, GoldenStatusNamesTheReasonAndTheFix) {
  if (!disk_.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  Start(OnDisk());
  disk_.Fill();
  AwaitRefusals();
  EXPECT_THAT(AuditStatus()["message"].get<std::string>(),
              HasSubstr("the disk is full; free some space"));
  disk_.MakeRoom();
  ASSERT_TRUE(disk_.Cover());
  const auto is_read_only = [&] {
    (void)env_->admin().Logout(kReceivables);
    return absl::StrContains(AuditStatus()["message"].get<std::string>(),
                             "the file system is read-only");
  };
  Await(is_read_only, "the status to name the read-only file system");
  ASSERT_TRUE(disk_.Uncover());
}

TEST_F(SmallDiskAuditTest, ReadOnlyFolderPreventsTheStart) {
  if (!disk_.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  const TestEnvironment env(OnDisk());
  ASSERT_TRUE(disk_.SetReadOnly(true));
  const TestEnvironment::Output refused = env.RunBroker(env.File("broker.toml"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.text, HasSubstr("Read-only file system"));
}

class FrozenDiskAuditTest : public AuditDiskTest {
 protected:
  FreezableDisk disk_;
};

TEST_F(FrozenDiskAuditTest, HangingDiskDelaysNoCallForLong) {
  if (!disk_.mounted()) GTEST_SKIP() << "cannot mount a disk that freezes here";
  Start(AuditTo(disk_.File("audit.jsonl"), "longest_wait = \"1s\"\n"));
  ASSERT_TRUE(disk_.Freeze());
  EXPECT_THAT(env_->sessions().GetSession(kReceivables), HasReason(Reason::kAuditUnavailable));
  ExpectOnlyLiveSessions();
  EXPECT_EQ(env_->SignIns(), sign_ins_);
  disk_.Thaw();
  ExpectRecovery();
}

}  // namespace
}  // namespace billbroker

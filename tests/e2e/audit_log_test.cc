// The audit log of a running broker: its entries, and the detection of tampering.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

using Json = nlohmann::json;
using Lines = std::vector<std::string>;

Lines ReadLines(const std::string& path) {
  std::ifstream file(path);
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line + "\n");
  return lines;
}

void Write(const std::string& path, const Lines& lines) {
  std::ofstream file(path);
  for (const std::string& line : lines) file << line;
}

// Returns the kind, phase and outcome of an entry: "sign_in outcome OK".
std::string Summary(const std::string& line) {
  const Json json = Json::parse(line);
  std::string summary = json.value("kind", "");
  for (const char* member : {"phase", "outcome"}) {
    if (json.contains(member)) absl::StrAppend(&summary, " ", json[member].get<std::string>());
  }
  return summary;
}

class AuditLogE2eTest : public ::testing::Test {
 protected:
  AuditLogE2eTest() {
    env_.StartBroker();
    EXPECT_THAT(env_.CreateAcme(), IsOk());
  }

  [[nodiscard]] std::string Log() const { return env_.File("state/audit.jsonl"); }
  [[nodiscard]] int Count(const std::string& summary) const {
    int found = 0;
    for (const std::string& line : ReadLines(Log())) found += Summary(line) == summary ? 1 : 0;
    return found;
  }
  // Waits for an entry. Outcomes are written soon after the response of their call.
  void AwaitEntry(const std::string& summary, int count = 1) const {
    Await([&] { return Count(summary) >= count; }, "audit entry: " + summary);
  }
  void AwaitSession(const char* organization) {
    Await([&] { return env_.sessions().GetSession(organization).ok(); },
          absl::StrCat("a session of ", organization));
  }
  void SignInToPayables() {
    ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
    AwaitEntry("sign_in outcome OK");
  }
  // Signs in, stops the broker, and removes the last two lines of its log. Returns the other lines.
  Lines RemoveTail() {
    SignInToPayables();
    EXPECT_EQ(env_.StopBroker(), 0);
    Lines lines = ReadLines(Log());
    lines.resize(lines.size() - 2);
    Write(Log(), lines);
    return lines;
  }
  // Runs `audit verify`. Without files it verifies the current log.
  [[nodiscard]] TestEnvironment::Output Verify(const std::vector<std::string>& files = {}) const {
    std::vector<std::string> command = {"--output", "json", "audit", "verify"};
    command.insert(command.end(), files.begin(), files.end());
    return env_.Cli(command);
  }
  void ExpectIntact(const std::vector<std::string>& files = {}) const {
    const TestEnvironment::Output verified = Verify(files);
    EXPECT_EQ(verified.exit_code, 0) << verified.text;
  }
  // Expects `fault` among the findings. Returns the finding.
  Json ExpectFinding(const std::string& fault, const std::vector<std::string>& files = {}) const {
    const TestEnvironment::Output verified = Verify(files);
    EXPECT_EQ(verified.exit_code, 1) << verified.text;
    const Json report = verified.Json();
    for (const Json& finding : report["findings"]) {
      if (finding["fault"] == fault) return finding;
    }
    ADD_FAILURE() << "no finding " << fault << " in " << verified.text;
    return {};
  }

  TestEnvironment env_;
};

class AuditContentTest : public AuditLogE2eTest {
 protected:
  // Leaves the caller with no organization, so that its calls are refused.
  void RevokeGrants() {
    std::ofstream(env_.File("policy.toml"))
        << "[[principal]]\nname = \"unix:test\"\nusers = [\"" << ::geteuid()
        << "\"]\n[[grant]]\nprincipals = [\"unix:test\"]\nrole = \"reader\"\n"
        << "organizations = [\"none\"]\n";
    env_.broker().Signal(SIGHUP);
    AwaitEntry("policy_reload outcome OK");
    Await([&] { return env_.WhyNoSession(kPayables) == Reason::kNotGranted; },
          "the new policy to take effect");
    AwaitEntry("refusal outcome PERMISSION_DENIED");
  }

  // Signs in and out, and is refused. Returns the id of the session.
  std::string MakeCalls() {
    const absl::StatusOr<ClientSession> session = env_.sessions().GetSession(kPayables);
    EXPECT_THAT(session, IsOk());
    EXPECT_THAT(env_.admin().Logout(kPayables), IsOkAndHolds(true));
    RevokeGrants();
    return session.ok() ? std::string(session->session_id.Reveal()) : "";
  }
};

TEST_F(AuditContentTest, RecordsEveryKindOfCallInSequence) {
  MakeCalls();
  std::vector<std::string> summaries;
  std::uint64_t sequence = 0;
  for (const std::string& line : ReadLines(Log())) {
    summaries.push_back(Summary(line));
    EXPECT_EQ(Json::parse(line)["sequence"], ++sequence);
  }
  EXPECT_EQ(summaries[0], "start");
  EXPECT_THAT(summaries, IsSupersetOf({"credential_change intent", "credential_change outcome OK",
                                       "sign_in intent", "sign_in outcome OK", "log_out intent",
                                       "log_out outcome OK", "policy_reload intent"}));
}

TEST_F(AuditContentTest, RecordsCallerAndSubject) {
  MakeCalls();
  int checked = 0;
  for (const std::string& line : ReadLines(Log())) {
    const Json json = Json::parse(line);
    if (json["kind"] != "log_out" && json["kind"] != "sign_in") continue;
    ++checked;
    EXPECT_EQ(json["principal"], "unix:test");
    if (json["kind"] == "log_out") {
      EXPECT_EQ(json["uid"], ::geteuid());
      EXPECT_EQ(json["rpc"], "SessionService/Logout");
      EXPECT_EQ(json["organization"], kPayables);
    } else {
      EXPECT_EQ(json["credential"], kAcme);
    }
  }
  EXPECT_EQ(checked, 4) << "an intent and an outcome of both";
}

TEST_F(AuditContentTest, ContainsNoSecret) {
  const std::string session_id = MakeCalls();
  for (const std::string& line : ReadLines(Log())) {
    for (const std::string& secret :
         {std::string(kAcmePassword), std::string(kAcmeDevKey), session_id}) {
      EXPECT_THAT(line, Not(HasSubstr(secret)));
    }
  }
}

TEST_F(AuditLogE2eTest, VerifyFindsTamperingOfEachKind) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
    ASSERT_THAT(env_.admin().Logout(kPayables), IsOkAndHolds(true));
  }
  AwaitEntry("log_out outcome OK", 3);
  ExpectIntact();
  const Lines lines = ReadLines(Log());
  ASSERT_GE(lines.size(), 10U);
  const auto replace = [](std::string& line, const char* from, const char* to) {
    line = absl::StrReplaceAll(line, {{from, to}});
  };
  const std::vector<std::pair<std::string, std::function<void(Lines&)>>> kinds = {
      {"changed", [&](Lines& all) { replace(all[4], "acme", "ACME"); }},
      {"removed", [](Lines& all) { all.erase(all.begin() + 4); }},
      {"reordered", [](Lines& all) { std::swap(all[4], all[6]); }},
      {"inserted", [](Lines& all) { all.insert(all.begin() + 6, all[3]); }},
      {"truncated", [](Lines& all) { all.resize(all.size() - 2); }},
      // Without the key a new last line cannot be chained to the previous one.
      {"changed", [&](Lines& all) { replace(all.back(), "OK", "NO"); }},
  };
  for (const auto& [fault, tamper] : kinds) {
    Lines tampered = lines;
    tamper(tampered);
    ASSERT_NE(tampered, lines) << fault;
    const std::string copy = env_.File("copy.jsonl");
    Write(copy, tampered);
    ExpectFinding(fault, {copy});
  }
}

TEST_F(AuditLogE2eTest, LogRotationAndRestartKeepTheChain) {
  SignInToPayables();
  const std::string older = Log() + ".1";
  std::filesystem::rename(Log(), older);
  env_.broker().Signal(SIGHUP);
  AwaitEntry("continues");
  ASSERT_THAT(env_.sessions().GetSession(kReceivables), IsOk());
  AwaitEntry("sign_in outcome OK");
  EXPECT_EQ(env_.StopBroker(), 0);
  env_.StartBroker();
  Await([&] { return env_.admin().Logout(kReceivables).ok(); }, "the new broker to sign out");
  AwaitEntry("log_out outcome OK");
  ExpectIntact({older, Log()});
  ExpectIntact({Log(), older});
  ExpectIntact({Log()});
  ExpectFinding("truncated", {older});
}

TEST_F(AuditLogE2eTest, RemovedTailBlocksSignInsUntilMoved) {
  RemoveTail();
  env_.StartBroker();
  AwaitSession(kPayables);  // a live session is still returned
  EXPECT_EQ(env_.WhyNoSession(kReceivables), Reason::kAuditUnavailable);
  ExpectFinding("truncated");

  std::filesystem::rename(Log(), Log() + ".tampered");
  AwaitSession(kReceivables);
}

TEST_F(AuditLogE2eTest, TailRemovedWithStoreIsReportedForGood) {
  const Lines lines = RemoveTail();
  for (const char* end : {"", "-wal", "-shm"}) {
    std::filesystem::remove(env_.File(absl::StrCat("state/sessions.db", end)));
  }
  env_.StartBroker();
  AwaitSession(kPayables);
  EXPECT_EQ(Summary(ReadLines(Log())[lines.size()]), "head_lost");
  const Json audit = env_.Cli({"--output", "json", "status"}).Json()["audit"];
  EXPECT_EQ(audit["writable"], true);
  EXPECT_NE(audit["message"], "") << "the warning about the lost tail";
  AwaitEntry("sign_in outcome OK");

  EXPECT_EQ(env_.StopBroker(), 0);
  env_.StartBroker();
  AwaitSession(kReceivables);
  AwaitEntry("head_lost");
  const Json finding = ExpectFinding("head_lost");
  EXPECT_EQ(finding["file"], Log());
  EXPECT_EQ(finding["line"], lines.size() + 1);
}

TEST_F(AuditLogE2eTest, UnlinkedFileIsReportedAndCreatedAgain) {
  SignInToPayables();
  std::filesystem::remove(Log());
  // Refused, unless the log checks its file at this moment.
  (void)env_.sessions().GetSession(kReceivables);
  Await(
      [&] {
        return env_.CountEvents("audit_state", {{"writable", false}}) > 0;
      },
      "the loss of the file to be logged");
  AwaitSession(kReceivables);
  AwaitEntry("recovered");
  ExpectFinding("file_lost");
}

TEST_F(AuditLogE2eTest, FileEmptiedWhileStoppedIsDetected) {
  SignInToPayables();
  EXPECT_EQ(env_.StopBroker(), 0);
  const Lines before = ReadLines(Log());
  Write(Log(), {});
  env_.StartBroker();
  AwaitSession(kReceivables);
  AwaitEntry("sign_in outcome OK");
  ExpectFinding("file_lost");
  const std::string older = env_.File("older.jsonl");
  Write(older, before);
  ExpectIntact({older, Log()});
}

}  // namespace
}  // namespace billbroker

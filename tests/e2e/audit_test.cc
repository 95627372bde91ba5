// The audit log of a running broker: what is on it, what is found out, and what a log that cannot
// be written means.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/e2e/house.h"
#include "tests/support/freezable_disk.h"
#include "tests/support/small_disk.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

using Json = nlohmann::json;

std::vector<std::string> LinesOf(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line + "\n");
  return lines;
}

void Write(const std::string& path, const std::vector<std::string>& lines) {
  std::ofstream file(path);
  for (const std::string& line : lines) file << line;
}

// "sign_in outcome OK" and the like.
std::string Summary(const std::string& line) {
  const Json json = Json::parse(line);
  std::string summary = json.value("kind", "");
  for (const char* member : {"phase", "outcome"}) {
    if (json.contains(member)) absl::StrAppend(&summary, " ", json[member].get<std::string>());
  }
  return summary;
}

class AuditE2eTest : public ::testing::Test {
 protected:
  explicit AuditE2eTest(const House::Options& options = {}) : house_(options) {
    house_.StartBroker();
    EXPECT_TRUE(house_.CreateAcme().ok());
  }

  [[nodiscard]] std::string Log() const { return house_.File("state/audit.jsonl"); }
  // Outcomes are written soon after their calls were answered.
  [[nodiscard]] bool Says(const std::string& summary, int times = 1) const {
    return Eventually([&] {
      int found = 0;
      for (const std::string& line : LinesOf(Log())) found += Summary(line) == summary;
      return found >= times;
    });
  }
  // Signs in, stops the broker, and takes the last two lines off its log. Returns what is left.
  std::vector<std::string> CutOffTheTail() {
    EXPECT_TRUE(house_.sessions().GetSession(kPayables).ok());
    EXPECT_TRUE(Says("sign_in outcome OK"));
    EXPECT_EQ(house_.StopBroker(), 0);
    std::vector<std::string> lines = LinesOf(Log());
    lines.resize(lines.size() - 2);
    Write(Log(), lines);
    return lines;
  }
  [[nodiscard]] House::Output Verify(const std::vector<std::string>& files) const {
    std::vector<std::string> command = {"audit", "verify"};
    command.insert(command.end(), files.begin(), files.end());
    return house_.Cli(command);
  }

  House house_;
};

TEST_F(AuditE2eTest, WhoDidWhatIsOnTheLogAndNoSecretIs) {
  const absl::StatusOr<ClientSession> session = house_.sessions().GetSession(kPayables);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(*house_.admin().Logout(kPayables));
  const std::string policy = house_.File("policy.toml");
  const std::string text =
      absl::StrCat("[[principal]]\nname = \"unix:me\"\nusers = [\"", ::geteuid(),
                   "\"]\n[[grant]]\nprincipals = [\"unix:me\"]\nrole = \"reader\"\norganizations = "
                   "[\"none\"]\n");
  std::ofstream(policy) << text;
  house_.broker().Signal(SIGHUP);
  EXPECT_TRUE(Says("policy_reload outcome OK"));
  EXPECT_TRUE(Eventually([&] { return house_.WhyNoSession(kPayables) == Reason::kNotGranted; }));
  EXPECT_TRUE(Says("refusal outcome PERMISSION_DENIED"));

  std::vector<std::string> summaries;
  std::uint64_t sequence = 0;
  for (const std::string& line : LinesOf(Log())) {
    summaries.push_back(Summary(line));
    EXPECT_EQ(Json::parse(line)["sequence"], ++sequence);
    for (const std::string_view secret : {kAcmePassword, kAcmeDevKey}) {
      EXPECT_THAT(line, Not(HasSubstr(std::string(secret))));
    }
    EXPECT_THAT(line, Not(HasSubstr(std::string(session->session_id.Reveal()))));
  }
  EXPECT_EQ(summaries[0], "start");
  EXPECT_THAT(summaries, IsSupersetOf({"credential_change intent", "credential_change outcome OK",
                                       "sign_in intent", "sign_in outcome OK", "log_out intent",
                                       "log_out outcome OK", "policy_reload intent"}));
  for (const std::string& line : LinesOf(Log())) {
    const Json json = Json::parse(line);
    if (json["kind"] == "log_out") {
      EXPECT_EQ(json["principal"], "unix:test");
      EXPECT_EQ(json["uid"], ::geteuid());
      EXPECT_EQ(json["rpc"], "SessionService/Logout");
      EXPECT_EQ(json["organization"], kPayables);
    }
    if (json["kind"] == "sign_in") {
      EXPECT_EQ(json["principal"], "unix:test");
      EXPECT_EQ(json["credential"], "acme");
    }
  }
}

TEST_F(AuditE2eTest, TamperingOfEachKindIsFound) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(house_.sessions().GetSession(kPayables).ok());
    ASSERT_TRUE(*house_.admin().Logout(kPayables));
  }
  ASSERT_TRUE(Says("log_out outcome OK", 3));
  const House::Output good = Verify({});
  EXPECT_EQ(good.exit_code, 0) << good.text;
  const std::vector<std::string> lines = LinesOf(Log());
  ASSERT_GE(lines.size(), 10U);

  using Lines = std::vector<std::string>;
  const std::vector<std::pair<std::string, std::function<void(Lines&)>>> kinds = {
      {"changed",
       [](Lines& all) {
         all[4] = absl::StrReplaceAll(all[4], {{"acme", "ACME"}});
       }},
      {"removed", [](Lines& all) { all.erase(all.begin() + 4); }},
      {"reordered", [](Lines& all) { std::swap(all[4], all[6]); }},
      {"inserted", [](Lines& all) { all.insert(all.begin() + 6, all[3]); }},
      {"truncated", [](Lines& all) { all.resize(all.size() - 2); }},
      // By somebody without the key: what is put in the place of the tail cannot be chained.
      {"changed",
       [](Lines& all) {
         all.back() = absl::StrReplaceAll(all.back(), {{"OK", "NO"}});
       }},
  };
  for (const auto& [fault, tamper] : kinds) {
    Lines tampered = lines;
    tamper(tampered);
    ASSERT_NE(tampered, lines) << fault;
    const std::string copy = house_.File("copy.jsonl");
    Write(copy, tampered);
    const House::Output found = Verify({copy});
    EXPECT_EQ(found.exit_code, 1) << fault << ": " << found.text;
    EXPECT_THAT(found.text, HasSubstr(fault));
  }
}

TEST_F(AuditE2eTest, ARotationAndARestartKeepTheChain) {
  ASSERT_TRUE(house_.sessions().GetSession(kPayables).ok());
  ASSERT_TRUE(Says("sign_in outcome OK"));
  const std::string older = Log() + ".1";
  std::filesystem::rename(Log(), older);
  house_.broker().Signal(SIGHUP);
  EXPECT_TRUE(Says("continues"));
  ASSERT_TRUE(house_.sessions().GetSession(kReceivables).ok());
  ASSERT_TRUE(Says("sign_in outcome OK"));
  EXPECT_EQ(house_.StopBroker(), 0);
  house_.StartBroker();
  ASSERT_TRUE(Eventually([&] { return house_.admin().Logout(kReceivables).ok(); }));
  ASSERT_TRUE(Says("log_out outcome OK"));
  for (const std::vector<std::string>& files :
       {std::vector<std::string>{older, Log()}, {Log(), older}, {Log()}}) {
    const House::Output verified = Verify(files);
    EXPECT_EQ(verified.exit_code, 0) << verified.text;
  }
  const House::Output without_the_newest = Verify({older});
  EXPECT_EQ(without_the_newest.exit_code, 1);
  EXPECT_THAT(without_the_newest.text, HasSubstr("truncated"));
}

TEST_F(AuditE2eTest, ATailCutOffWhileTheBrokerIsDownIsFoundAndNothingIsDoneUntilItIsMovedAway) {
  CutOffTheTail();
  house_.StartBroker();
  EXPECT_TRUE(Eventually([&] { return house_.sessions().GetSession(kPayables).ok(); }))
      << "it is live";
  EXPECT_EQ(house_.WhyNoSession(kReceivables), Reason::kAuditUnavailable);
  const House::Output found = Verify({});
  EXPECT_EQ(found.exit_code, 1) << found.text;
  EXPECT_THAT(found.text, HasSubstr("truncated"));

  std::filesystem::rename(Log(), Log() + ".tampered");
  EXPECT_TRUE(Eventually([&] { return house_.sessions().GetSession(kReceivables).ok(); }));
}

TEST_F(AuditE2eTest, ATailCutOffWithTheStoreThatKnewItIsSaidAndFoundForGood) {
  const std::vector<std::string> lines = CutOffTheTail();
  for (const char* end : {"", "-wal", "-shm"}) {
    std::filesystem::remove(house_.File(absl::StrCat("state/sessions.db", end)));
  }
  house_.StartBroker();
  EXPECT_TRUE(Eventually([&] { return house_.sessions().GetSession(kPayables).ok(); }));
  EXPECT_EQ(Summary(LinesOf(Log())[lines.size()]), "head_lost");
  EXPECT_THAT(house_.Log(), HasSubstr("its head, which is kept apart, was not there"));
  EXPECT_THAT(house_.Cli({"status"}).text, HasSubstr("would not be found out"));
  ASSERT_TRUE(Says("sign_in outcome OK"));

  EXPECT_EQ(house_.StopBroker(), 0);
  house_.StartBroker();
  ASSERT_TRUE(Eventually([&] { return house_.sessions().GetSession(kReceivables).ok(); }));
  EXPECT_TRUE(Says("head_lost"));
  const House::Output found = Verify({});
  EXPECT_EQ(found.exit_code, 1) << found.text;
  EXPECT_THAT(found.text, HasSubstr(absl::StrCat(Log(), ":", lines.size() + 1)));
  EXPECT_THAT(found.text, HasSubstr("head lost"));
}

TEST_F(AuditE2eTest, AnUnlinkedFileIsSaidAndMadeAnew) {
  ASSERT_TRUE(house_.sessions().GetSession(kPayables).ok());
  ASSERT_TRUE(Says("sign_in outcome OK"));
  std::filesystem::remove(Log());
  // Refused, unless the log was just then looking after its file.
  (void)house_.sessions().GetSession(kReceivables);
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(house_.Log(), "it was deleted"); }));
  EXPECT_TRUE(Eventually([&] { return house_.sessions().GetSession(kReceivables).ok(); }));
  EXPECT_TRUE(Says("recovered"));
  const House::Output found = Verify({});
  EXPECT_EQ(found.exit_code, 1) << found.text;
  EXPECT_THAT(found.text, HasSubstr("file_lost"));
}

TEST_F(AuditE2eTest, AFileEmptiedWhileTheBrokerIsDownIsFoundInWhatComesAfter) {
  ASSERT_TRUE(house_.sessions().GetSession(kPayables).ok());
  ASSERT_TRUE(Says("sign_in outcome OK"));
  EXPECT_EQ(house_.StopBroker(), 0);
  const std::vector<std::string> before = LinesOf(Log());
  Write(Log(), {});
  house_.StartBroker();
  ASSERT_TRUE(Eventually([&] { return house_.sessions().GetSession(kReceivables).ok(); }));
  ASSERT_TRUE(Says("sign_in outcome OK"));
  const House::Output found = Verify({});
  EXPECT_EQ(found.exit_code, 1) << found.text;
  EXPECT_THAT(found.text, HasSubstr("file_lost"));
  const std::string older = house_.File("older.jsonl");
  Write(older, before);
  const House::Output whole = Verify({older, Log()});
  EXPECT_EQ(whole.exit_code, 0) << whole.text;
}

// What the health service says of `name`. Debian ships no client for it: `service` of the request
// and `status` of the answer are field 1, both written by hand.
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
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return status.error_message();
  grpc::Slice got;
  if (!answer.DumpToSingleSlice(&got).ok() || got.size() != 2) return "no answer";
  return got.begin()[1] == 1 ? "SERVING" : "NOT_SERVING";
}

House::Options LoggingTo(const std::string& file, const std::string& more = "") {
  House::Options options;
  options.config = absl::StrCat("[audit]\nfile = \"", file, "\"\n", more);
  return options;
}

// Changes are served as `changes` says, and live sessions all the time.
bool ComesToSay(const House& house, const std::string& changes) {
  for (const char* name : {"", "billbroker.v1.SessionService"}) {
    EXPECT_EQ(Health(house.socket(), name), "SERVING") << name;
  }
  return Eventually([&] {
    return Health(house.socket(), "billbroker.v1.AuditService") == changes &&
           Health(house.socket(), "billbroker.v1.CredentialService") == changes;
  });
}

class SmallDiskAuditTest : public ::testing::Test {
 protected:
  [[nodiscard]] House::Options OnTheDisk() const { return LoggingTo(disk_.File("audit.jsonl")); }

  const SmallDisk disk_;
};

TEST_F(SmallDiskAuditTest, AFullDiskRefusesSignInsAndChangesAndNothingElseUntilThereIsRoom) {
  if (!disk_.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  House house(OnTheDisk());
  house.StartBroker();
  ASSERT_TRUE(house.CreateAcme().ok());
  ASSERT_TRUE(house.sessions().GetSession(kPayables).ok());
  disk_.Fill();
  // What is left of the file's last page takes some more lines, the shorter the longer.
  const client::CredentialVersion none = {"none", std::string(32, '0'), 1};
  int refused = 0;
  EXPECT_TRUE(Eventually([&] {
    (void)house.admin().Logout(kReceivables);
    const bool no_change =
        HasReason(house.credentials().Delete(none, false), Reason::kAuditUnavailable);
    const bool no_sign_in = house.WhyNoSession(kReceivables) == Reason::kAuditUnavailable;
    refused = no_change && no_sign_in ? refused + 1 : 0;
    return refused == 3;
  }));
  EXPECT_TRUE(HasReason(house.CreateBooks(), Reason::kAuditUnavailable));
  EXPECT_TRUE(house.sessions().GetSession(kPayables).ok()) << "a live session is handed out";
  const int sign_ins = house.SignIns();
  EXPECT_EQ(house.WhyNoSession(kReceivables), Reason::kAuditUnavailable);
  EXPECT_EQ(house.SignIns(), sign_ins);
  const House::Output status = house.Cli({"status"});
  EXPECT_THAT(status.text, HasSubstr("sign-ins and changes are refused: "));
  EXPECT_THAT(status.text, HasSubstr("the disk is full; free some space"));
  EXPECT_TRUE(ComesToSay(house, "NOT_SERVING"));

  disk_.MakeRoom();
  EXPECT_TRUE(Eventually([&] { return house.sessions().GetSession(kReceivables).ok(); }));
  EXPECT_TRUE(ComesToSay(house, "SERVING"));
  EXPECT_TRUE(house.CreateBooks().ok());
  const House::Output verified = house.Cli({"audit", "verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.text;
}

TEST_F(SmallDiskAuditTest, ADiskThatBecomesReadOnlyIsSaidAndItGoesOnByItselfOnceItCanBeWritten) {
  if (!disk_.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  House house(OnTheDisk());
  house.StartBroker();
  ASSERT_TRUE(house.CreateAcme().ok());
  ASSERT_TRUE(house.sessions().GetSession(kPayables).ok());
  ASSERT_TRUE(disk_.Cover());
  // The file that is open takes what comes until the log looks at its path.
  absl::Status refused;
  EXPECT_TRUE(Eventually([&] {
    (void)house.admin().Logout(kReceivables);
    refused = house.sessions().GetSession(kReceivables).status();
    return HasReason(refused, Reason::kAuditUnavailable);
  }));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the file system is read-only"));
  EXPECT_THAT(house.Cli({"status"}).text, HasSubstr("the file system is read-only"));
  EXPECT_TRUE(ComesToSay(house, "NOT_SERVING"));
  EXPECT_TRUE(house.sessions().GetSession(kPayables).ok()) << "a live session is handed out";

  ASSERT_TRUE(disk_.Uncover());
  EXPECT_TRUE(ComesToSay(house, "SERVING"));
  EXPECT_TRUE(house.sessions().GetSession(kReceivables).ok());
  const House::Output verified = house.Cli({"audit", "verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.text;
}

TEST_F(SmallDiskAuditTest, ABrokerDoesNotStartWhereItsAuditFolderIsReadOnly) {
  if (!disk_.mounted()) GTEST_SKIP() << "cannot mount a small disk here";
  const House house(OnTheDisk());
  ASSERT_TRUE(disk_.SetReadOnly(true));
  const House::Output refused = house.RunBroker(house.File("broker.toml"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.text, HasSubstr("is not writable: Read-only file system"));
}

TEST(FrozenDiskAuditTest, ADeviceThatHangsHoldsNobodyForLongAndLiveSessionsNotAtAll) {
  FreezableDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a disk that freezes here";
  House house(LoggingTo(disk.File("audit.jsonl"), "longest_wait = \"1s\"\n"));
  house.StartBroker();
  ASSERT_TRUE(house.CreateAcme().ok());
  ASSERT_TRUE(house.sessions().GetSession(kPayables).ok());
  const int sign_ins = house.SignIns();
  ASSERT_TRUE(disk.Freeze());
  const absl::Status refused = house.sessions().GetSession(kReceivables).status();
  EXPECT_TRUE(HasReason(refused, Reason::kAuditUnavailable)) << refused;
  EXPECT_TRUE(HasReason(house.CreateBooks(), Reason::kAuditUnavailable));
  EXPECT_EQ(house.SignIns(), sign_ins);
  EXPECT_TRUE(house.sessions().GetSession(kPayables).ok()) << "a live session is handed out";
  EXPECT_TRUE(ComesToSay(house, "NOT_SERVING"));
  EXPECT_THAT(house.Cli({"status"}).text, HasSubstr("sign-ins and changes are refused: "));

  disk.Thaw();
  EXPECT_TRUE(Eventually([&] { return house.sessions().GetSession(kReceivables).ok(); }));
  EXPECT_TRUE(ComesToSay(house, "SERVING"));
  EXPECT_TRUE(house.CreateBooks().ok());
  const House::Output verified = house.Cli({"audit", "verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.text;
}

}  // namespace
}  // namespace billbroker

#include "tests/e2e/keyring_faults_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kBranch[] = "00801CLIENTBRANCH0009";
constexpr char kMill[] = "watermill-payables-user";
constexpr const char* kKeyringChecks[] = {"bus",  "provider", "collection",
                                          "lock", "key",      "documents"};

TestEnvironment::Options OnEmptyBus() {
  TestEnvironment::Options options;
  options.keyring = PrivateBus::Start::kBus;
  options.keyring_timeout = absl::Seconds(2);
  return options;
}

// An unknown organization or credential would be a permanent error for the caller.
void ExpectTemporary(const absl::Status& status) {
  EXPECT_THAT(status, Not(HasReason(Reason::kUnknownOrganization)));
  EXPECT_THAT(status, Not(HasReason(Reason::kUnknownCredential)));
}

void ExpectAnswer(const absl::Status& status, const FaultAnswer& answer) {
  if (!answer.reason.has_value()) {
    EXPECT_THAT(status, IsOk());
    return;
  }
  EXPECT_THAT(status, HasReason(*answer.reason));
  EXPECT_THAT(std::string(status.message()), HasSubstr(answer.text));
  if (answer.vault_state.empty()) {
    EXPECT_THAT(status, Not(HasMetadata("vault_state", ::testing::_)));
  } else {
    EXPECT_THAT(status, HasMetadata("vault_state", answer.vault_state));
  }
}

void ExpectText(const std::string& text, const std::string& part) {
  EXPECT_THAT(text, HasSubstr(part));
  EXPECT_EQ(text.empty(), part.empty()) << text;
}

bool IsReason(const absl::Status& status, const absl::optional<Reason>& reason) {
  return reason.has_value() ? HasReason(status, *reason) : status.ok();
}

}  // namespace

KeyringFaultsTest::KeyringFaultsTest()
    : env_(OnEmptyBus()), stub_(env_.bus().address()), keyring_(env_.bus(), stub_) {}

void KeyringFaultsTest::Begin() {
  env_.StartBroker();
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  ASSERT_THAT(env_.CreateBooks(), IsOk());
  const absl::StatusOr<v1::Credential> books = env_.credentials().Get(kBooks);
  ASSERT_THAT(books, IsOk());
  books_ = VersionOf(*books);
  absl::StatusOr<ClientSession> session = env_.sessions().GetSession(kPayables);
  ASSERT_THAT(session, IsOk());
  live_ = *std::move(session);
}

void KeyringFaultsTest::AwaitFault() {
  const std::vector<FaultEvent>& events = GetParam().events;
  const auto is_logged = [&](const FaultEvent& event) {
    return env_.CountEvents(event.name, event.fields) > 0;
  };
  Await([&] { return events.empty() || std::any_of(events.begin(), events.end(), is_logged); },
        "the event of the fault");
  const std::string& state = GetParam().state;
  Await(
      [&] {
        const nlohmann::json vault = env_.Cli({"--output", "json", "status"}).Json()["vault"];
        return vault["state"] == state && vault["invalid_documents"].empty() != DocumentIsInvalid();
      },
      absl::StrCat("the status ", state));
}

void KeyringFaultsTest::ExpectLiveSessionIsServed() {
  const absl::StatusOr<ClientSession> session = env_.sessions().GetSession(kPayables);
  ASSERT_THAT(session, IsOk());
  EXPECT_EQ(session->generation, live_->generation);
  EXPECT_TRUE(session->session_id == live_->session_id);
}

void KeyringFaultsTest::ExpectColdCallerGets(const FaultAnswer& answer) {
  absl::Status status;
  Await(
      [&] {
        status = env_.sessions().GetSession(kBakery).status();
        ExpectTemporary(status);
        return IsReason(status, answer.reason);
      },
      "the answer to a caller without a session");
  ExpectAnswer(status, answer);
}

void KeyringFaultsTest::ExpectStatusShowsIt() {
  const TestEnvironment::Output output = env_.Cli({"--output", "json", "status"});
  EXPECT_EQ(output.exit_code, 0);
  const nlohmann::json vault = output.Json()["vault"];
  const KeyringFault& row = GetParam();
  EXPECT_EQ(vault["state"], row.state);
  ExpectText(vault["detail"], row.detail);
  ExpectText(vault["fix"], row.fix);
  const nlohmann::json books = nlohmann::json::array({kBooks});
  EXPECT_EQ(vault["invalid_documents"], DocumentIsInvalid() ? books : nlohmann::json::array());
}

void KeyringFaultsTest::ExpectDoctorFindsIt() {
  const KeyringFault& row = GetParam();
  const nlohmann::json checks = env_.Cli({"--output", "json", "doctor"}).Json()["checks"];
  bool found = false;
  for (const nlohmann::json& check : checks) {
    const std::string name = check["check"];
    if (std::count(std::begin(kKeyringChecks), std::end(kKeyringChecks), name) == 0) continue;
    const bool is_problem = check["state"] == "problem";
    EXPECT_EQ(is_problem, name == row.check) << check;
    if (!is_problem) continue;
    found = true;
    EXPECT_THAT(check["finding"].get<std::string>(), HasSubstr(row.detail));
    EXPECT_THAT(check["fix"].get<std::string>(), HasSubstr(row.fix));
    EXPECT_THAT(check["fix"].get<std::string>(), Not(IsEmpty()));
  }
  EXPECT_EQ(found, !row.check.empty());
}

void KeyringFaultsTest::ExpectEvents() {
  if (!GetParam().events.empty()) return;  // AwaitFault() has seen it
  EXPECT_EQ(env_.CountEvents("vault_document_invalid"), 0);
  EXPECT_EQ(env_.CountEvents("vault_state"), 1);  // ready, at the start
}

absl::Status KeyringFaultsTest::Change() {
  switch (GetParam().operator_change) {
    case OperatorChange::kAttach: {
      std::vector<NewOrganization> branch;
      branch.push_back({kBranch, SecretString::CopyOf(kBakeryDevKey)});
      return env_.credentials().Attach(books_, branch).status();
    }
    case OperatorChange::kCreate: {
      NewCredential mill;
      mill.name = kMill;
      mill.environment = "sandbox";
      mill.username = "payables@watermill.example";
      mill.dev_key = SecretString::CopyOf(kAcmeDevKey);
      mill.password = SecretString::CopyOf(kAcmePassword);
      mill.organizations.push_back({kBranch, {}});
      return env_.credentials().Create(mill).status();
    }
    case OperatorChange::kDelete:
      break;
  }
  return env_.credentials().Delete(books_, /*force=*/true);
}

void KeyringFaultsTest::ExpectChangeGets(const FaultAnswer& answer) {
  ExpectAnswer(Change(), answer);
}

void KeyringFaultsTest::AwaitRecovery() {
  env_.AwaitReadyVault();
  ExpectColdCallerGets({});
}

void KeyringFaultsTest::ExpectNothingEndedAtBill() {
  EXPECT_EQ(env_.bill().model().CountsJson()["paths"].value("/v3/logout", 0), 0);
  EXPECT_EQ(env_.SignIns(), 1);
}

}  // namespace billbroker

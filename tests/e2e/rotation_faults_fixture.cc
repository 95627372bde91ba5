#include "tests/e2e/rotation_faults_fixture.h"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/simulator/generated_world.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kKilled = 128 + SIGKILL;
constexpr int kUsers = 30;  // each user serves for one death

TestEnvironment::Options MakeOptions(absl::Duration keyring_timeout) {
  TestEnvironment::Options options;
  options.keyring_timeout = keyring_timeout;
  options.data =
      nlohmann::json(
          {{"generate",
            {{"organizations", 2 * kUsers}, {"users", kUsers}, {"dev_keys", 2 * kUsers}}}})
          .dump();
  return options;
}

}  // namespace

RotationFaultsTest::RotationFaultsTest(absl::Duration keyring_timeout)
    : env_(MakeOptions(keyring_timeout)) {
  env_.StartBroker();
}

RotationFaultsTest::~RotationFaultsTest() {
  const std::string log = env_.Log();
  EXPECT_THAT(log, Not(HasSubstr("secret-0")));
  EXPECT_THAT(log, Not(HasSubstr("devkey-0")));
}

void RotationFaultsTest::Die(const FaultedChange& change, const FaultStep& step, bool resume) {
  SCOPED_TRACE(absl::StrCat(step.point, resume ? ", then resumed" : ", then cancelled"));
  Prepare(change);
  const std::string session = StoredSessionOfBystander();
  SetAtBill(change.accepted ? candidate_ : current_);
  env_.KillBroker();
  Start({"env", absl::StrCat("BILLBROKER_FAULT_POINT=", step.point)});
  const absl::Status status = Change(change);
  const bool survived = status.ok() || DetailsOf(status).has_value();
  if (survived) env_.KillBroker();
  ASSERT_FALSE(survived) << "the broker did not die: " << status;
  ASSERT_EQ(env_.broker().Wait(), kKilled);
  ExpectStored(change, step.left);
  Start();
  ExpectShown(step.left);
  if (step.left != Left::kNew) {
    EXPECT_EQ(SessionOfBystander(), session);
  }
  if (step.left == Left::kStaged) Resolve(change, resume);
  ExpectSignInWorks();
}

void RotationFaultsTest::StopKeyringAt(int write, Reason reason) {
  SCOPED_TRACE(absl::StrCat("write ", write));
  const FaultedChange rotation;
  Prepare(rotation);
  const std::string session = StoredSessionOfBystander();
  SetAtBill(candidate_);
  env_.KillBroker();
  Start({"env", absl::StrCat("BILLBROKER_FAULT_POINT=vault.before_write:", write, ":", SIGSTOP)});
  std::thread rotating([&] { EXPECT_THAT(Change(rotation), HasReason(reason)); });
  Await([&] { return BrokerIsStopped(); }, "the broker to stop itself before the write");
  env_.bus().StopProvider();
  env_.broker().Signal(SIGCONT);
  rotating.join();
  EXPECT_EQ(SessionOfBystander(), session);
  env_.bus().ContinueProvider();
  const Left left = write == 1 ? Left::kStaged : Left::kNew;
  const auto is_shown = [&] {
    const auto shown = env_.credentials().Get(name_);
    return shown.ok() && shown->version() == version_ + (left == Left::kNew ? 1 : 0) &&
           shown->has_pending_rotation() == (left == Left::kStaged);
  };
  Await(is_shown, "the completed write to be shown");
  // The credential is read again at once; sign-ins wait for the next probe of the keyring.
  const auto is_ready = [this] {
    const auto status = env_.admin().GetStatus();
    return status.ok() && status->vault().state() == v1::VAULT_STATE_READY;
  };
  Await(is_ready, "the keyring to be ready");
  ExpectStored(rotation, left);
  if (left == Left::kStaged) Resolve(rotation, /*resume=*/true);
  ExpectSignInWorks();
  env_.KillBroker();
  Start();
}

// The first call after a restart may fail with the connection to the previous broker.
void RotationFaultsTest::Start(const std::vector<std::string>& wrapper) {
  env_.StartBroker(wrapper);
  Await([&] { return env_.admin().GetStatus().ok(); }, "the broker to answer");
}

// Creates a credential of another user, with `current_` in effect. A rotation sets `candidate_`; a
// roll-back restores it.
void RotationFaultsTest::Prepare(const FaultedChange& change) {
  ++user_;
  ASSERT_LT(user_, kUsers);
  name_ = absl::StrCat("rotation-faults-user-", user_);
  const Secrets first = {billsim::GeneratedSecret(user_), billsim::GeneratedDevKey(user_)};
  const Secrets second = {absl::StrCat("new-", first.password),
                          billsim::GeneratedDevKey(user_ + kUsers)};
  const bool back = change.kind == PastChangeKind::kRolledBack;
  current_ = back ? second : first;
  candidate_ = back ? first : second;
  CreateCredential(first, second);
  if (back) {
    ASSERT_THAT(Rotate(second, /*verify=*/false), IsOk());
  }
  SetAtBill(current_);
  version_ = back ? 2 : 1;
  history_size_ = back ? 1 : 0;
}

void RotationFaultsTest::CreateCredential(const Secrets& first, const Secrets& second) {
  NewCredential credential;
  credential.name = name_;
  credential.environment = "sandbox";
  credential.username = billsim::GeneratedUsername(user_);
  credential.dev_key = SecretString::CopyOf(first.dev_key);
  credential.password = SecretString::CopyOf(first.password);
  for (const std::string& organization : {Proving(), Bystander()}) {
    credential.organizations.push_back({organization, {}});
    EXPECT_THAT(env_.bill().model().ChangeOrganization(
                    organization, {{"dev_keys", {first.dev_key, second.dev_key}}}),
                IsOk());
  }
  EXPECT_THAT(env_.credentials().Create(credential), IsOk());
}

std::string RotationFaultsTest::Proving() const { return billsim::GeneratedOrganizationId(user_); }

std::string RotationFaultsTest::Bystander() const {
  return billsim::GeneratedOrganizationId(user_ + kUsers);
}

void RotationFaultsTest::SetAtBill(const Secrets& secrets) {
  EXPECT_THAT(env_.bill().model().ChangeUser(billsim::GeneratedUsername(user_),
                                             {{"password", secrets.password}}),
              IsOk());
}

std::string RotationFaultsTest::SessionOfBystander() {
  GetSessionOptions with_key;
  with_key.include_dev_key = true;
  const auto session = env_.sessions().GetSession(Bystander(), with_key);
  EXPECT_THAT(session, IsOk());
  if (!session.ok()) return "";
  EXPECT_EQ(env_.UseAtBill(*session), 200);
  return std::string(session->session_id.Reveal());
}

// A sign-in waits until everything before it is on disk.
std::string RotationFaultsTest::StoredSessionOfBystander() {
  std::string session = SessionOfBystander();
  EXPECT_THAT(env_.sessions().GetSession(Proving()), IsOk());
  return session;
}

bool RotationFaultsTest::BrokerIsStopped() {
  std::ifstream in(absl::StrCat("/proc/", env_.broker().pid(), "/stat"));
  std::string pid;
  std::string name;
  std::string state;
  in >> pid >> name >> state;
  return state == "T";
}

absl::Status RotationFaultsTest::Rotate(const Secrets& to, bool verify) {
  CredentialRotation rotation;
  rotation.password = SecretString::CopyOf(to.password);
  rotation.dev_key = SecretString::CopyOf(to.dev_key);
  return env_.credentials().Rotate(CurrentVersion(), rotation, {Proving(), verify}).status();
}

absl::Status RotationFaultsTest::Change(const FaultedChange& change) {
  if (change.kind == PastChangeKind::kRotated) return Rotate(candidate_, change.verify);
  return env_.credentials().Rollback(CurrentVersion(), {Proving(), change.verify}).status();
}

CredentialTarget RotationFaultsTest::CurrentVersion() {
  return VersionOf(*env_.credentials().Get(name_));
}

absl::StatusOr<CredentialPtr> RotationFaultsTest::Stored() {
  const PrivateBus::Attributes attributes = {{"application", "billbroker"}, {"credential", name_}};
  EXPECT_EQ(env_.bus().CountItems(attributes), 1);
  const std::string document =
      env_.bus().Run({"secret-tool", "lookup", "application", "billbroker", "credential", name_});
  return ReadDocument(name_, SecretString::CopyOf(document));
}

void RotationFaultsTest::ExpectSecrets(const Secrets& expected, const SecretString& password,
                                       const SecretString& dev_key) {
  EXPECT_TRUE(password == SecretString::CopyOf(expected.password));
  EXPECT_TRUE(dev_key == SecretString::CopyOf(expected.dev_key));
}

void RotationFaultsTest::ExpectStored(const FaultedChange& change, Left left) {
  const absl::StatusOr<CredentialPtr> stored = Stored();
  ASSERT_THAT(stored, IsOk());
  const Credential& credential = **stored;
  const bool changed = left == Left::kNew;
  EXPECT_EQ(credential.version, version_ + (changed ? 1 : 0));
  ExpectSecrets(changed ? candidate_ : current_, credential.password, credential.dev_key);
  EXPECT_EQ(credential.organizations.size(), 2u);
  ASSERT_EQ(credential.staged.has_value(), left == Left::kStaged);
  if (left == Left::kStaged) {
    EXPECT_EQ(credential.staged->kind, change.kind);
    const CredentialChange& staged = credential.staged->change;
    ExpectSecrets(candidate_, *staged.password, *staged.dev_key);
  }
  const bool recorded = changed || left == Left::kRefused;
  ASSERT_EQ(credential.history.size(), history_size_ + (recorded ? 1 : 0));
  if (recorded) {
    ExpectHistoryEntry(credential.history.front(),
                       changed ? change.kind : PastChangeKind::kRefused);
  }
  // A later roll-back needs the secrets before the earlier rotation.
  if (!changed && history_size_ > 0) {
    const CredentialChange& before = *credential.history.back().before;
    ExpectSecrets(candidate_, *before.password, *before.dev_key);
  }
}

void RotationFaultsTest::ExpectHistoryEntry(const PastChange& entry, PastChangeKind kind) const {
  EXPECT_EQ(entry.kind, kind);
  EXPECT_EQ(entry.fields, (std::vector<std::string>{"dev_key", "password"}));
  EXPECT_EQ(entry.bill_code, kind == PastChangeKind::kRefused ? "BDC_1101" : "");
  const bool took_effect = kind == PastChangeKind::kRotated || kind == PastChangeKind::kRolledBack;
  EXPECT_EQ(entry.version, version_ + (took_effect ? 1 : 0));
  ASSERT_EQ(entry.before.has_value(), took_effect);
  if (took_effect) ExpectSecrets(current_, *entry.before->password, *entry.before->dev_key);
}

void RotationFaultsTest::ExpectShown(Left left) {
  const TestEnvironment::Output shown = env_.Cli({"--output", "json", "credential", "show", name_});
  ASSERT_EQ(shown.exit_code, 0) << shown.text;
  const nlohmann::json json = nlohmann::json::parse(shown.text, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << shown.text;
  EXPECT_EQ(json["version"], version_ + (left == Left::kNew ? 1 : 0));
  EXPECT_EQ(json["pending_rotation"].is_object(), left == Left::kStaged) << shown.text;
}

void RotationFaultsTest::Resolve(const FaultedChange& change, bool resume) {
  const auto shown = env_.credentials().Get(name_);
  ASSERT_THAT(shown, IsOk());
  const std::string& id = shown->pending_rotation().rotation_id();
  if (!resume) {
    EXPECT_THAT(env_.credentials().CancelRotation(VersionOf(*shown), id), IsOk());
    return ExpectEnded(PastChangeKind::kCancelled);
  }
  const auto resumed = env_.credentials().ResumeRotation(VersionOf(*shown), id);
  if (change.accepted) {
    EXPECT_THAT(resumed, IsOk());
    return ExpectStored(change, Left::kNew);
  }
  EXPECT_THAT(resumed, HasReason(Reason::kCredentialRejected));
  // A roll-back is not tried again if the refusal of the first try is already in the history.
  const bool tried =
      change.kind == PastChangeKind::kRotated || Stored().value()->history.size() > history_size_;
  ExpectEnded(tried ? absl::make_optional(PastChangeKind::kRefused) : absl::nullopt);
}

void RotationFaultsTest::ExpectEnded(absl::optional<PastChangeKind> how) {
  const absl::StatusOr<CredentialPtr> stored = Stored();
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ((*stored)->version, version_);
  EXPECT_FALSE((*stored)->staged.has_value());
  ExpectSecrets(current_, (*stored)->password, (*stored)->dev_key);
  ASSERT_EQ((*stored)->history.size(), history_size_ + (how.has_value() ? 1 : 0));
  if (how.has_value()) ExpectHistoryEntry((*stored)->history.front(), *how);
}

void RotationFaultsTest::ExpectSignInWorks() {
  const absl::StatusOr<CredentialPtr> stored = Stored();
  ASSERT_THAT(stored, IsOk());
  SetAtBill({std::string((*stored)->password.Reveal()), ""});
  EXPECT_THAT(env_.credentials().Verify(CurrentVersion()), IsOk());
  EXPECT_THAT(env_.sessions().GetSession(Proving()), IsOk());
  EXPECT_NE(SessionOfBystander(), "");
}

}  // namespace billbroker

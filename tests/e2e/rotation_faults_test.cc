// kill -9 at each step of a rotation and of a roll-back: what is left is exactly the old state, the
// staged one or the new one, no secret is lost, and it comes to an end. The same where the keyring
// stops in the middle of a write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/house.h"
#include "tests/simulator/generated_world.h"
#include "vault/document.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kKilled = 128 + SIGKILL;
constexpr int kUsers = 30;  // of each house; each dies once

// What a broker that died left in the keyring.
enum class Left { kOld, kStaged, kNew, kRefused };

// Where it dies: a value of BILLBROKER_FAULT_POINT.
struct Step {
  const char* point;
  Left left;
};

constexpr Step kStaging[] = {
    {"rotation.before_staging", Left::kOld},
    {"vault.before_write", Left::kOld},
    {"vault.written", Left::kStaged},
    {"rotation.staged", Left::kStaged},
    {"rotation.before_proof", Left::kStaged},
    {"probe.before_send", Left::kStaged},
    {"probe.sent", Left::kStaged},
    {"probe.answered", Left::kStaged},
    {"rotation.proved", Left::kStaged},
};
constexpr Step kCommitting[] = {
    {"rotation.before_commit", Left::kStaged}, {"vault.before_write:2", Left::kStaged},
    {"vault.written:2", Left::kNew},           {"rotation.committed", Left::kNew},
    {"rotation.before_adoption", Left::kNew},  {"rotation.adopted", Left::kNew},
};
constexpr Step kUnstaging[] = {
    {"rotation.before_unstaging", Left::kStaged},
    {"vault.before_write:2", Left::kStaged},
    {"vault.written:2", Left::kRefused},
    {"rotation.unstaged", Left::kRefused},
};
constexpr Step kWithoutProof[] = {
    {"rotation.before_commit", Left::kOld},
    {"vault.before_write", Left::kOld},
    {"vault.written", Left::kNew},
    {"rotation.committed", Left::kNew},
    {"rotation.before_adoption", Left::kNew},
    {"rotation.adopted", Left::kNew},
};

struct Secrets {
  std::string password;
  std::string dev_key;
};

House::Options World(absl::Duration keyring_timeout) {
  House::Options options;
  options.keyring_timeout = keyring_timeout;
  options.data =
      nlohmann::json(
          {{"generate",
            {{"organizations", 2 * kUsers}, {"users", kUsers}, {"dev_keys", 2 * kUsers}}}})
          .dump();
  return options;
}

class RotationFaultsTest : public ::testing::Test {
 protected:
  struct Case {
    PastChangeKind kind = PastChangeKind::kRotated;  // or kRolledBack
    bool accepted = true;                            // by BILL
    bool verify = true;
  };

  explicit RotationFaultsTest(absl::Duration keyring_timeout = absl::Seconds(10))
      : house(World(keyring_timeout)) {
    house.StartBroker();
  }
  ~RotationFaultsTest() override {
    const std::string log = house.Log();
    EXPECT_THAT(log, Not(HasSubstr("secret-0")));
    EXPECT_THAT(log, Not(HasSubstr("devkey-0")));
  }

  // Dies at each of `steps` twice: what is pending after it is resumed once, and cancelled once.
  template <typename Steps>
  void DieAtEach(const Case& a_case, const Steps& steps) {
    for (const Step& step : steps) {
      Die(a_case, step, /*resume=*/true);
      Die(a_case, step, /*resume=*/false);
    }
  }

  void Die(const Case& a_case, const Step& step, bool resume) {
    SCOPED_TRACE(absl::StrCat(step.point, resume ? ", then resumed" : ", then cancelled"));
    Prepare(a_case);
    const std::string session = LastingSessionOfBystander();
    SetAtBill(a_case.accepted ? candidate_ : in_force_);
    house.KillBroker();
    Start({"env", absl::StrCat("BILLBROKER_FAULT_POINT=", step.point)});
    const absl::Status answer = Change(a_case);
    if (answer.ok() || DetailsOf(answer).has_value()) house.KillBroker();
    ASSERT_FALSE(answer.ok() || DetailsOf(answer).has_value()) << "it did not die: " << answer;
    ASSERT_EQ(house.broker().Wait(), kKilled);
    ExpectStored(a_case, step.left);
    Start();
    ExpectShown(step.left);
    if (step.left != Left::kNew) {
      EXPECT_EQ(SessionOfBystander(), session);
    }
    if (step.left == Left::kStaged) Resolve(a_case, resume);
    ExpectSignInWorks();
    ++deaths_;
  }

  // The first call after a restart may meet the connection that the broker before had.
  void Start(const std::vector<std::string>& wrapper = {}) {
    house.StartBroker(wrapper);
    EXPECT_TRUE(Eventually([&] { return house.admin().GetStatus().ok(); }));
  }

  // The keyring is stopped once the broker has begun its write of this number, which it gives up
  // after a second and which is done when the keyring goes on.
  void StopKeyringAt(int write, Reason answer) {
    SCOPED_TRACE(absl::StrCat("write ", write));
    const Case rotation;
    Prepare(rotation);
    const std::string session = LastingSessionOfBystander();
    SetAtBill(candidate_);
    house.KillBroker();
    Start({"env", absl::StrCat("BILLBROKER_FAULT_POINT=vault.before_write:", write, ":", SIGSTOP)});
    std::thread rotating([&] {
      const absl::Status rotated = Change(rotation);
      EXPECT_TRUE(HasReason(rotated, answer)) << rotated;
    });
    EXPECT_TRUE(Eventually([&] { return BrokerIsStopped(); }));
    house.bus().StopProvider();
    house.broker().Signal(SIGCONT);
    rotating.join();
    EXPECT_EQ(SessionOfBystander(), session);
    house.bus().ContinueProvider();
    const Left left = write == 1 ? Left::kStaged : Left::kNew;
    EXPECT_TRUE(Eventually([&] {
      const auto shown = house.credentials().Get(name_);
      return shown.ok() && shown->version() == version_ + (left == Left::kNew ? 1 : 0) &&
             shown->has_pending_rotation() == (left == Left::kStaged);
    }));
    ExpectStored(rotation, left);
    if (left == Left::kStaged) Resolve(rotation, /*resume=*/true);
    ExpectSignInWorks();
    house.KillBroker();
    Start();
  }

  // A sign-in waits until all that came before it would survive.
  std::string LastingSessionOfBystander() {
    std::string session = SessionOfBystander();
    EXPECT_TRUE(house.sessions().GetSession(Proving()).ok());
    return session;
  }

  [[nodiscard]] bool BrokerIsStopped() {
    std::ifstream in(absl::StrCat("/proc/", house.broker().pid(), "/stat"));
    std::string pid;
    std::string name;
    std::string state;
    in >> pid >> name >> state;
    return state == "T";
  }

  // Another user, with a credential in which `in_force_` is in force. A roll-back brings back
  // `candidate_`, a rotation sets it.
  void Prepare(const Case& a_case) {
    ++user_;
    ASSERT_LT(user_, kUsers);
    name_ = absl::StrCat("user-", user_);
    const Secrets first = {billsim::GeneratedSecret(user_), billsim::GeneratedDevKey(user_)};
    const Secrets second = {absl::StrCat("new-", first.password),
                            billsim::GeneratedDevKey(user_ + kUsers)};
    const bool back = a_case.kind == PastChangeKind::kRolledBack;
    in_force_ = back ? second : first;
    candidate_ = back ? first : second;
    NewCredential credential;
    credential.name = name_;
    credential.environment = "sandbox";
    credential.username = billsim::GeneratedUsername(user_);
    credential.dev_key = SecretString::CopyOf(first.dev_key);
    credential.password = SecretString::CopyOf(first.password);
    for (const std::string& organization : {Proving(), Bystander()}) {
      credential.organizations.push_back({organization, {}});
      EXPECT_EQ(house.bill().model().ChangeOrganization(
                    organization, {{"dev_keys", {first.dev_key, second.dev_key}}}),
                absl::OkStatus());
    }
    ASSERT_EQ(house.credentials().Create(credential).status(), absl::OkStatus());
    if (back) {
      ASSERT_EQ(Rotate(second, /*verify=*/false), absl::OkStatus());
    }
    SetAtBill(in_force_);
    version_ = back ? 2 : 1;
    lines_ = back ? 1 : 0;
  }

  [[nodiscard]] std::string Proving() const { return billsim::GeneratedOrganizationId(user_); }
  [[nodiscard]] std::string Bystander() const {
    return billsim::GeneratedOrganizationId(user_ + kUsers);
  }

  void SetAtBill(const Secrets& secrets) {
    EXPECT_EQ(house.bill().model().ChangeUser(billsim::GeneratedUsername(user_),
                                              {{"password", secrets.password}}),
              absl::OkStatus());
  }

  // The id of the session that the credential's other organization has; it works at BILL.
  std::string SessionOfBystander() {
    GetSessionOptions with_key;
    with_key.include_dev_key = true;
    const auto session = house.sessions().GetSession(Bystander(), with_key);
    EXPECT_TRUE(session.ok()) << session.status();
    if (!session.ok()) return "";
    EXPECT_EQ(house.UseAtBill(*session), 200);
    return std::string(session->session_id.Reveal());
  }

  absl::Status Rotate(const Secrets& to, bool verify) {
    CredentialRotation rotation;
    rotation.password = SecretString::CopyOf(to.password);
    rotation.dev_key = SecretString::CopyOf(to.dev_key);
    return house.credentials().Rotate(Now(), rotation, {Proving(), verify}).status();
  }
  absl::Status Change(const Case& a_case) {
    if (a_case.kind == PastChangeKind::kRotated) return Rotate(candidate_, a_case.verify);
    return house.credentials().Rollback(Now(), {Proving(), a_case.verify}).status();
  }
  [[nodiscard]] client::CredentialVersion Now() {
    return VersionOf(*house.credentials().Get(name_));
  }

  // What the keyring holds, asked without the broker.
  absl::StatusOr<CredentialPtr> Stored() {
    const PrivateBus::Attributes attributes = {{"application", "billbroker"},
                                               {"credential", name_}};
    EXPECT_EQ(house.bus().CountItems(attributes), 1);
    const std::string document = house.bus().Run(
        {"secret-tool", "lookup", "application", "billbroker", "credential", name_});
    return ReadDocument(name_, SecretString::CopyOf(document));
  }

  static void ExpectSecrets(const Secrets& expected, const SecretString& password,
                            const SecretString& dev_key) {
    EXPECT_TRUE(password == SecretString::CopyOf(expected.password));
    EXPECT_TRUE(dev_key == SecretString::CopyOf(expected.dev_key));
  }

  void ExpectStored(const Case& a_case, Left left) {
    const absl::StatusOr<CredentialPtr> stored = Stored();
    ASSERT_TRUE(stored.ok()) << stored.status();
    const Credential& credential = **stored;
    const bool changed = left == Left::kNew;
    EXPECT_EQ(credential.version, version_ + (changed ? 1 : 0));
    ExpectSecrets(changed ? candidate_ : in_force_, credential.password, credential.dev_key);
    EXPECT_EQ(credential.organizations.size(), 2u);
    ASSERT_EQ(credential.staged.has_value(), left == Left::kStaged);
    if (left == Left::kStaged) {
      EXPECT_EQ(credential.staged->kind, a_case.kind);
      const CredentialChange& change = credential.staged->change;
      ExpectSecrets(candidate_, *change.password, *change.dev_key);
    }
    const bool told = changed || left == Left::kRefused;
    ASSERT_EQ(credential.history.size(), lines_ + (told ? 1 : 0));
    if (told) {
      ExpectLine(credential.history.front(), changed ? a_case.kind : PastChangeKind::kRefused);
    }
    // What a roll-back of the roll-back, or of the rotation before it, needs.
    if (!changed && lines_ > 0) {
      const CredentialChange& before = *credential.history.back().before;
      ExpectSecrets(candidate_, *before.password, *before.dev_key);
    }
  }

  void ExpectLine(const PastChange& line, PastChangeKind kind) const {
    EXPECT_EQ(line.kind, kind);
    EXPECT_EQ(line.fields, (std::vector<std::string>{"dev_key", "password"}));
    EXPECT_EQ(line.bill_code, kind == PastChangeKind::kRefused ? "BDC_1101" : "");
    const bool in_force = kind == PastChangeKind::kRotated || kind == PastChangeKind::kRolledBack;
    EXPECT_EQ(line.version, version_ + (in_force ? 1 : 0));
    ASSERT_EQ(line.before.has_value(), in_force);
    if (in_force) ExpectSecrets(in_force_, *line.before->password, *line.before->dev_key);
  }

  // The broker says the same of it.
  void ExpectShown(Left left) {
    const House::Output shown = house.Cli({"--output", "json", "credential", "show", name_});
    ASSERT_EQ(shown.exit_code, 0) << shown.text;
    const nlohmann::json json = nlohmann::json::parse(shown.text, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << shown.text;
    EXPECT_EQ(json["version"], version_ + (left == Left::kNew ? 1 : 0));
    EXPECT_EQ(json["pending_rotation"].is_object(), left == Left::kStaged) << shown.text;
  }

  void Resolve(const Case& a_case, bool resume) {
    const auto shown = house.credentials().Get(name_);
    ASSERT_TRUE(shown.ok()) << shown.status();
    const std::string& id = shown->pending_rotation().rotation_id();
    if (!resume) {
      EXPECT_TRUE(house.credentials().CancelRotation(VersionOf(*shown), id).ok());
      return ExpectEnded(PastChangeKind::kCancelled);
    }
    const auto resumed = house.credentials().ResumeRotation(VersionOf(*shown), id);
    if (a_case.accepted) {
      EXPECT_TRUE(resumed.ok()) << resumed.status();
      return ExpectStored(a_case, Left::kNew);
    }
    EXPECT_TRUE(HasReason(resumed.status(), Reason::kCredentialRejected)) << resumed.status();
    // A roll-back is not tried again once the refusal of the first try was remembered.
    const bool tried =
        a_case.kind == PastChangeKind::kRotated || Stored().value()->history.size() > lines_;
    ExpectEnded(tried ? absl::make_optional(PastChangeKind::kRefused) : absl::nullopt);
  }

  // What was staged is gone, and the history says how.
  void ExpectEnded(absl::optional<PastChangeKind> how) {
    const absl::StatusOr<CredentialPtr> stored = Stored();
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ((*stored)->version, version_);
    EXPECT_FALSE((*stored)->staged.has_value());
    ExpectSecrets(in_force_, (*stored)->password, (*stored)->dev_key);
    ASSERT_EQ((*stored)->history.size(), lines_ + (how.has_value() ? 1 : 0));
    if (how.has_value()) ExpectLine((*stored)->history.front(), *how);
  }

  // With whatever is in force, where BILL takes that.
  void ExpectSignInWorks() {
    const absl::StatusOr<CredentialPtr> stored = Stored();
    ASSERT_TRUE(stored.ok()) << stored.status();
    SetAtBill({std::string((*stored)->password.Reveal()), ""});
    EXPECT_EQ(house.credentials().Verify(Now()), absl::OkStatus());
    EXPECT_TRUE(house.sessions().GetSession(Proving()).ok());
    EXPECT_NE(SessionOfBystander(), "");
  }

  House house;
  int deaths_ = 0;

 private:
  int user_ = -1;
  std::string name_;
  Secrets in_force_;
  Secrets candidate_;
  std::uint64_t version_ = 0;
  std::size_t lines_ = 0;  // of its history
};

TEST_F(RotationFaultsTest, ARotationThatBillAccepts) {
  DieAtEach({}, kStaging);
  DieAtEach({}, kCommitting);
  EXPECT_EQ(deaths_, 30);
}

TEST_F(RotationFaultsTest, ARotationThatBillRefuses) {
  const Case refused = {.accepted = false};
  DieAtEach(refused, kStaging);
  DieAtEach(refused, kUnstaging);
  EXPECT_EQ(deaths_, 26);
}

TEST_F(RotationFaultsTest, ARotationOrRollbackWithoutProof) {
  DieAtEach({.verify = false}, kWithoutProof);
  DieAtEach({.kind = PastChangeKind::kRolledBack, .verify = false}, kWithoutProof);
  EXPECT_EQ(deaths_, 24);
}

// Waits in vain for the keyring, several times.
class StoppedKeyringTest : public RotationFaultsTest {
 protected:
  StoppedKeyringTest() : RotationFaultsTest(absl::Seconds(3)) {}
};

TEST_F(StoppedKeyringTest, AKeyringThatStopsInTheMiddleOfAWrite) {
  StopKeyringAt(1, Reason::kVaultUnreachable);
  StopKeyringAt(2, Reason::kRotationPending);
}

TEST_F(RotationFaultsTest, ARollbackThatBillAccepts) {
  const Case back = {.kind = PastChangeKind::kRolledBack};
  DieAtEach(back, kStaging);
  DieAtEach(back, kCommitting);
  EXPECT_EQ(deaths_, 30);
}

TEST_F(RotationFaultsTest, ARollbackThatBillRefuses) {
  const Case refused = {.kind = PastChangeKind::kRolledBack, .accepted = false};
  DieAtEach(refused, kStaging);
  DieAtEach(refused, kUnstaging);
  EXPECT_EQ(deaths_, 26);
}

}  // namespace
}  // namespace billbroker

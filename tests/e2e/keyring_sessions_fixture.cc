#include "tests/e2e/keyring_sessions_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/simulator/generated_world.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

using ::testing::Not;

// Users 0 to 2 have live sessions; the last user's credential is changed; the others are cold.
// Organization `n` belongs to user `n mod kUsers`.
constexpr int kUsers = 15;
constexpr int kLiveUsers = 3;
constexpr int kChangedUser = kUsers - 1;
constexpr int kColdUsers = kUsers - kLiveUsers - 1;
constexpr int kOrganizationsOfUser = 50;
constexpr int kLiveSessions = kLiveUsers * kOrganizationsOfUser;
constexpr int kCallers = 6;
constexpr double kShareOfHealed = 0.7;
// A changed item alone makes the broker look at attributes once.
constexpr int kReadHasBegun = 3;

std::uint64_t ChooseSeed() {
  const char* text = std::getenv("BILLBROKER_FAULT_SEED");
  std::uint64_t seed = 0;
  if (text != nullptr && absl::SimpleAtoi(text, &seed)) return seed;
  return std::random_device()();
}

TestEnvironment::Options MakeOptions() {
  TestEnvironment::Options options;
  options.keyring = PrivateBus::Start::kBus;
  // Short, because each call that hangs takes that long.
  options.keyring_timeout = absl::Milliseconds(200);
  options.data = nlohmann::json({{"generate",
                                  {{"organizations", kUsers * kOrganizationsOfUser},
                                   {"users", kUsers},
                                   {"dev_keys", kUsers}}}})
                     .dump();
  return options;
}

std::string NameOf(int user) { return absl::StrCat("credential-of-user-", user); }

std::string OrganizationOf(int user, int number) {
  return billsim::GeneratedOrganizationId(number * kUsers + user);
}

std::string LiveOrganization(int number) {
  return OrganizationOf(number % kLiveUsers, number / kLiveUsers);
}

// Each call has another user than the ones before: a credential stays in memory for a second after
// its last use.
std::string ColdOrganization(int number) {
  return OrganizationOf(kLiveUsers + number % kColdUsers, number / kColdUsers);
}

// An unknown organization or credential would be a permanent error.
void ExpectTemporary(const absl::Status& status) {
  EXPECT_THAT(status, Not(HasReason(Reason::kUnknownOrganization)));
  EXPECT_THAT(status, Not(HasReason(Reason::kUnknownCredential)));
}

}  // namespace

KeyringSessionsTest::KeyringSessionsTest()
    : env_(MakeOptions()), stub_(env_.bus().address()), seed_(ChooseSeed()) {}

void KeyringSessionsTest::Begin() {
  env_.StartBroker();
  for (int user = 0; user < kUsers; ++user) CreateCredential(user);
  SignInLiveOrganizations();
}

void KeyringSessionsTest::CreateCredential(int user) {
  NewCredential credential;
  credential.name = NameOf(user);
  credential.environment = "sandbox";
  credential.username = billsim::GeneratedUsername(user);
  credential.dev_key = SecretString::CopyOf(billsim::GeneratedDevKey(user));
  credential.password = SecretString::CopyOf(billsim::GeneratedSecret(user));
  // The last organization of kChangedUser is the one to attach.
  const int attached = kOrganizationsOfUser - (user == kChangedUser ? 1 : 0);
  for (int number = 0; number < attached; ++number) {
    credential.organizations.push_back({OrganizationOf(user, number), {}});
  }
  // On a busy machine the short time-out may pass. It is safe to repeat the request.
  Await(
      [&] {
        const absl::Status created = env_.credentials().Create(credential).status();
        return created.ok() || HasReason(created, Reason::kCredentialExists);
      },
      credential.name);
}

void KeyringSessionsTest::SignInLiveOrganizations() {
  Mutex mutex;
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([this, caller, &mutex] {
      for (int number = caller; number < kLiveSessions; number += kCallers) {
        const std::string organization = LiveOrganization(number);
        std::string id = AwaitSession(organization);
        MutexLock lock(mutex);
        live_[organization] = std::move(id);
      }
    });
  }
}

std::string KeyringSessionsTest::AwaitSession(const std::string& organization) {
  std::string id;
  Await(
      [&] {
        const auto session = env_.sessions().GetSession(organization);
        if (session.ok()) id = std::string(session->session_id.Reveal());
        return session.ok();
      },
      absl::StrCat("a session of ", organization));
  return id;
}

void KeyringSessionsTest::RunRound(int round) {
  SCOPED_TRACE(absl::StrCat("round ", round, ": ", stub_.InjectRandom(random_)));
  if (round % 2 == 0) {
    CallCold(round / 2);
  } else {
    Change();
  }
  ExpectLiveSessionIsServed(round % kLiveSessions);
  if (random_.Uniform() < kShareOfHealed) stub_.Heal();
}

void KeyringSessionsTest::DisturbRead() {
  stub_.Heal();
  stub_.ResetCalls();
  const StubAttributes credentials = {{"kind", "credential"}};
  stub_.SendSignal({"Collection.ItemChanged", stub_.Items(credentials).at(0).path});
  Await(
      [&] {
        const std::vector<StubCall> calls = stub_.Calls();
        return std::count_if(calls.begin(), calls.end(), [](const StubCall& call) {
                 return call.property == "Attributes";
               }) >= kReadHasBegun;
      },
      "the broker to read all credentials");
  std::string faults;
  for (int fault = 0; fault < kFaultsOfRead; ++fault) {
    absl::StrAppend(&faults, stub_.InjectRandomForItems(random_, credentials), "; ");
  }
  SCOPED_TRACE(absl::StrCat("while all credentials are read: ", faults));
  Change();
  ExpectLiveSessionIsServed(0);
  stub_.Heal();
}

void KeyringSessionsTest::CallCold(int number) {
  const std::string organization = ColdOrganization(number);
  const auto session = env_.sessions().GetSession(organization);
  ExpectTemporary(session.status());
  cold_[organization] = session.ok() ? std::string(session->session_id.Reveal()) : "";
}

void KeyringSessionsTest::Change() {
  const auto credential = env_.credentials().Get(NameOf(kChangedUser));
  ASSERT_THAT(credential, IsOk());
  const std::string spare = OrganizationOf(kChangedUser, kOrganizationsOfUser - 1);
  const auto& organizations = credential->organizations();
  const bool is_attached = std::any_of(
      organizations.begin(), organizations.end(),
      [&](const auto& organization) { return organization.organization_id() == spare; });
  if (is_attached) {
    ExpectTemporary(env_.credentials().Detach(VersionOf(*credential), {spare}).status());
    return;
  }
  std::vector<NewOrganization> attached;
  attached.push_back({spare, {}});
  ExpectTemporary(env_.credentials().Attach(VersionOf(*credential), attached).status());
}

void KeyringSessionsTest::ExpectLiveSessionIsServed(int number) {
  const std::string organization = LiveOrganization(number);
  const auto session = env_.sessions().GetSession(organization);
  ASSERT_THAT(session, IsOk());
  EXPECT_EQ(session->session_id.Reveal(), live_[organization]);
}

void KeyringSessionsTest::Heal() {
  stub_.Heal();
  stub_.Restart();
  env_.AwaitReadyVault();
}

void KeyringSessionsTest::ExpectAllSessionsAreServed() {
  for (int number = 0; number < kLiveSessions; ++number) ExpectLiveSessionIsServed(number);
  for (const auto& [organization, session_id] : cold_) {
    const std::string id = AwaitSession(organization);
    EXPECT_TRUE(session_id.empty() || id == session_id) << organization;
  }
}

void KeyringSessionsTest::ExpectNothingEndedAtBill() {
  EXPECT_EQ(env_.bill().model().CountsJson()["paths"].value("/v3/logout", 0), 0);
  for (int user = 0; user < kLiveUsers; ++user) {
    EXPECT_EQ(env_.SignIns(billsim::GeneratedUsername(user)), kOrganizationsOfUser);
  }
}

}  // namespace billbroker

// SessionManagerTest: a session manager on virtual time, over a vault in memory and a scripted
// BILL.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/session/session_manager.h"
#include "tests/support/fake_bill.h"
#include "tests/support/fake_session_observer.h"
#include "tests/support/fake_store.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_ids.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"
#include "vault/base/error.h"

namespace billbroker {

// The organizations of the credential kAcme, which every SessionManagerTest has.
inline constexpr char kFirst[] = "008acme-accounts-payable00000";
inline constexpr char kSecond[] = "008acme-accounts-payable00001";
inline constexpr char kThird[] = "008acme-accounts-payable00002";
// Credentials that a test may add.
inline constexpr char kMany[] = "credential-of-many-organizations";
inline constexpr char kConsole[] = "accountant-console-user";

// The values in MakeCredential(name, …).
inline std::string UidOf(absl::string_view name) { return absl::StrCat("uid-of-", name); }
inline std::string DevKeyOf(absl::string_view name) { return absl::StrCat("dev-key-of-", name); }
inline std::string PasswordOf(absl::string_view name) { return absl::StrCat("password-of-", name); }
inline std::string OrganizationId(int n, absl::string_view name = kAcme) {
  return absl::StrFormat("008%s%05d", name, n);
}

inline Credential MakeCredential(absl::string_view name, int organizations) {
  Credential credential;
  credential.name = std::string(name);
  credential.uid = UidOf(name);
  credential.environment = "sandbox";
  credential.username = absl::StrCat(name, "@example.com");
  credential.dev_key = SecretString::CopyOf(DevKeyOf(name));
  credential.password = SecretString::CopyOf(PasswordOf(name));
  for (int i = 0; i < organizations; ++i) {
    credential.organizations.push_back({OrganizationId(i, name), {}});
  }
  return credential;
}

// Random that always returns one half.
class MiddleRandom final : public Random {
 public:
  double Uniform() override { return 0.5; }
  std::string Uid() override { return "00000000000000000000000000000000"; }
};

// Options with which a session ends when it is idle.
inline SessionManagerOptions WithoutKeepAlive() {
  SessionManagerOptions options;
  options.keep_alive = absl::ZeroDuration();
  return options;
}

// Options with which a slot may sign in as often as its devKey allows.
inline SessionManagerOptions WithoutSlotCap() {
  SessionManagerOptions options;
  options.sign_in.slot_burst = 1'000'000;
  return options;
}

// Matches a status with a time to wait of `delay`, or a little more: callers that are refused
// together are spread over up to 10 s.
inline auto HasSpreadRetryAfter(absl::Duration delay) {
  return HasRetryAfter(
      ::testing::AllOf(::testing::Ge(delay), ::testing::Le(delay + absl::Seconds(10))));
}

class SessionManagerTest : public ::testing::Test {
 protected:
  using Answer = absl::StatusOr<SessionPtr>;

  SessionManagerTest() {
    Store(MakeCredential(kAcme, 3));
    manager.Restore(OpenNow(store, *vault.MasterKey()));
  }

  void Store(const Credential& credential) {
    ASSERT_THAT(vault.Create(credential), IsOk());
    UpdateDirectory(credential);
  }
  void Replace(const Credential& credential) {
    ASSERT_THAT(vault.Replace(credential), IsOk());
    UpdateDirectory(credential);
  }
  void UpdateDirectory(const Credential& credential) {
    credentials.Put(InfoOf(credential, Fingerprinter(*vault.MasterKey())));
  }

  // Calls GetSession() and runs all work that is due now.
  Answer Get(const SessionDemand& options = {}, absl::string_view organization = kFirst) {
    Answer answer = absl::UnknownError("not answered");
    manager.GetSession(organization, "", options,
                       [&answer](Answer given) { answer = std::move(given); });
    executor.RunUntilIdle();
    return answer;
  }
  absl::StatusOr<LoginOutcome> Login(bool force, absl::string_view organization = kFirst) {
    absl::StatusOr<LoginOutcome> answer = absl::UnknownError("not answered");
    manager.Login(organization, "", {force ? SignInForce::kOperator : SignInForce::kNone},
                  [&answer](absl::StatusOr<LoginOutcome> given) { answer = std::move(given); });
    executor.RunUntilIdle();
    return answer;
  }
  absl::StatusOr<bool> Logout(std::uint64_t if_generation = 0,
                              absl::string_view organization = kFirst) {
    absl::StatusOr<bool> answer = absl::UnknownError("not answered");
    manager.Logout(organization, "", if_generation,
                   [&answer](absl::StatusOr<bool> given) { answer = std::move(given); });
    executor.RunUntilIdle();
    return answer;
  }

  static SessionDemand Stale(std::uint64_t generation) {
    SessionDemand options;
    options.stale_generation = generation;
    return options;
  }

  SessionManager::Parts MakeParts() { return MakeParts(executor); }
  SessionManager::Parts MakeParts(Executor& runs_on) { return MakeParts(runs_on, random, store); }
  SessionManager::Parts MakeParts(Executor& runs_on, Random& draws, SessionStore& keeps) {
    return {clock,
            runs_on,
            draws,
            vault,
            vault_health,
            credentials,
            remember_me_refusals,
            bill,
            keeps,
            observer,
            {{"sandbox", "https://bill.example/connect"}}};
  }

  ManualClock clock;
  ManualExecutor executor{clock};
  MiddleRandom random;
  FakeVault vault;
  VaultHealth vault_health;
  CredentialIndex credentials{vault_health};
  RememberMeRefusals remember_me_refusals;
  FakeSessionObserver observer;
  FakeBill bill{executor};
  FakeStore store;
  SessionManager manager{WithoutKeepAlive(), MakeParts()};
};

}  // namespace billbroker

// An engine on virtual time, a vault in memory and a scripted BILL.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/session/engine.h"
#include "tests/support/fake_bill.h"
#include "tests/support/fake_store.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "vault/base/error.h"

namespace billbroker {

// Random that always says one half.
class MiddleRandom final : public Random {
 public:
  double Uniform() override { return 0.5; }
  std::string Uid() override { return "00000000000000000000000000000000"; }
};

class RecordingObserver final : public EngineObserver {
 public:
  absl::Status SignInStarts(const SignInFacts& sign_in) override {
    if (!refusal.ok()) return refusal;
    sent.push_back(sign_in.organization_id);
    principals.push_back(sign_in.principal);
    causes.push_back(sign_in.cause);
    dev_key_ids.push_back(sign_in.dev_key_id);
    return absl::OkStatus();
  }
  void SignInEnded(const SignInFacts&, const absl::Status& outcome, std::uint64_t) override {
    ended.push_back(outcome);
  }
  void LogOutStarts(const Session& session) override { log_outs.push_back(session.generation); }
  void LogOutEnded(const Session&, const absl::Status& outcome) override {
    log_outs_ended.push_back(outcome);
  }
  void SessionEnded(absl::string_view, absl::string_view, std::uint64_t,
                    absl::string_view why) override {
    sessions_ended.emplace_back(why);
  }
  void TrustRefused(absl::string_view credential, absl::string_view) override {
    trust_refused.emplace_back(credential);
  }

  absl::Status refusal;  // of each sign-in, where it is not OK
  std::vector<std::string> sent;
  std::vector<std::string> principals;  // of those
  std::vector<CausePtr> causes;
  std::vector<std::string> dev_key_ids;
  std::vector<std::uint64_t> log_outs;  // generations
  std::vector<absl::Status> log_outs_ended;
  std::vector<absl::Status> ended;
  std::vector<std::string> sessions_ended;
  std::vector<std::string> trust_refused;
};

inline Credential MakeCredential(absl::string_view name, int organizations) {
  Credential credential;
  credential.name = std::string(name);
  credential.uid = absl::StrCat("uid-of-", name);
  credential.environment = "sandbox";
  credential.username = absl::StrCat(name, "@example.com");
  credential.dev_key = SecretString::CopyOf(absl::StrCat("dev-key-of-", name));
  credential.password = SecretString::CopyOf(absl::StrCat("password-of-", name));
  for (int i = 0; i < organizations; ++i) {
    credential.organizations.push_back({absl::StrFormat("008%s%05d", name, i), {}});
  }
  return credential;
}

// So that a test may let a session idle out.
inline EngineOptions WithoutKeepAlive() {
  EngineOptions options;
  options.keep_alive = absl::ZeroDuration();
  return options;
}

class EngineTest : public ::testing::Test {
 protected:
  using Answer = absl::StatusOr<SessionPtr>;

  EngineTest() {
    Store(MakeCredential("acme", 3));
    engine.Restore(store.Open(*vault.MasterKey()));
  }

  void Store(const Credential& credential) {
    ASSERT_TRUE(vault.Create(credential).ok());
    Tell(credential);
  }
  void Replace(const Credential& credential) {
    ASSERT_TRUE(vault.Replace(credential).ok());
    Tell(credential);
  }
  void Tell(const Credential& credential) {
    directory.Put(InfoOf(credential, Fingerprinter(*vault.MasterKey())));
  }

  // Asks, and lets everything run that needs no time.
  Answer Get(const SessionDemand& options = {}, absl::string_view organization = "008acme00000") {
    Answer answer = absl::UnknownError("not answered");
    engine.GetSession(organization, "", options,
                      [&answer](Answer given) { answer = std::move(given); });
    executor.RunUntilIdle();
    return answer;
  }
  absl::StatusOr<LoginOutcome> Login(bool force, absl::string_view organization = "008acme00000") {
    absl::StatusOr<LoginOutcome> answer = absl::UnknownError("not answered");
    engine.Login(organization, "", {force},
                 [&answer](absl::StatusOr<LoginOutcome> given) { answer = std::move(given); });
    executor.RunUntilIdle();
    return answer;
  }
  absl::StatusOr<bool> Logout(std::uint64_t if_generation = 0,
                              absl::string_view organization = "008acme00000") {
    absl::StatusOr<bool> answer = absl::UnknownError("not answered");
    engine.Logout(organization, "", if_generation,
                  [&answer](absl::StatusOr<bool> given) { answer = std::move(given); });
    executor.RunUntilIdle();
    return answer;
  }

  static SessionDemand Stale(std::uint64_t generation) {
    SessionDemand options;
    options.stale_generation = generation;
    return options;
  }

  Engine::Parts MakeParts() { return MakeParts(executor); }
  Engine::Parts MakeParts(Executor& runs_on) {
    return {clock, runs_on,   random,
            vault, directory, bill,
            store, observer,  {{"sandbox", "https://bill.example/connect"}}};
  }

  ManualClock clock;
  ManualExecutor executor{clock};
  MiddleRandom random;
  FakeVault vault;
  Directory directory;
  RecordingObserver observer;
  FakeBill bill{executor};
  FakeStore store;
  Engine engine{WithoutKeepAlive(), MakeParts()};
};

}  // namespace billbroker

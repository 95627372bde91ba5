// What the engine promises after a compromise: no session of the old secrets is handed out, whatever
// was under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

constexpr char kFirst[] = "008acme00000";

class EngineEndSessionsTest : public EngineTest {
 protected:
  // The next version, whose sessions are the first that count.
  Credential Answered() {
    Credential next = (*vault.Load("acme"))->Clone();
    ++next.version;
    next.password = SecretString::CopyOf("next-password");
    PastChange line;
    line.version = next.version;
    line.end_sessions = true;
    next.history.insert(next.history.begin(), std::move(line));
    return next;
  }
};

TEST_F(EngineEndSessionsTest, LiveSessionsEndWithTheChange) {
  const SessionPtr before = *Get();
  Replace(Answered());
  executor.RunUntilIdle();
  EXPECT_FALSE(bill.IsLive(before->keys.session_id->Reveal()));
  const SessionPtr after = *Get();
  EXPECT_EQ(after->version, 2u);
  EXPECT_EQ(bill.sign_ins().back().secret, "next-password");
}

TEST_F(EngineEndSessionsTest, ASignInUnderWayWithTheOldSecretsIsEndedAndRepeated) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  engine.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 1);
  Replace(Answered());
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->version, 2u);
  EXPECT_EQ(bill.CountSignInsOf(kFirst), 2);
  EXPECT_FALSE(bill.IsLive(FakeBill::SessionId(1)));
}

TEST_F(EngineEndSessionsTest, WhatTheProcessBeforeLeftLiveIsEndedAtTheStart) {
  const SessionPtr before = *Get();
  const SessionPtr other = *Get({}, "008acme00001");
  ASSERT_TRUE(vault.Replace(Answered()).ok());  // and died before it could end anything
  Directory later_directory;
  Engine::Parts parts = MakeParts();
  Engine later({}, {parts.clock, parts.executor, parts.random, parts.vault, later_directory,
                    parts.bill, parts.store, parts.observer, parts.base_urls});
  later_directory.Reset({InfoOf(**vault.Load("acme"), Fingerprinter(*vault.MasterKey()))}, {});
  later.Restore(store.Open(*vault.MasterKey()));
  executor.RunUntilIdle();
  EXPECT_EQ(later.RolloutOf("uid-of-acme").live, 0);
  EXPECT_FALSE(bill.IsLive(before->keys.session_id->Reveal()));
  EXPECT_FALSE(bill.IsLive(other->keys.session_id->Reveal()));
}

TEST_F(EngineEndSessionsTest, AProofOfTheOldVersionIsNotAdopted) {
  const CredentialPtr old = *vault.Load("acme");
  ProbeRequest request;
  request.candidate = old;
  request.info = *directory.Get("acme");
  request.organization_id = kFirst;
  SessionPtr proved;
  engine.Probe(std::move(request), [&](const ProbeResult& result) { proved = result.session; });
  executor.RunUntilIdle();
  ASSERT_NE(proved, nullptr);
  Replace(Answered());
  engine.AdoptProbed("uid-of-acme", proved);
  executor.RunUntilIdle();
  EXPECT_EQ(engine.RolloutOf("uid-of-acme").live, 0);
  EXPECT_FALSE(bill.IsLive(proved->keys.session_id->Reveal()));
}

}  // namespace
}  // namespace billbroker

// A change with `end_sessions`: no session of the old secrets is returned afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "server/session/session_state.h"
#include "tests/server/session/model_fixture.h"
#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

class SessionManagerEndSessionsTest : public SessionManagerTest {
 protected:
  // The next version of the credential, which ends the sessions of the previous ones.
  Credential NextVersion() {
    Credential next = (*vault.Load(kAcme))->Clone();
    ++next.version;
    next.password = SecretString::CopyOf("password-that-is-next");
    PastChange line;
    line.version = next.version;
    line.end_sessions = true;
    next.history.insert(next.history.begin(), std::move(line));
    return next;
  }
};

TEST_F(SessionManagerEndSessionsTest, ChangeEndsLiveSessions) {
  const SessionPtr before = *Get();
  Replace(NextVersion());
  executor.RunUntilIdle();
  EXPECT_FALSE(bill.IsLive(before->keys.session_id->Reveal()));
  const SessionPtr after = *Get();
  EXPECT_EQ(after->version, 2u);
  EXPECT_EQ(bill.sign_ins().back().secret, "password-that-is-next");
}

TEST_F(SessionManagerEndSessionsTest, RepeatsSignInThatUsedOldSecrets) {
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", {}, [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 1);
  Replace(NextVersion());
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ((*answer)->version, 2u);
  EXPECT_EQ(bill.CountSignInsOf(kFirst), 2);
  EXPECT_FALSE(bill.IsLive(FakeBill::SessionId(1)));
}

TEST_F(SessionManagerEndSessionsTest, StartEndsSessionsOfPreviousProcess) {
  const SessionPtr before = *Get();
  const SessionPtr other = *Get({}, kSecond);
  ASSERT_THAT(vault.Replace(NextVersion()),
              IsOk());  // the process died before it ended any session
  CredentialIndex later_index(vault_health);
  SessionManager::Parts parts = MakeParts();
  SessionManager later(
      {}, {parts.clock, parts.executor, parts.random, parts.vault, parts.vault_health, later_index,
           parts.remember_me_refusals, parts.bill, parts.store, parts.observer, parts.base_urls});
  later_index.Reset({InfoOf(**vault.Load(kAcme), Fingerprinter(*vault.MasterKey()))}, {});
  later.Restore(OpenNow(store, *vault.MasterKey()));
  executor.RunUntilIdle();
  EXPECT_EQ(later.RolloutOf(UidOf(kAcme)).live, 0);
  EXPECT_FALSE(bill.IsLive(before->keys.session_id->Reveal()));
  EXPECT_FALSE(bill.IsLive(other->keys.session_id->Reveal()));
}

TEST_F(SessionManagerEndSessionsTest, DoesNotAdoptProbeOfOldVersion) {
  const CredentialPtr old = *vault.Load(kAcme);
  ProbeRequest request;
  request.candidate = old;
  request.info = *credentials.Get(kAcme);
  request.organization_id = kFirst;
  SessionPtr proved;
  manager.Probe(std::move(request), [&](const ProbeResult& result) { proved = result.session; });
  executor.RunUntilIdle();
  ASSERT_NE(proved, nullptr);
  Replace(NextVersion());
  manager.AdoptProbed(UidOf(kAcme), proved);
  executor.RunUntilIdle();
  EXPECT_EQ(manager.RolloutOf(UidOf(kAcme)).live, 0);
  EXPECT_FALSE(bill.IsLive(proved->keys.session_id->Reveal()));
}

// More slots than an operation visits while it holds the lock once.
TEST(SessionManagerManySlotsTest, EndsAllSessionsAndFollowsAllSlots) {
  constexpr int kSlots = 2 * kSlotsPerHold + 1;
  SessionManagerOptions options;
  options.sign_in.sign_ins_per_hour = 2 * kSlots;
  options.prewarm_all = true;
  billsim::Settings settings;
  settings.sign_ins_per_hour = 2 * kSlots;
  ModelHouse house({.organizations = kSlots}, options, settings);
  house.executor.Advance(absl::Minutes(10));
  const CredentialInfoPtr info = *house.credentials.Get(ModelHouse::CredentialName(0));
  ASSERT_EQ(house.manager.RolloutOf(info->uid).live, kSlots);

  auto next = std::make_shared<CredentialInfo>(*info);
  ++next->version;
  for (auto& [organization_id, dev_key_id] : next->organizations) {
    dev_key_id = "fingerprint-of-another-devkey";
  }
  house.manager.CredentialChanged(info, next);
  EXPECT_EQ(house.manager.RolloutOf(info->uid).live, kSlots);
  EXPECT_EQ(house.manager.RolloutOf(info->uid).current, 0);

  bool ended = false;
  house.manager.LogoutAll(info->uid, [&ended] { ended = true; });
  house.executor.Advance(absl::Minutes(1));
  EXPECT_TRUE(ended);
  EXPECT_EQ(house.manager.RolloutOf(info->uid).live, 0);
}

}  // namespace
}  // namespace billbroker

#include "server/access/caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::Not;

constexpr absl::Duration kNow = absl::Hours(5);

Policy PolicyOfOneUser(Role role) {
  Policy policy;
  policy.principals = {{"unix:payments-service", {7}, {}}};
  policy.grants = {{{"unix:payments-service"}, role, {"*"}, {}}};
  return policy;
}

TEST(CallerTest, RejectsCallsAboveTheRateUntilTokensRefill) {
  Caller caller("unix:payments-service", Grants(), {2, 3, 100});
  for (int i = 0; i < 3; ++i) EXPECT_THAT(caller.Enter(kNow), IsOk());
  const absl::Status rejected = caller.Enter(kNow);
  EXPECT_THAT(rejected, HasReason(Reason::kCallerLimit));
  EXPECT_THAT(rejected, HasRetryAfter(absl::Milliseconds(500)));
  EXPECT_THAT(rejected, HasMetadata("principal", "unix:payments-service"));
  EXPECT_THAT(caller.Enter(kNow + absl::Milliseconds(499)), Not(IsOk()));
  EXPECT_THAT(caller.Enter(kNow + absl::Milliseconds(501)), IsOk());
  EXPECT_THAT(caller.Enter(kNow + absl::Milliseconds(501)), Not(IsOk()));
}

TEST(CallerTest, BurstIsBounded) {
  Caller caller("unix:payments-service", Grants(), {10, 3, 100});
  int admitted = 0;
  for (int i = 0; i < 10; ++i) admitted += caller.Enter(kNow + absl::Hours(1)).ok() ? 1 : 0;
  EXPECT_EQ(admitted, 3);
}

TEST(CallerTest, OneCallMayCountAsSeveral) {
  Caller caller("unix:batch-processing", Grants(), {1000, 1000, 10});
  EXPECT_THAT(caller.Enter(kNow, 6), IsOk());
  EXPECT_THAT(caller.Enter(kNow, 6), HasReason(Reason::kCallerLimit));
  EXPECT_THAT(caller.Enter(kNow, 4), IsOk());
  caller.Leave(6);
  EXPECT_THAT(caller.Enter(kNow, 6), IsOk());
}

TEST(CallerTest, RejectsCallsAboveTheConcurrencyLimit) {
  Caller caller("unix:payments-service", Grants(), {1000, 1000, 2});
  EXPECT_THAT(caller.Enter(kNow), IsOk());
  EXPECT_THAT(caller.Enter(kNow), IsOk());
  EXPECT_THAT(caller.Enter(kNow), HasReason(Reason::kCallerLimit));
  caller.Leave();
  EXPECT_THAT(caller.Enter(kNow), IsOk());
}

TEST(CallerTest, CallsThatWaitAreCountedApart) {
  Caller caller("unix:payments-service", Grants(), {1000, 1000, 2});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(caller.Enter(kNow), IsOk());
    EXPECT_THAT(caller.StartWaiting(), IsOk());
  }
  EXPECT_THAT(caller.Enter(kNow, 1, CallKind::kWaiting), HasReason(Reason::kCallerLimit));
  EXPECT_THAT(caller.Enter(kNow), IsOk());
  EXPECT_THAT(caller.StartWaiting(), HasReason(Reason::kCallerLimit));
  EXPECT_THAT(caller.Enter(kNow), IsOk());
  EXPECT_THAT(caller.Enter(kNow), HasReason(Reason::kCallerLimit));
  caller.Leave(1, CallKind::kWaiting);
  EXPECT_THAT(caller.StartWaiting(), IsOk());
  EXPECT_THAT(caller.Enter(kNow), IsOk());
}

TEST(CallerTest, WatchesLeaveRoomForCalls) {
  CallerLimits limits;
  limits.calls_in_flight = 1;
  limits.watches = 2;
  Caller caller("unix:payments-service", Grants(), limits);
  EXPECT_THAT(caller.Enter(kNow, 1, CallKind::kWatch), IsOk());
  EXPECT_THAT(caller.Enter(kNow, 1, CallKind::kWatch), IsOk());
  EXPECT_THAT(caller.Enter(kNow, 1, CallKind::kWatch), HasReason(Reason::kCallerLimit));
  EXPECT_THAT(caller.Enter(kNow), IsOk());
  EXPECT_THAT(caller.StartWaiting(), IsOk());
  EXPECT_THAT(caller.Enter(kNow), IsOk());
  caller.Leave(1, CallKind::kWatch);
  EXPECT_THAT(caller.Enter(kNow, 1, CallKind::kWatch), IsOk());
}

TEST(CallerTest, LimitsWatchedOrganizationsOfAllWatches) {
  CallerLimits limits;
  limits.watched_organizations = 1000;
  Caller caller("unix:payments-service", Grants(), limits);
  EXPECT_THAT(caller.Enter(kNow, 9, CallKind::kWatch), IsOk());
  EXPECT_THAT(caller.Enter(kNow, 2, CallKind::kWatch), HasReason(Reason::kCallerLimit));
  EXPECT_THAT(caller.Enter(kNow, 1, CallKind::kWatch), IsOk());
  caller.Leave(9, CallKind::kWatch);
  EXPECT_THAT(caller.Enter(kNow, 9, CallKind::kWatch), IsOk());
}

TEST(CallersTest, PrincipalWithoutGrantHasNoCaller) {
  Policy policy;
  Callers callers(policy);
  EXPECT_EQ(callers.OfGranted("cn:batch-processing"), nullptr);
  policy.grants = {{{"cn:*"}, Role::kReader, {"*"}, {}}};
  callers.SetPolicy(policy);
  const CallerPtr caller = callers.OfGranted("cn:batch-processing");
  ASSERT_NE(caller, nullptr);
  EXPECT_EQ(callers.OfGranted("cn:batch-processing"), caller);
  callers.SetPolicy({});
  EXPECT_EQ(callers.OfGranted("cn:batch-processing"), nullptr);
}

TEST(CallersTest, EvictsIdleCallersAndKeepsBusyOnes) {
  Policy policy;
  policy.grants = {{{"cn:*"}, Role::kReader, {"*"}, {}}};
  Callers callers(policy);
  const CallerPtr busy = callers.OfGranted("cn:busy-batch-processing");
  const std::weak_ptr<Caller> idle = callers.OfGranted("cn:idle-batch-processing");
  for (int i = 0; i < 20'000; ++i)
    EXPECT_NE(callers.OfGranted(absl::StrCat("cn:batch-processing-", i)), nullptr);
  EXPECT_TRUE(idle.expired());
  EXPECT_EQ(callers.OfGranted("cn:busy-batch-processing"), busy);
}

TEST(CallersTest, UsersOfOnePrincipalShareOneCaller) {
  Policy policy = PolicyOfOneUser(Role::kReader);
  policy.principals[0].users.push_back(8);
  Callers callers(policy);
  EXPECT_EQ(callers.Of(UnixPeer{7, {1}}), callers.Of(UnixPeer{8, {2}}));
  EXPECT_EQ(callers.Of(UnixPeer{9, {1}}), nullptr);
}

TEST(CallersTest, NewPolicyAppliesToExistingCallers) {
  Callers callers(PolicyOfOneUser(Role::kReader));
  const CallerPtr caller = callers.Of(UnixPeer{7, {}});
  EXPECT_FALSE(caller->grants()->Any(Role::kAdmin));
  callers.SetPolicy(PolicyOfOneUser(Role::kAdmin));
  EXPECT_TRUE(caller->grants()->Any(Role::kAdmin));
  callers.SetPolicy({});
  EXPECT_FALSE(caller->grants()->Any(Role::kReader));
  EXPECT_EQ(callers.Of(UnixPeer{7, {}}), nullptr);
}

TEST(CallersTest, CallsContinueWhilePolicyChanges) {
  Callers callers(PolicyOfOneUser(Role::kReader));
  Identity identity;
  identity.Bind(callers.Of(UnixPeer{7, {}}));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&identity] {
      for (int j = 0; j < 1000; ++j) {
        const CallerPtr caller = identity.caller();
        if (caller == nullptr || !caller->Enter(kNow).ok()) continue;
        EXPECT_TRUE(caller->grants()->Any(Role::kReader));
        caller->Leave();
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    callers.SetPolicy(PolicyOfOneUser(i % 2 == 0 ? Role::kAdmin : Role::kReader));
    identity.Bind(callers.Of(UnixPeer{7, {}}));
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace billbroker

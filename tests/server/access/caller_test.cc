#include "server/access/caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kNow = absl::Hours(5);

Policy OfOneUser(Role role) {
  Policy policy;
  policy.principals = {{"unix:payments", {7}, {}}};
  policy.grants = {{{"unix:payments"}, role, {"*"}, {}}};
  return policy;
}

TEST(CallerTest, MoreThanItsCallsASecondAreTurnedAwayUntilThereIsRoomAgain) {
  Caller caller("unix:payments", Grants(), {2, 3, 100});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(caller.Enter(kNow).ok());
  const absl::Status refused = caller.Enter(kNow);
  const absl::optional<ErrorDetails> details = DetailsOf(refused);
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->reason, Reason::kCallerLimit);
  EXPECT_EQ(details->retry_after, absl::Milliseconds(500));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("unix:payments"));
  EXPECT_FALSE(caller.Enter(kNow + absl::Milliseconds(499)).ok());
  EXPECT_TRUE(caller.Enter(kNow + absl::Milliseconds(501)).ok());
  EXPECT_FALSE(caller.Enter(kNow + absl::Milliseconds(501)).ok());
}

TEST(CallerTest, ABurstIsNeverMoreThanItsBound) {
  Caller caller("unix:payments", Grants(), {10, 3, 100});
  int let_in = 0;
  for (int i = 0; i < 10; ++i) let_in += caller.Enter(kNow + absl::Hours(1)).ok() ? 1 : 0;
  EXPECT_EQ(let_in, 3);
}

TEST(CallerTest, OneCallMayCountAsMany) {
  Caller caller("unix:a", Grants(), {1000, 1000, 10});
  EXPECT_TRUE(caller.Enter(kNow, 6).ok());
  EXPECT_TRUE(HasReason(caller.Enter(kNow, 6), Reason::kCallerLimit));
  EXPECT_TRUE(caller.Enter(kNow, 4).ok());
  caller.Leave(6);
  EXPECT_TRUE(caller.Enter(kNow, 6).ok());
}

TEST(CallerTest, MoreThanItsCallsAtATimeAreTurnedAwayUntilOneIsAnswered) {
  Caller caller("unix:payments", Grants(), {1000, 1000, 2});
  EXPECT_TRUE(caller.Enter(kNow).ok());
  EXPECT_TRUE(caller.Enter(kNow).ok());
  EXPECT_TRUE(HasReason(caller.Enter(kNow), Reason::kCallerLimit));
  caller.Leave();
  EXPECT_TRUE(caller.Enter(kNow).ok());
}

TEST(CallersTest, OneToWhomNothingIsGrantedIsNobodyUntilItIs) {
  Policy policy;
  Callers callers(policy);
  EXPECT_EQ(callers.OfGranted("cn:a"), nullptr);
  policy.grants = {{{"cn:*"}, Role::kReader, {"*"}, {}}};
  callers.SetPolicy(policy);
  const CallerPtr caller = callers.OfGranted("cn:a");
  ASSERT_NE(caller, nullptr);
  EXPECT_EQ(callers.OfGranted("cn:a"), caller);
  callers.SetPolicy({});
  EXPECT_EQ(callers.OfGranted("cn:a"), nullptr);
}

TEST(CallersTest, ThoseWhoCallNoMoreAreForgottenAndThoseWhoDoAreNot) {
  Policy policy;
  policy.grants = {{{"cn:*"}, Role::kReader, {"*"}, {}}};
  Callers callers(policy);
  const CallerPtr busy = callers.OfGranted("cn:busy");
  const std::weak_ptr<Caller> idle = callers.OfGranted("cn:idle");
  for (int i = 0; i < 20'000; ++i) EXPECT_NE(callers.OfGranted(absl::StrCat("cn:", i)), nullptr);
  EXPECT_TRUE(idle.expired());
  EXPECT_EQ(callers.OfGranted("cn:busy"), busy);
}

TEST(CallersTest, OnePrincipalIsOneCallerWhateverDoorItUses) {
  Policy policy = OfOneUser(Role::kReader);
  policy.principals[0].users.push_back(8);
  Callers callers(policy);
  EXPECT_EQ(callers.Of(UnixPeer{7, {1}}), callers.Of(UnixPeer{8, {2}}));
  EXPECT_EQ(callers.Of(UnixPeer{9, {1}}), nullptr);
}

TEST(CallersTest, AnotherPolicyIsInForceForCallersThatWereGivenOut) {
  Callers callers(OfOneUser(Role::kReader));
  const CallerPtr caller = callers.Of(UnixPeer{7, {}});
  EXPECT_FALSE(caller->grants()->Any(Role::kAdmin));
  callers.SetPolicy(OfOneUser(Role::kAdmin));
  EXPECT_TRUE(caller->grants()->Any(Role::kAdmin));
  callers.SetPolicy({});
  EXPECT_FALSE(caller->grants()->Any(Role::kReader));
  EXPECT_EQ(callers.Of(UnixPeer{7, {}}), nullptr);
}

TEST(CallersTest, CallsGoOnWhileThePolicyChanges) {
  Callers callers(OfOneUser(Role::kReader));
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
    callers.SetPolicy(OfOneUser(i % 2 == 0 ? Role::kAdmin : Role::kReader));
    identity.Bind(callers.Of(UnixPeer{7, {}}));
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace billbroker

#include "server/session/quarantine.h"

#include <gtest/gtest.h>

#include "tests/support/fake_bill.h"

namespace billbroker {
namespace {

CredentialInfo MakeInfo(absl::string_view user, absl::string_view secret_id,
                        absl::string_view dev_key_id) {
  CredentialInfo info;
  info.name = "acme";
  info.environment = "sandbox";
  info.username = std::string(user);
  info.user_secret_id = std::string(secret_id);
  info.fingerprints["dev_key"] = std::string(dev_key_id);
  info.organizations = {{"008a", ""}, {"008b", ""}};
  return info;
}

struct Case {
  Verdict verdict;
  Reason reason;
  bool other_organization;  // also stands against the same user's other organization
  bool new_secret;          // also against the same user with a new secret
  bool new_dev_key;         // also against the same user with a new devKey
  bool other_user;  // also against another user with the same devKey, in the same organization
};

class QuarantineScopeTest : public ::testing::TestWithParam<Case> {};

// Of a partner: which call was refused decides what stands, and against whom else.
struct PartnerCase {
  SignInStep step;
  Verdict verdict;
  Reason reason;
  bool other_organization;  // as its other user
  bool new_user_id;         // as another user in the same organization
  bool new_password;
  bool new_app_key;
  bool other_partner;  // with the same appKey, as the same user in the same organization
};

class PartnerQuarantineTest : public ::testing::TestWithParam<PartnerCase> {
 protected:
  static CredentialInfo Partner(absl::string_view user = "firm", absl::string_view secret = "s-1",
                                absl::string_view app_key = "app-1",
                                absl::string_view user_id = "006a") {
    CredentialInfo info;
    info.kind = CredentialKind::kPartner;
    info.environment = "sandbox";
    info.username = std::string(user);
    info.user_secret_id = std::string(secret);
    info.fingerprints = {{"dev_key", "key"}, {"app_key", std::string(app_key)}};
    info.organizations = {{"008a", ""}, {"008b", ""}};
    info.user_ids = {{"008a", std::string(user_id)}, {"008b", "006b"}};
    return info;
  }
};

TEST_P(PartnerQuarantineTest, StandsAgainstWhatWasRefusedAndNothingElse) {
  const PartnerCase& expected = GetParam();
  Quarantine quarantine(absl::Hours(1));
  const bool as_user = expected.step == SignInStep::kSignInAsUser;
  ASSERT_TRUE(quarantine.Add(Partner(), as_user ? "008a" : "", expected.step,
                             Refusal(expected.verdict, "BDC_1"), absl::UnixEpoch(),
                             absl::ZeroDuration()));
  const auto stands = [&quarantine](const CredentialInfo& info, absl::string_view organization) {
    return quarantine.Find(info, organization, absl::ZeroDuration()).has_value();
  };
  EXPECT_EQ(quarantine.Find(Partner(), "008a", absl::ZeroDuration())->reason, expected.reason);
  EXPECT_EQ(stands(Partner(), "008b"), expected.other_organization);
  EXPECT_EQ(stands(Partner("firm", "s-1", "app-1", "006x"), "008a"), expected.new_user_id);
  EXPECT_EQ(stands(Partner("firm", "s-2"), "008a"), expected.new_password);
  EXPECT_EQ(stands(Partner("firm", "s-1", "app-2"), "008a"), expected.new_app_key);
  EXPECT_EQ(stands(Partner("mill", "s-3"), "008a"), expected.other_partner);
  quarantine.Lift(Partner(), "008a", expected.step);
  EXPECT_FALSE(stands(Partner(), "008a"));
}

constexpr SignInStep kOwn = SignInStep::kPartnerSignIn;
constexpr SignInStep kAsUser = SignInStep::kSignInAsUser;

INSTANTIATE_TEST_SUITE_P(
    Verdicts, PartnerQuarantineTest,
    ::testing::Values(PartnerCase{kOwn, Verdict::kSecretRejected, Reason::kCredentialRejected, true,
                                  true, false, true, false},
                      PartnerCase{kOwn, Verdict::kDevKeyRejected, Reason::kDevKeyRejected, true,
                                  true, true, false, true},
                      PartnerCase{kOwn, Verdict::kOrganizationRejected, Reason::kCredentialRejected,
                                  true, true, false, false, false},
                      PartnerCase{kOwn, Verdict::kOrganizationLocked, Reason::kLockedOut, true,
                                  true, true, true, false},
                      PartnerCase{kOwn, Verdict::kUserLocked, Reason::kLockedOut, true, true, true,
                                  true, false},
                      PartnerCase{kAsUser, Verdict::kSecretRejected, Reason::kOrganizationRejected,
                                  false, false, true, true, false},
                      PartnerCase{kAsUser, Verdict::kDevKeyRejected, Reason::kDevKeyRejected, true,
                                  true, true, false, true},
                      PartnerCase{kAsUser, Verdict::kOrganizationRejected,
                                  Reason::kOrganizationRejected, false, false, true, true, false},
                      PartnerCase{kAsUser, Verdict::kOrganizationLocked, Reason::kLockedOut, false,
                                  true, true, true, true},
                      PartnerCase{kAsUser, Verdict::kUserLocked, Reason::kLockedOut, false, false,
                                  true, true, false}));

TEST_P(QuarantineScopeTest, StandsAgainstWhatWasRefusedAndNothingElse) {
  const Case& expected = GetParam();
  Quarantine quarantine(absl::Hours(1));
  const CredentialInfo refused = MakeInfo("user", "secret-1", "key-1");
  ASSERT_TRUE(quarantine.Add(refused, "008a", SignInStep::kSignIn,
                             Refusal(expected.verdict, "BDC_1"), absl::UnixEpoch(),
                             absl::ZeroDuration()));
  const auto stands = [&quarantine](const CredentialInfo& info, absl::string_view organization) {
    return quarantine.Find(info, organization, absl::ZeroDuration()).has_value();
  };
  EXPECT_EQ(quarantine.Find(refused, "008a", absl::ZeroDuration())->reason, expected.reason);
  EXPECT_EQ(stands(refused, "008b"), expected.other_organization);
  EXPECT_EQ(stands(MakeInfo("USER", "secret-2", "key-1"), "008a"), expected.new_secret);
  EXPECT_EQ(stands(MakeInfo("user", "secret-1", "key-2"), "008a"), expected.new_dev_key);
  EXPECT_EQ(stands(MakeInfo("other", "secret-3", "key-1"), "008a"), expected.other_user);
  quarantine.Lift(refused, "008a", SignInStep::kSignIn);
  EXPECT_FALSE(stands(refused, "008a"));
}

INSTANTIATE_TEST_SUITE_P(
    Verdicts, QuarantineScopeTest,
    ::testing::Values(
        Case{Verdict::kSecretRejected, Reason::kCredentialRejected, true, false, true, false},
        Case{Verdict::kDevKeyRejected, Reason::kDevKeyRejected, true, true, false, true},
        Case{Verdict::kOrganizationRejected, Reason::kOrganizationRejected, false, true, true,
             false},
        Case{Verdict::kOrganizationLocked, Reason::kLockedOut, false, true, true, true},
        Case{Verdict::kUserLocked, Reason::kLockedOut, true, true, true, false}));

TEST(QuarantineTest, TransientFailuresAreNotRecorded) {
  Quarantine quarantine(absl::Hours(1));
  for (const Verdict verdict :
       {Verdict::kUnavailable, Verdict::kRateLimited, Verdict::kSessionInvalid,
        Verdict::kTooManyConcurrent, Verdict::kRefused}) {
    EXPECT_FALSE(quarantine.Add(MakeInfo("u", "s", "k"), "008a", SignInStep::kSignIn,
                                Refusal(verdict, ""), absl::UnixEpoch(), absl::ZeroDuration()));
  }
}

TEST(QuarantineTest, OnlyLockOutsLapse) {
  Quarantine quarantine(absl::Hours(1));
  const CredentialInfo info = MakeInfo("u", "s", "k");
  quarantine.Add(info, "008a", SignInStep::kSignIn, Refusal(Verdict::kUserLocked, "BDC_1110"),
                 absl::UnixEpoch(), absl::ZeroDuration());
  EXPECT_TRUE(quarantine.Find(info, "008a", absl::Minutes(59)).has_value());
  EXPECT_FALSE(quarantine.Find(info, "008a", absl::Minutes(60)).has_value());
  quarantine.Add(info, "008a", SignInStep::kSignIn, Refusal(Verdict::kSecretRejected, "BDC_1101"),
                 absl::UnixEpoch(), absl::ZeroDuration());
  EXPECT_TRUE(quarantine.Find(info, "008a", absl::Hours(1000)).has_value());
}

}  // namespace
}  // namespace billbroker

#include "server/session/quarantine.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/fake_bill.h"
#include "vault/user_name.h"

namespace billbroker {
namespace {

constexpr char kOneOrganization[] = "00800000000000000001";
constexpr char kOtherOrganization[] = "00800000000000000002";
constexpr char kFirm[] = "api@firm.example.com";
constexpr char kUserId[] = "00600000000000000001";  // of a partner in kOneOrganization

CredentialInfo MakeInfo(absl::string_view user, absl::string_view secret_id,
                        absl::string_view dev_key_id) {
  CredentialInfo info;
  info.name = "acme-accounts-payable";
  info.environment = "sandbox";
  info.username = std::string(user);
  info.folded_username = FoldUserName(user);
  info.user_secret_id = std::string(secret_id);
  info.fingerprints["dev_key"] = std::string(dev_key_id);
  info.organizations = {{kOneOrganization, ""}, {kOtherOrganization, ""}};
  return info;
}

// A refusal, its reason, and whether the quarantine also applies to …
struct Case {
  Verdict verdict;
  Reason reason;
  bool other_organization;  // … another organization of the same user
  bool new_secret;          // … the same user with a new secret
  bool new_dev_key;         // … the same user with a new devKey
  bool other_user;          // … another user with the same devKey in the same organization
};

class QuarantineScopeTest : public ::testing::TestWithParam<Case> {};

// The refused call of a partner, its reason, and whether the quarantine also applies to …
struct PartnerCase {
  SignInStep step;
  Verdict verdict;
  Reason reason;
  bool other_organization;  // … another organization, and its user, of the same partner
  bool new_user_id;         // … another user in the same organization
  bool new_password;        // … the same partner with a new password
  bool new_app_key;         // … the same partner with a new appKey
  bool other_partner;       // … another partner with the same appKey, user and organization
};

class PartnerQuarantineTest : public ::testing::TestWithParam<PartnerCase> {
 protected:
  static CredentialInfo Partner(absl::string_view user = kFirm,
                                absl::string_view secret = "secret-fingerprint-1",
                                absl::string_view app_key = "app-key-fingerprint-1",
                                absl::string_view user_id = kUserId) {
    CredentialInfo info;
    info.kind = CredentialKind::kPartner;
    info.environment = "sandbox";
    info.username = std::string(user);
    info.folded_username = FoldUserName(user);
    info.user_secret_id = std::string(secret);
    info.fingerprints = {{"dev_key", "dev-key-fingerprint"}, {"app_key", std::string(app_key)}};
    info.organizations = {{kOneOrganization, ""}, {kOtherOrganization, ""}};
    info.user_ids = {{kOneOrganization, std::string(user_id)},
                     {kOtherOrganization, "00600000000000000002"}};
    return info;
  }
};

TEST_P(PartnerQuarantineTest, AppliesOnlyToItsScope) {
  const PartnerCase& expected = GetParam();
  Quarantine quarantine(absl::Hours(1));
  const bool as_user = expected.step == SignInStep::kSignInAsUser;
  ASSERT_TRUE(quarantine.Add(Partner(), as_user ? kOneOrganization : "", expected.step,
                             Refusal(expected.verdict, "BDC_1"), absl::UnixEpoch(),
                             absl::ZeroDuration()));
  const auto applies = [&quarantine](const CredentialInfo& info, absl::string_view organization) {
    return quarantine.Find(info, organization, absl::ZeroDuration()).has_value();
  };
  EXPECT_EQ(quarantine.Find(Partner(), kOneOrganization, absl::ZeroDuration())->reason,
            expected.reason);
  EXPECT_EQ(applies(Partner(), kOtherOrganization), expected.other_organization);
  EXPECT_EQ(applies(Partner(kFirm, "secret-fingerprint-1", "app-key-fingerprint-1",
                            "00600000000000000003"),
                    kOneOrganization),
            expected.new_user_id);
  EXPECT_EQ(applies(Partner(kFirm, "secret-fingerprint-2"), kOneOrganization),
            expected.new_password);
  EXPECT_EQ(
      applies(Partner(kFirm, "secret-fingerprint-1", "app-key-fingerprint-2"), kOneOrganization),
      expected.new_app_key);
  EXPECT_EQ(applies(Partner("api@mill.example.com", "secret-fingerprint-3"), kOneOrganization),
            expected.other_partner);
  quarantine.Lift(Partner(), kOneOrganization, expected.step);
  EXPECT_FALSE(applies(Partner(), kOneOrganization));
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

TEST_P(QuarantineScopeTest, AppliesOnlyToItsScope) {
  const Case& expected = GetParam();
  Quarantine quarantine(absl::Hours(1));
  const CredentialInfo refused =
      MakeInfo("user@example.com", "secret-fingerprint-1", "dev-key-fingerprint-1");
  ASSERT_TRUE(quarantine.Add(refused, kOneOrganization, SignInStep::kSignIn,
                             Refusal(expected.verdict, "BDC_1"), absl::UnixEpoch(),
                             absl::ZeroDuration()));
  const auto applies = [&quarantine](const CredentialInfo& info, absl::string_view organization) {
    return quarantine.Find(info, organization, absl::ZeroDuration()).has_value();
  };
  EXPECT_EQ(quarantine.Find(refused, kOneOrganization, absl::ZeroDuration())->reason,
            expected.reason);
  EXPECT_EQ(applies(refused, kOtherOrganization), expected.other_organization);
  EXPECT_EQ(applies(MakeInfo("USER@EXAMPLE.COM", "secret-fingerprint-2", "dev-key-fingerprint-1"),
                    kOneOrganization),
            expected.new_secret);
  EXPECT_EQ(applies(MakeInfo("user@example.com", "secret-fingerprint-1", "dev-key-fingerprint-2"),
                    kOneOrganization),
            expected.new_dev_key);
  EXPECT_EQ(
      applies(MakeInfo("another@example.com", "secret-fingerprint-3", "dev-key-fingerprint-1"),
              kOneOrganization),
      expected.other_user);
  quarantine.Lift(refused, kOneOrganization, SignInStep::kSignIn);
  EXPECT_FALSE(applies(refused, kOneOrganization));
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

// The scope of a refusal, its code and reason, and whether the quarantine also applies to …
struct EvidenceCase {
  QuarantineScope scope;
  std::string code;
  Reason reason;
  bool other_organization;  // … another organization of the same user
  bool new_secret;          // … the same user with a new secret
  bool new_dev_key;         // … the same user with a new devKey
  bool other_user;          // … another user with the same devKey in the same organization
};

class QuarantineEvidenceTest : public ::testing::TestWithParam<EvidenceCase> {};

TEST_P(QuarantineEvidenceTest, IsNotWiderThanItsEvidence) {
  const EvidenceCase& expected = GetParam();
  Quarantine quarantine(absl::Hours(1));
  const CredentialInfo refused =
      MakeInfo("user@example.com", "secret-fingerprint-1", "dev-key-fingerprint-1");
  ASSERT_TRUE(quarantine.Add(refused, kOneOrganization,
                             {SignInStep::kSignIn, expected.scope, expected.code},
                             absl::UnixEpoch(), absl::ZeroDuration()));
  const auto applies = [&quarantine](const CredentialInfo& info, absl::string_view organization) {
    return quarantine.Find(info, organization, absl::ZeroDuration()).has_value();
  };
  EXPECT_EQ(quarantine.Find(refused, kOneOrganization, absl::ZeroDuration())->reason,
            expected.reason);
  EXPECT_EQ(applies(refused, kOtherOrganization), expected.other_organization);
  EXPECT_EQ(applies(MakeInfo("user@example.com", "secret-fingerprint-2", "dev-key-fingerprint-1"),
                    kOneOrganization),
            expected.new_secret);
  EXPECT_EQ(applies(MakeInfo("user@example.com", "secret-fingerprint-1", "dev-key-fingerprint-2"),
                    kOneOrganization),
            expected.new_dev_key);
  EXPECT_EQ(
      applies(MakeInfo("another@example.com", "secret-fingerprint-3", "dev-key-fingerprint-1"),
              kOneOrganization),
      expected.other_user);
  quarantine.Lift(refused, kOneOrganization, SignInStep::kSignIn);
  EXPECT_FALSE(applies(refused, kOneOrganization));
}

INSTANTIATE_TEST_SUITE_P(
    Scopes, QuarantineEvidenceTest,
    ::testing::Values(EvidenceCase{QuarantineScope::kSecret, "BDC_1101",
                                   Reason::kCredentialRejected, true, false, true, false},
                      EvidenceCase{QuarantineScope::kSecretAndDevKey, "BDC_1102",
                                   Reason::kDevKeyRejected, true, false, false, false},
                      EvidenceCase{QuarantineScope::kDevKey, "BDC_1104", Reason::kDevKeyRejected,
                                   true, true, false, true},
                      EvidenceCase{QuarantineScope::kOrganizationAndDevKey, "BDC_1103",
                                   Reason::kDevKeyRejected, false, true, false, true},
                      EvidenceCase{QuarantineScope::kUserAndOrganization, "BDC_1111",
                                   Reason::kOrganizationRejected, false, true, true, false},
                      EvidenceCase{QuarantineScope::kOrganizationLockout, "BDC_1107",
                                   Reason::kLockedOut, false, true, true, true},
                      EvidenceCase{QuarantineScope::kUserLockout, "BDC_1110", Reason::kLockedOut,
                                   true, true, true, false}));

// The same for a partner's two steps; `other_user` is another partner with the same appKey.
struct PartnerEvidenceCase {
  SignInStep step;
  QuarantineScope scope;
  std::string code;
  Reason reason;
  bool other_organization;
  bool new_password;
  bool new_app_key;
  bool other_partner;
};

class PartnerEvidenceTest : public ::testing::TestWithParam<PartnerEvidenceCase> {};

TEST_P(PartnerEvidenceTest, IsNotWiderThanItsEvidence) {
  const PartnerEvidenceCase& expected = GetParam();
  const auto partner = [](absl::string_view user, absl::string_view secret, absl::string_view key) {
    CredentialInfo info = MakeInfo(user, secret, "dev-key-fingerprint-1");
    info.kind = CredentialKind::kPartner;
    info.fingerprints["app_key"] = std::string(key);
    info.user_ids = {{kOneOrganization, kUserId}, {kOtherOrganization, "00600000000000000002"}};
    return info;
  };
  const CredentialInfo refused = partner(kFirm, "secret-fingerprint-1", "app-key-fingerprint-1");
  Quarantine quarantine(absl::Hours(1));
  const bool own = expected.step == SignInStep::kPartnerSignIn;
  ASSERT_TRUE(quarantine.Add(refused, own ? "" : kOneOrganization,
                             {expected.step, expected.scope, expected.code}, absl::UnixEpoch(),
                             absl::ZeroDuration()));
  const auto applies = [&quarantine](const CredentialInfo& info, absl::string_view organization) {
    return quarantine.Find(info, organization, absl::ZeroDuration()).has_value();
  };
  ASSERT_TRUE(applies(refused, own ? "" : kOneOrganization));
  EXPECT_EQ(quarantine.Find(refused, kOneOrganization, absl::ZeroDuration())->reason,
            expected.reason);
  EXPECT_EQ(applies(refused, kOtherOrganization), expected.other_organization);
  EXPECT_EQ(
      applies(partner(kFirm, "secret-fingerprint-2", "app-key-fingerprint-1"), kOneOrganization),
      expected.new_password);
  EXPECT_EQ(
      applies(partner(kFirm, "secret-fingerprint-1", "app-key-fingerprint-2"), kOneOrganization),
      expected.new_app_key);
  EXPECT_EQ(
      applies(partner("api@mill.example.com", "secret-fingerprint-3", "app-key-fingerprint-1"),
              kOneOrganization),
      expected.other_partner);
  quarantine.Lift(refused, own ? "" : kOneOrganization, expected.step);
  EXPECT_FALSE(applies(refused, kOneOrganization));
}

INSTANTIATE_TEST_SUITE_P(
    Scopes, PartnerEvidenceTest,
    ::testing::Values(PartnerEvidenceCase{kOwn, QuarantineScope::kSecretAndDevKey, "BDC_1102",
                                          Reason::kDevKeyRejected, true, false, false, false},
                      PartnerEvidenceCase{kOwn, QuarantineScope::kSecretAndDevKey, "BDC_1105",
                                          Reason::kCredentialRejected, true, false, false, false},
                      PartnerEvidenceCase{kOwn, QuarantineScope::kDevKey, "BDC_1104",
                                          Reason::kDevKeyRejected, true, true, false, true},
                      PartnerEvidenceCase{kAsUser, QuarantineScope::kOrganizationAndDevKey,
                                          "BDC_1102", Reason::kDevKeyRejected, false, true, false,
                                          true},
                      PartnerEvidenceCase{kAsUser, QuarantineScope::kSecretAndDevKey, "BDC_1103",
                                          Reason::kDevKeyRejected, true, false, false, false},
                      PartnerEvidenceCase{kAsUser, QuarantineScope::kUserAndOrganization,
                                          "BDC_1111", Reason::kOrganizationRejected, false, true,
                                          true, false}));

TEST(QuarantineTest, TransientFailuresAreNotRecorded) {
  Quarantine quarantine(absl::Hours(1));
  for (const Verdict verdict :
       {Verdict::kUnavailable, Verdict::kRateLimited, Verdict::kSessionInvalid,
        Verdict::kTooManyConcurrent, Verdict::kRefused}) {
    EXPECT_FALSE(quarantine.Add(
        MakeInfo("user@example.com", "secret-fingerprint-1", "dev-key-fingerprint-1"),
        kOneOrganization, SignInStep::kSignIn, Refusal(verdict, ""), absl::UnixEpoch(),
        absl::ZeroDuration()));
  }
}

TEST(QuarantineTest, OnlyLockOutsLapse) {
  Quarantine quarantine(absl::Hours(1));
  const CredentialInfo info =
      MakeInfo("user@example.com", "secret-fingerprint-1", "dev-key-fingerprint-1");
  quarantine.Add(info, kOneOrganization, SignInStep::kSignIn,
                 Refusal(Verdict::kUserLocked, "BDC_1110"), absl::UnixEpoch(),
                 absl::ZeroDuration());
  EXPECT_TRUE(quarantine.Find(info, kOneOrganization, absl::Minutes(59)).has_value());
  EXPECT_FALSE(quarantine.Find(info, kOneOrganization, absl::Minutes(60)).has_value());
  quarantine.Add(info, kOneOrganization, SignInStep::kSignIn,
                 Refusal(Verdict::kSecretRejected, "BDC_1101"), absl::UnixEpoch(),
                 absl::ZeroDuration());
  EXPECT_TRUE(quarantine.Find(info, kOneOrganization, absl::Hours(1000)).has_value());
}

}  // namespace
}  // namespace billbroker

// Candidates, outcomes and a fixed random number for the tests of rules.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/session/sign_in_rule.h"
#include "tests/support/sample_ids.h"
#include "vault/base/random.h"

namespace billbroker {

inline constexpr char kSampleSecret[] = "secret-fingerprint-in-effect";
inline constexpr char kSampleDevKey[] = "dev-key-fingerprint-of-acme";
inline constexpr char kSamplePrincipal[] = "unix:accounts-payable";

// Returns the same number each time.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(double uniform) : uniform_(uniform) {}
  double Uniform() override { return uniform_; }
  std::string Uid() override { return "00000000000000000000000000000001"; }

 private:
  double uniform_;
};

// Returns the sign-in of credential kAcme to an organization, for which a caller waits.
inline SignInCandidate SampleCandidate(absl::string_view organization_id = kFirstOrganization,
                                       absl::string_view secret_id = kSampleSecret) {
  auto credential = std::make_shared<CredentialInfo>();
  credential->name = kAcme;
  credential->uid = "uid-of-acme-accounts-payable";
  credential->environment = "sandbox";
  credential->username = "user@acme.example";
  credential->user_secret_id = std::string(secret_id);
  credential->fingerprints["dev_key"] = kSampleDevKey;
  credential->organizations.emplace(organization_id, "");
  SignInCandidate candidate;
  candidate.slot = {credential->uid, std::string(organization_id)};
  candidate.user = {credential->environment, credential->username, ""};
  candidate.dev_key = {credential->environment, kSampleDevKey};
  candidate.principal = kSamplePrincipal;
  candidate.credential = std::move(credential);
  return candidate;
}

inline SignInOutcome AcceptedOutcome() {
  SignInOutcome outcome;
  outcome.proof = SecretProof::kGained;
  outcome.judged = true;
  return outcome;
}

// Returns the outcome of BDC_1101.
inline SignInOutcome SecretRefusedOutcome() {
  SignInOutcome outcome;
  outcome.failure = UserFailure::kFailed;
  outcome.proof = SecretProof::kLost;
  outcome.quarantine = QuarantineScope::kSecret;
  outcome.judged = true;
  return outcome;
}

// Returns the outcome of a lost answer.
inline SignInOutcome LostOutcome() {
  SignInOutcome outcome;
  outcome.lost = true;
  outcome.failure = UserFailure::kUnclear;
  outcome.backoff = SlotBackoff::kTransient;
  outcome.transient = true;
  return outcome;
}

}  // namespace billbroker

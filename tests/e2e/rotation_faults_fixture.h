// The fixture of rotation_faults_test.cc: changes a credential with a broker that dies, or a
// keyring that stops, at a chosen step.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/e2e/test_environment.h"
#include "vault/document.h"

namespace billbroker {

// The state of the keyring after the broker died.
enum class Left { kOld, kStaged, kNew, kRefused };

struct FaultStep {
  const char* point;  // where the broker dies: a value of BILLBROKER_FAULT_POINT
  Left left;
};

// The change during which the broker dies.
struct FaultedChange {
  PastChangeKind kind = PastChangeKind::kRotated;  // or kRolledBack
  bool accepted = true;                            // BILL accepts the new secrets
  bool verify = true;
};

class RotationFaultsTest : public ::testing::Test {
 protected:
  explicit RotationFaultsTest(absl::Duration keyring_timeout = absl::Seconds(10));
  ~RotationFaultsTest() override;

  // Lets the broker die at `step`, checks the stored state, starts it again, and resumes or cancels
  // a pending rotation.
  void Die(const FaultedChange& change, const FaultStep& step, bool resume);
  // Stops the keyring when the broker has begun write number `write` of a rotation. The rotation
  // fails with `reason` after the keyring's timeout, and the keyring completes the write when it
  // continues.
  void StopKeyringAt(int write, Reason reason);

 private:
  struct Secrets {
    std::string password;
    std::string dev_key;
  };

  void Start(const std::vector<std::string>& wrapper = {});
  void Prepare(const FaultedChange& change);
  void CreateCredential(const Secrets& first, const Secrets& second);
  void SetAtBill(const Secrets& secrets);
  absl::Status Rotate(const Secrets& to, bool verify);
  absl::Status Change(const FaultedChange& change);
  void Resolve(const FaultedChange& change, bool resume);

  // The organization that proves the new secrets, and the credential's other one.
  [[nodiscard]] std::string Proving() const;
  [[nodiscard]] std::string Bystander() const;
  [[nodiscard]] CredentialTarget CurrentVersion();
  // Returns the id of the bystander's session, after a check that it works at BILL.
  std::string SessionOfBystander();
  // Returns the same for a session that survives the death of the broker.
  std::string StoredSessionOfBystander();
  [[nodiscard]] bool BrokerIsStopped();
  // Returns the stored credential, read without the broker.
  absl::StatusOr<CredentialPtr> Stored();

  static void ExpectSecrets(const Secrets& expected, const SecretString& password,
                            const SecretString& dev_key);
  // Checks the state in the keyring.
  void ExpectStored(const FaultedChange& change, Left left);
  void ExpectHistoryEntry(const PastChange& entry, PastChangeKind kind) const;
  // Checks that the command line shows the same state.
  void ExpectShown(Left left);
  // Checks that nothing is staged any more, and the newest entry of the history; nullopt: no new
  // one.
  void ExpectEnded(absl::optional<PastChangeKind> how);
  // Checks that the secrets in effect sign in, if BILL accepts them.
  void ExpectSignInWorks();

  TestEnvironment env_;
  int user_ = -1;
  std::string name_;
  Secrets current_;
  Secrets candidate_;
  std::uint64_t version_ = 0;
  std::size_t history_size_ = 0;
};

}  // namespace billbroker

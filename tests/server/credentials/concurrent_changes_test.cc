// Changes of different credentials at the same time.
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "server/credentials/credential_manager.h"
#include "tests/support/await.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_broker.h"
#include "vault/base/executor.h"

namespace billbroker {
namespace {

class ConcurrentChangesTest : public ::testing::Test {
 protected:
  ~ConcurrentChangesTest() override { threads_.reset(); }

  // Returns a new credential whose BILL user is `username`.
  static Credential Draft(absl::string_view name, const std::string& username) {
    Credential draft = SampleUser(name);
    draft.username = username;
    return draft;
  }
  CredentialVersion Create(absl::string_view name, const std::string& username) {
    const auto info = broker_.manager.Create(Draft(name, username));
    EXPECT_THAT(info, IsOk());
    return {(*info)->name, (*info)->uid, (*info)->version};
  }
  static CredentialChange NewUser(const std::string& username) {
    CredentialChange change;
    change.username = username;
    change.password = SecretString::CopyOf("s3cret-password-new");
    return change;
  }

  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  TestBroker broker_{*threads_};
};

TEST_F(ConcurrentChangesTest, ProofDelaysNoOtherCredential) {
  const CredentialVersion first = Create("first-credential", "first@acme.example");
  const CredentialVersion second = Create("second-credential", "second@acme.example");
  broker_.bill.Hold();
  auto rotated = std::async(std::launch::async, [&] {
    return broker_.manager.Rotate(first, NewUser("first@acme.example"), {});
  });
  Await([this] { return broker_.bill.held() != 0; }, "the proof of the first");
  EXPECT_THAT(broker_.manager.Rotate(second, NewUser("second@acme.example"), {.verify = false}),
              IsOk());
  broker_.bill.ReleaseAll();
  EXPECT_THAT(rotated.get(), IsOk());
}

TEST_F(ConcurrentChangesTest, NewUserBelongsToOneCredential) {
  const CredentialVersion first = Create("first-credential", "first@acme.example");
  const CredentialVersion second = Create("second-credential", "second@acme.example");
  broker_.bill.Hold();
  auto rotated = std::async(std::launch::async, [&] {
    return broker_.manager.Rotate(first, NewUser("Payables@Acme.example"), {});
  });
  Await([this] { return broker_.bill.held() != 0; }, "the proof of the first");
  const absl::Status taken =
      broker_.manager.Rotate(second, NewUser("payables@acme.example"), {.verify = false}).status();
  EXPECT_THAT(taken, HasReason(Reason::kCredentialExists));
  EXPECT_THAT(taken, HasMetadata("credential", "first-credential"));
  EXPECT_THAT(broker_.manager.Create(Draft("third-credential", "payables@acme.example")),
              HasReason(Reason::kCredentialExists));
  broker_.bill.ReleaseAll();
  EXPECT_THAT(rotated.get(), IsOk());
}

TEST_F(ConcurrentChangesTest, FailedChangeFreesItsNewUser) {
  const CredentialVersion first = Create("first-credential", "first@acme.example");
  broker_.bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(broker_.manager.Rotate(first, NewUser("payables@acme.example"), {}),
              HasReason(Reason::kCredentialRejected));
  EXPECT_THAT(broker_.manager.Create(Draft("second-credential", "payables@acme.example")), IsOk());
}

}  // namespace
}  // namespace billbroker

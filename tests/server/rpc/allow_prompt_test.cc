// allow_prompt: the permission that it needs, and the writes that it reaches.
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/sample_ids.h"
#include "tests/support/status_matchers.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using CredentialStub = v1::CredentialService::Stub;

class AllowPromptTest : public RpcTest {
 protected:
  struct Row {
    std::string rpc;
    std::function<absl::Status()> ask;
  };

  AllowPromptTest() {
    acme_ = Create(NewUser(kAcme, {kFirstOrganization, kSecondOrganization}));
    broker_.vault.set_hook([this](absl::string_view call) {
      if (call != "Create" && call != "Replace" && call != "Restage" && call != "Delete") return;
      MutexLock lock(mutex_);
      writes_.push_back(broker_.vault.prompts_allowed());
    });
  }
  ~AllowPromptTest() override { broker_.vault.set_hook(nullptr); }

  template <typename Request>
  [[nodiscard]] Request OfAcme(bool allow) const {
    Request request;
    request.set_credential(acme_.name());
    request.set_uid(acme_.uid());
    request.set_version(acme_.version());
    request.set_allow_prompt(allow);
    return request;
  }
  // Calls a change of kAcme, and notes its next version.
  template <typename Request, typename Response>
  absl::Status Change(grpc::Status (CredentialStub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                      const Request& request) {
    Response response;
    const absl::Status status = Call(*credentials_, method, request, &response);
    if constexpr (requires { response.credential(); }) {
      if (status.ok()) acme_ = response.credential();
    }
    return status;
  }
  std::string StartChallenge() {
    v1::StartChallengeRequest request;
    request.set_credential(kAcme);
    v1::StartChallengeResponse response;
    EXPECT_THAT(Call(*mfa_, &v1::MfaService::Stub::StartChallenge, request, &response), IsOk());
    return response.challenge_id();
  }
  absl::Status Complete(const std::string& challenge_id, bool allow) {
    v1::CompleteChallengeRequest request;
    request.set_challenge_id(challenge_id);
    request.set_code("123456");
    request.set_allow_prompt(allow);
    v1::CompleteChallengeResponse response;
    const absl::Status status =
        Call(*mfa_, &v1::MfaService::Stub::CompleteChallenge, request, &response);
    if (status.ok()) acme_ = response.credential();
    return status;
  }
  absl::Status Rotate(const v1::RotateCredentialRequest& request) {
    return Change(&CredentialStub::RotateCredential, request);
  }
  std::string LeavePending(bool allow);
  // Calls of every change, in an order in which each succeeds.
  std::vector<Row> Rows(bool allow);

  void GrantOnly(Role role) {
    Policy policy = EverythingGranted();
    policy.grants = {{{kPrincipal}, role, {"*"}, {}}};
    callers_.SetPolicy(policy);
  }
  std::vector<bool> TakeWrites() {
    MutexLock lock(mutex_);
    return std::exchange(writes_, {});
  }

  v1::Credential acme_;
  Mutex mutex_;
  std::vector<bool> writes_ ABSL_GUARDED_BY(mutex_);  // whether each write allowed prompts
};

std::string AllowPromptTest::LeavePending(bool allow) {
  BillError lost;
  lost.verdict = Verdict::kUnavailable;
  lost.detail = "no answer";
  broker_.bill.FailNextSignIns(1, lost);
  auto request = OfAcme<v1::RotateCredentialRequest>(allow);
  request.set_password("s3cret-pending");
  const absl::Status pending = Rotate(request);
  EXPECT_THAT(pending, HasReason(Reason::kRotationPending));
  const absl::optional<ErrorDetails> details = DetailsOf(pending);
  return details.has_value() ? details->metadata.at("rotation_id") : "";
}

std::vector<AllowPromptTest::Row> AllowPromptTest::Rows(bool allow) {
  return {
      {"CreateCredential",
       [this, allow] {
         auto request = NewUser("mill-payables-user", {kThirdOrganization});
         request.set_allow_prompt(allow);
         v1::CreateCredentialResponse response;
         return Call(*credentials_, &CredentialStub::CreateCredential, request, &response);
       }},
      {"AttachOrganizations",
       [this, allow] {
         auto request = OfAcme<v1::AttachOrganizationsRequest>(allow);
         request.add_organizations()->set_organization_id("00800000000000000084");
         return Change(&CredentialStub::AttachOrganizations, request);
       }},
      {"DetachOrganizations",
       [this, allow] {
         auto request = OfAcme<v1::DetachOrganizationsRequest>(allow);
         request.add_organization_ids(kSecondOrganization);
         return Change(&CredentialStub::DetachOrganizations, request);
       }},
      {"RotateCredential",
       [this, allow] {
         auto request = OfAcme<v1::RotateCredentialRequest>(allow);
         request.set_password("s3cret-next");
         return Rotate(request);
       }},
      {"RollbackCredential",
       [this, allow] {
         return Change(&CredentialStub::RollbackCredential,
                       OfAcme<v1::RollbackCredentialRequest>(allow));
       }},
      {"ResumeRotation",
       [this, allow] {
         auto request = OfAcme<v1::ResumeRotationRequest>(allow);
         request.set_rotation_id(LeavePending(allow));
         return Change(&CredentialStub::ResumeRotation, request);
       }},
      {"CancelRotation",
       [this, allow] {
         auto request = OfAcme<v1::CancelRotationRequest>(allow);
         request.set_rotation_id(LeavePending(allow));
         return Change(&CredentialStub::CancelRotation, request);
       }},
      {"CompleteChallenge", [this, allow] { return Complete(StartChallenge(), allow); }},
      {"DeleteCredential",
       [this, allow] {
         auto request = OfAcme<v1::DeleteCredentialRequest>(allow);
         request.set_force(true);
         return Change(&CredentialStub::DeleteCredential, request);
       }},
  };
}

TEST_F(AllowPromptTest, AllowedChangesMayPrompt) {
  for (const Row& row : Rows(true)) {
    EXPECT_THAT(row.ask(), IsOk()) << row.rpc;
    EXPECT_THAT(TakeWrites(), AllOf(Not(IsEmpty()), Each(true))) << row.rpc;
    EXPECT_FALSE(broker_.vault.any_prompts_allowed()) << row.rpc;
  }
}

TEST_F(AllowPromptTest, OtherChangesDoNotPrompt) {
  for (const Row& row : Rows(false)) {
    EXPECT_THAT(row.ask(), IsOk()) << row.rpc;
    EXPECT_THAT(TakeWrites(), AllOf(Not(IsEmpty()), Each(false))) << row.rpc;
  }
}

TEST_F(AllowPromptTest, AdoptionPassesTheFlagOn) {
  for (const bool allow : {true, false}) {
    v1::AdoptKeyringRequest request;
    request.set_confirmation("adopt payroll-instance");
    request.set_allow_prompt(allow);
    v1::AdoptKeyringResponse response;
    EXPECT_THAT(Call(*credentials_, &CredentialStub::AdoptKeyring, request, &response), IsOk());
  }
  EXPECT_THAT(adopter_.allowed, ElementsAre(true, true, false, false));  // each previews first
}

TEST_F(AllowPromptTest, CompletingAChallengeThenNeedsAnAdmin) {
  GrantOnly(Role::kOperator);
  const std::string challenge = StartChallenge();
  const absl::Status refused = Complete(challenge, true);
  EXPECT_THAT(refused, HasReason(Reason::kNotGranted));
  EXPECT_THAT(refused, HasMetadata("role", "admin"));
  EXPECT_THAT(TakeWrites(), IsEmpty());
  EXPECT_THAT(Complete(challenge, false), IsOk());
}

// The same services for callers without a user id, as over TCP.
class RemoteAllowPromptTest : public AllowPromptTest {
 protected:
  RemoteAllowPromptTest() {
    challenge_ = StartChallenge();
    pending_ = LeavePending(false);
    TakeWrites();
    identity_of_remote_.Bind(callers_.Of(kPrincipal));
    grpc::ServerBuilder builder;
    builder.SetContextAllocator(state_.MakeContexts(identity_of_remote_));
    builder.RegisterService(&credential_service_);
    builder.RegisterService(&mfa_service_);
    remote_ = builder.BuildAndStart();
    credentials_ = v1::CredentialService::NewStub(remote_->InProcessChannel({}));
    mfa_ = v1::MfaService::NewStub(remote_->InProcessChannel({}));
  }
  ~RemoteAllowPromptTest() override {
    remote_->Shutdown();
    remote_->Wait();
  }

  std::string challenge_;
  std::string pending_;
  Identity identity_of_remote_;
  std::unique_ptr<grpc::Server> remote_;
};

TEST_F(RemoteAllowPromptTest, IsRefusedOverTcp) {
  std::vector<Row> rows = Rows(true);
  for (Row& row : rows) {
    if (row.rpc == "CompleteChallenge") row.ask = [this] { return Complete(challenge_, true); };
    if (row.rpc == "ResumeRotation") {
      row.ask = [this] {
        auto request = OfAcme<v1::ResumeRotationRequest>(true);
        request.set_rotation_id(pending_);
        return Change(&CredentialStub::ResumeRotation, request);
      };
    }
    if (row.rpc == "CancelRotation") {
      row.ask = [this] {
        auto request = OfAcme<v1::CancelRotationRequest>(true);
        request.set_rotation_id(pending_);
        return Change(&CredentialStub::CancelRotation, request);
      };
    }
  }
  (void)audit_.Take();
  for (const Row& row : rows) {
    const absl::Status status = row.ask();
    EXPECT_THAT(status, HasReason(Reason::kNotGranted)) << row.rpc;
    EXPECT_THAT(std::string(status.message()), HasSubstr("over a Unix socket")) << row.rpc;
  }
  EXPECT_THAT(TakeWrites(), IsEmpty());
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_THAT(entries, SizeIs(rows.size()));
  for (const AuditEntry& entry : entries) EXPECT_EQ(entry.event, AuditEvent::kRefusal);
}

TEST_F(RemoteAllowPromptTest, WithoutItTcpMayChange) {
  auto request = OfAcme<v1::CancelRotationRequest>(false);
  request.set_rotation_id(pending_);
  EXPECT_THAT(Change(&CredentialStub::CancelRotation, request), IsOk());
  EXPECT_THAT(TakeWrites(), Each(false));
}

}  // namespace
}  // namespace billbroker

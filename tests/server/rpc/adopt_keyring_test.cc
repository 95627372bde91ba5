// AdoptKeyring: the grants that it needs, its response, and its record in the audit log.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AdoptKeyringTest : public RpcTest {
 protected:
  static constexpr char kConfirmation[] = "adopt payroll-instance";

  absl::StatusOr<v1::AdoptKeyringResponse> Adopt(const std::string& confirmation,
                                                 bool validate_only = false) {
    v1::AdoptKeyringRequest request;
    request.set_confirmation(confirmation);
    request.set_validate_only(validate_only);
    v1::AdoptKeyringResponse response;
    const absl::Status status =
        Call(*credentials_, &v1::CredentialService::Stub::AdoptKeyring, request, &response);
    if (!status.ok()) return status;
    return response;
  }
  void GrantOnly(Role role, const std::vector<std::string>& organizations,
                 const std::vector<std::string>& credentials) {
    Policy policy = EverythingGranted();
    policy.grants = {{{kPrincipal}, role, organizations, credentials}};
    callers_.SetPolicy(policy);
  }
};

TEST_F(AdoptKeyringTest, PreviewChangesNothing) {
  const auto preview = Adopt("", /*validate_only=*/true);
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(preview->confirmation(), kConfirmation);
  EXPECT_EQ(preview->credential_count(), 2);
  EXPECT_EQ(preview->organization_count(), 5);
  EXPECT_EQ(preview->sign_in_count(), 17);
  ASSERT_EQ(preview->files_size(), 2);
  EXPECT_EQ(preview->files(0).file(), "/var/lib/billbroker/sessions.db");
  EXPECT_EQ(preview->files(0).aside(), "/var/lib/billbroker/sessions.db.aside-1");
  EXPECT_EQ(adopter_.adopted, 0);
  EXPECT_THAT(audit_.Take(), IsEmpty());
}

TEST_F(AdoptKeyringTest, NeedsTheTypedConfirmation) {
  const absl::Status missing = Adopt("").status();
  EXPECT_EQ(FieldOf(missing), "confirmation");
  EXPECT_THAT(missing.message(), HasSubstr(kConfirmation));
  EXPECT_EQ(FieldOf(Adopt("adopt").status()), "confirmation");
  EXPECT_EQ(adopter_.adopted, 0);
  EXPECT_THAT(Adopt(kConfirmation), IsOk());
  EXPECT_EQ(adopter_.adopted, 1);
}

TEST_F(AdoptKeyringTest, RecordsCallerAndFiles) {
  ASSERT_THAT(Adopt(kConfirmation), IsOk());
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 2U);
  for (const AuditEntry& entry : entries) {
    EXPECT_EQ(entry.event, AuditEvent::kKeyringAdopt);
    EXPECT_EQ(entry.principal, kPrincipal);
    EXPECT_EQ(entry.uid, kUid);
    EXPECT_EQ(entry.set_aside, "sessions.db.aside-1, audit.jsonl.aside-1");
  }
  EXPECT_EQ(entries[1].outcome, "OK");
}

TEST_F(AdoptKeyringTest, ReportsAMissingRecord) {
  audit_.Break();
  const absl::Status status = Adopt(kConfirmation).status();
  EXPECT_THAT(status, HasReason(Reason::kAuditUnavailable));
  EXPECT_THAT(status.message(), HasSubstr("the keyring was adopted, but"));
  EXPECT_EQ(adopter_.adopted, 1);
}

TEST_F(AdoptKeyringTest, PassesRefusalsOn) {
  adopter_.error = MakeError(Reason::kNotAdoptable, "restart billbrokerd first, then adopt");
  EXPECT_THAT(Adopt("", true), HasReason(Reason::kNotAdoptable));
  EXPECT_THAT(Adopt(kConfirmation), HasReason(Reason::kNotAdoptable));
  EXPECT_THAT(Adopt(kConfirmation), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(AdoptKeyringTest, NeedsAGrantOfEverything) {
  GrantOnly(Role::kAdmin, {"0080*"}, {"acme-*"});
  const absl::Status status = Adopt(kConfirmation).status();
  EXPECT_THAT(status, HasReason(Reason::kNotGranted));
  EXPECT_THAT(status.message(), HasSubstr("does not grant everything"));
  GrantOnly(Role::kOperator, {"*"}, {});
  EXPECT_THAT(Adopt("", true), HasReason(Reason::kNotGranted));
  EXPECT_EQ(adopter_.adopted, 0);
  GrantOnly(Role::kAdmin, {"*"}, {});
  EXPECT_THAT(Adopt(kConfirmation), IsOk());
  GrantOnly(Role::kAdmin, {}, {"*"});
  EXPECT_THAT(Adopt(kConfirmation), IsOk());
}

// The same services for callers without a user id, as over TCP.
class RemoteAdoptKeyringTest : public AdoptKeyringTest {
 protected:
  RemoteAdoptKeyringTest() {
    identity_of_remote_.Bind(callers_.Of(kPrincipal));
    grpc::ServerBuilder builder;
    builder.SetContextAllocator(state_.MakeContexts(identity_of_remote_));
    builder.RegisterService(&credential_service_);
    remote_ = builder.BuildAndStart();
    credentials_ = v1::CredentialService::NewStub(remote_->InProcessChannel({}));
  }
  ~RemoteAdoptKeyringTest() override {
    remote_->Shutdown();
    remote_->Wait();
  }

  Identity identity_of_remote_;
  std::unique_ptr<grpc::Server> remote_;
};

TEST_F(RemoteAdoptKeyringTest, IsRefusedOverTcp) {
  for (const bool validate_only : {true, false}) {
    const absl::Status status = Adopt(kConfirmation, validate_only).status();
    EXPECT_THAT(status, HasReason(Reason::kNotGranted));
    EXPECT_THAT(status.message(), HasSubstr("over a Unix socket"));
  }
  EXPECT_EQ(adopter_.adopted, 0);
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].event, AuditEvent::kRefusal);
  EXPECT_EQ(entries[0].rpc, "CredentialService/AdoptKeyring");
}

}  // namespace
}  // namespace billbroker

// Errors while the keyring has not been read once, and the audit log has no key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/rpc/rpc_catalog.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

// Services with an empty credential index.
class UnreadKeyringTest : public RpcCatalogTest {
 protected:
  UnreadKeyringTest() {
    grpc::ServerBuilder builder;
    builder.SetContextAllocator(state_.MakeContexts(identity_));
    builder.RegisterService(&unread_credentials_);
    builder.RegisterService(&unread_mfa_);
    unread_server_ = builder.BuildAndStart();
    const std::shared_ptr<grpc::Channel> channel = unread_server_->InProcessChannel({});
    credentials_ = v1::CredentialService::NewStub(channel);
    mfa_ = v1::MfaService::NewStub(channel);
    audit_.Break();
  }
  ~UnreadKeyringTest() override {
    unread_server_->Shutdown();
    unread_server_->Wait();
  }

  VaultHealth health_;
  CredentialIndex unread_{health_};
  const Authorizer unread_authorizer_{state_, unread_, broker_.clock, recorder_};
  CredentialServiceImpl unread_credentials_{{unread_,
                                             broker_.remember_me_refusals,
                                             unread_authorizer_,
                                             broker_.manager,
                                             {unread_authorizer_, state_, change_queue_},
                                             broker_.discovery,
                                             broker_.sessions,
                                             hub_,
                                             adopter_}};
  MfaServiceImpl unread_mfa_{{unread_authorizer_,
                              broker_.mfa,
                              broker_.remember_me_refusals,
                              {unread_authorizer_, state_, challenge_queue_}}};
  std::unique_ptr<grpc::Server> unread_server_;
};

TEST_F(UnreadKeyringTest, LockedKeyringIsReportedBeforeTheAuditLog) {
  const std::vector<std::pair<VaultState, Reason>> states = {
      {VaultState::kUnknown, Reason::kVaultUnreachable},
      {VaultState::kLocked, Reason::kVaultLocked},
      {VaultState::kNoBus, Reason::kVaultUnreachable},
      {VaultState::kReady, Reason::kVaultUnreachable},  // and not read yet
  };
  for (const auto& [state, reason] : states) {
    health_.Set(state == VaultState::kReady ? absl::OkStatus() : VaultError(state));
    for (auto& rows : {CredentialRows(), MfaRows()}) {
      for (const Row& row : rows) {
        // The first asks the session manager's index, the second the keyring itself.
        const std::string rpc = row.rpc;
        if (rpc == "DiscoverOrganizations" || rpc == "AdoptKeyring") continue;
        const absl::Status status = row.ask({"granted-name-here", "granted-name-here"});
        EXPECT_THAT(status, HasReason(reason)) << row.rpc << ": " << status;
      }
    }
  }
}

TEST_F(UnreadKeyringTest, PermissionIsCheckedBeforeTheAuditLog) {
  Grant(Role::kReader);
  for (const Row& row : CredentialRows()) {
    const absl::Status status = row.ask({"granted-name-here", "granted-name-here"});
    EXPECT_THAT(status, HasReason(Reason::kNotGranted)) << row.rpc << ": " << status;
  }
}

}  // namespace
}  // namespace billbroker

// SessionServiceImpl: billbroker.v1.SessionService over the session manager.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <utility>

#include "billbroker/v1/session.grpc.pb.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/page.h"
#include "server/rpc/serving_state.h"
#include "server/rpc/wiping_allocator.h"
#include "server/session/session_manager.h"
#include "server/session/watch_hub.h"
#include "vault/base/clock.h"
#include "vault/credential_index.h"
#include "vault/remember_me_refusals.h"
#include "vault/vault_health.h"

namespace billbroker {

// CallbackService, but for GetSession, which gives and takes bytes: see session_wire.h.
using SessionServiceBase = v1::SessionService::WithRawCallbackMethod_GetSession<
    v1::SessionService::WithCallbackMethod_BatchGetSessions<
        v1::SessionService::WithCallbackMethod_Login<v1::SessionService::WithCallbackMethod_Logout<
            v1::SessionService::WithCallbackMethod_WatchSessions<
                v1::SessionService::WithCallbackMethod_ListSessions<
                    v1::SessionService::WithCallbackMethod_GetStatus<
                        v1::SessionService::Service>>>>>>>;

// Checks the shape of a request, asks the session manager, translates. No handler blocks: an answer
// from memory is sent on the calling thread, any other on the thread of the session manager that
// has it. A caller that waits for a session and leaves is forgotten at once: see WaitingReactor.
class SessionServiceImpl final : public SessionServiceBase {
 public:
  struct Parts {  // borrowed
    const Clock& clock;
    Random& random;
    const VaultHealth& vault_health;
    const CredentialIndex& credentials;
    const RememberMeRefusals& remember_me_refusals;
    ServingState& state;
    const Authorizer& authorizer;
    SessionManager& sessions;
    WatchHub& hub;  // which the session manager notifies
    const SessionStore& store;
    const AuditTrail& audit;
    std::string audit_file;
    bool audit_session_reads = false;
  };

  explicit SessionServiceImpl(Parts parts);

  grpc::ServerUnaryReactor* GetSession(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* BatchGetSessions(grpc::CallbackServerContext* context,
                                             const v1::BatchGetSessionsRequest* request,
                                             v1::BatchGetSessionsResponse* response) override;
  grpc::ServerUnaryReactor* Login(grpc::CallbackServerContext* context,
                                  const v1::LoginRequest* request,
                                  v1::LoginResponse* response) override;
  grpc::ServerUnaryReactor* Logout(grpc::CallbackServerContext* context,
                                   const v1::LogoutRequest* request,
                                   v1::LogoutResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchSessionsResponse>* WatchSessions(
      grpc::CallbackServerContext* context, const v1::WatchSessionsRequest* request) override;
  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* context,
                                         const v1::ListSessionsRequest* request,
                                         v1::ListSessionsResponse* response) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;

 private:
  void FillAudit(v1::AuditStatus& status) const;
  // The call's answer in one page, or why not.
  [[nodiscard]] absl::Status ListPage(const v1::ListSessionsRequest& request, const PageWish& page,
                                      const Grants& grants,
                                      v1::ListSessionsResponse& response) const;

  const Parts parts_;
  WipingAllocator<v1::BatchGetSessionsRequest, v1::BatchGetSessionsResponse> batch_messages_;
  WipingAllocator<v1::LoginRequest, v1::LoginResponse> login_messages_;
};

}  // namespace billbroker
